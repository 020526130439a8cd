"""The command `init`: a fixture to begin with, in a folder of one's own. It overwrites nothing."""

import argparse
import shlex
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

from mockserver.fixtures import source
from mockserver.packaged import folder

NAME: Final = "example.yaml"
EXAMPLE: Final = (files("mockserver") / "cli" / NAME).read_text("utf-8")


def run(arguments: argparse.Namespace) -> int:
    target: str = arguments.folder
    path = Path(target, NAME)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = source.files_in(path.parent)
        if there:
            names = ", ".join(name for name, _ in there)
            print(f"ocp-mockserver: nothing written: {target} has fixtures already ({names})", file=sys.stderr)
            return 1
        with path.open("x", encoding="utf-8") as stream:
            stream.write(EXAMPLE)
    except OSError as error:
        print(f"ocp-mockserver: cannot write {path}: {error.strerror}", file=sys.stderr)
        return 1
    quoted = shlex.quote(target)
    print(f"""\
wrote {path}

next:
  ocp-mockserver serve {quoted}       serves it, and loads what you save in it
  ocp-mockserver validate {quoted}    says what is wrong with it
  for an editor that completes keys, let this be its first line:
  # yaml-language-server: $schema={folder("schemas") / "fixture.schema.json"}""")
    return 0
