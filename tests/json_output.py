"""Reads what a command prints with `--json`, and checks it against the schema that the output names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

SCHEMAS = Path(__file__).parents[1] / "importer" / "cli" / "schemas"


def read(printed: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed)
    schema = json.loads((SCHEMAS / f"{kind}.json").read_text(encoding="utf-8"))
    assert found["schema"] == schema["$id"]
    jsonschema.Draft202012Validator(schema).validate(found)
    return found
