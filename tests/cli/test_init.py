"""`init`: a fixture to begin with. It loads without a warning, and nothing of anybody's is overwritten."""

import re
import shlex
from pathlib import Path

import pytest

from mockserver.cli.init import EXAMPLE, NAME
from mockserver.cli.main import main
from mockserver.fixtures.mistakes import Mistake
from mockserver.fixtures.source import Text, load


def test_it_writes_an_example_into_a_new_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "fixtures"
    assert main(["init", str(folder)]) == 0
    assert [file.name for file in folder.iterdir()] == [NAME]
    assert (folder / NAME).read_text(encoding="utf-8") == EXAMPLE


def test_the_example_loads_without_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path)])
    capsys.readouterr()
    assert main(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}: 2 tasks, 5 subtasks, valid\n"


def test_it_says_what_to_do_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["init", "my fixtures"])
    out = capsys.readouterr().out
    commands = [shlex.split(line) for line in out.splitlines() if line.startswith("  ocp-mockserver ")]
    assert [command[1:3] for command in commands] == [["serve", "my fixtures"], ["validate", "my fixtures"]]
    assert main(commands[1][1:3]) == 0
    schema = re.search(r"# yaml-language-server: \$schema=(.*)", out)
    assert schema is not None
    assert Path(schema[1]).exists()


@pytest.mark.parametrize("name", [NAME, "mine.json", "mine.yml"])
def test_a_folder_that_has_fixtures_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / name).write_text("mine")
    assert main(["init", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert name in err
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {name: "mine"}


def test_other_files_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text() == "mine"


def test_what_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / NAME).symlink_to(tmp_path / "elsewhere")
    assert main(["init", str(tmp_path / "folder")]) == 1
    assert not (tmp_path / "elsewhere").exists()


def alternatives() -> dict[str, str]:
    """The example with one of the keys that are commented out, in the place of the same key if it is there."""
    lines, found = EXAMPLE.splitlines(), {}
    for number, line in enumerate(lines):
        key = re.match(r"( *)# (\w+:)", line)
        if key is not None:
            end = next((n for n in range(number + 1, len(lines)) if not lines[n].startswith("#   ")), len(lines))
            text = [one.replace("# ", "", 1) for one in lines[number:end]]
            before, after = (
                [one for one in part if key[1] or not one.startswith(key[2])] for part in (lines[:number], lines[end:])
            )
            found[line.strip()] = "\n".join([*before, *text, *after])
    return found


@pytest.mark.parametrize("key", alternatives())
def test_what_is_commented_out_would_load_too(key: str) -> None:
    odd: list[Mistake] = []
    load(Text(alternatives()[key], NAME), now=0, warn=odd.append)
    assert odd == []


def test_there_are_keys_to_uncomment() -> None:
    keys = [re.findall(r"\w+", one)[0] for one in alternatives()]
    assert keys == ["auth", "clock", "clock", "prohibitRollback", "retryCount", "faults", "denials"]
