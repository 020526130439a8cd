"""jsonschema's own judge of a schema's name."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry

from mockserver.contract.schemas import FORMATS

FOLDER = Path(__file__).resolve().parents[2] / "schemas"


FILES: dict[str, Any] = {path.name: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.iterdir())}


REGISTRY: Registry[Any] = Registry().with_contents([(schema["$id"], schema) for schema in FILES.values()])


def judge(name: str) -> Draft202012Validator:
    return Draft202012Validator(FILES[f"{name}.schema.json"], registry=REGISTRY, format_checker=FORMATS)
