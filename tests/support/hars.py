"""HAR files, held against the specification's own words (har.schema.json)."""

import json
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

SCHEMA: Final = json.loads(Path(__file__).with_name("har.schema.json").read_text(encoding="utf-8"))
VALIDATOR: Final = Draft202012Validator(SCHEMA)


def entries(text: str | bytes) -> list[Any]:
    """Those of a file, which is right."""
    har = json.loads(text)
    assert [error.message for error in VALIDATOR.iter_errors(har)] == []
    found: list[Any] = har["log"]["entries"]
    return found
