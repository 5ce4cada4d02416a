"""The tables of settings, import options and metadata have every name and default."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

from importer import pipeline
from importer.options import ImportOptions
from tests.godot_projects import ROOT

ADDON = ROOT / "addons" / "executorch"
ROW = re.compile(r"^\| `(executorch/[\w/]+)` \| `([^`]*)` \|", re.MULTILINE)


def declared(script: str, table: str) -> dict[str, str]:
    """Setting -> default, as one of a script's tables has them."""
    text = (ADDON / script).read_text(encoding="utf-8")
    constants = dict(re.findall(r'^const (\w+): String = ("[^"]*")$', text, re.MULTILINE))
    (entries,) = re.findall(rf"^const {table}: .*?= \{{\n(.*?)^\}}", text, re.MULTILINE | re.DOTALL)
    found = re.findall(r"^\t(\w+): \[(\[\]|[^,]+),", entries, re.MULTILINE)
    return {constants[name].strip('"'): constants.get(default, default) for name, default in found}


def test_the_tables_are_those_of_the_scripts() -> None:
    page = (ROOT / "docs" / "editor.md").read_text(encoding="utf-8")
    _, of_project, of_editor = re.split(r"^\| (?:project|editor) setting", page, flags=re.MULTILINE)
    in_games = declared("runtime/library/project_settings.gd", "ALL")
    in_editor = declared("editor/shared/settings.gd", "OF_PROJECT")
    assert len(in_games) > 8 and len(in_editor) > 4
    assert dict(ROW.findall(of_project)) == {**in_editor, **in_games}
    assert dict(ROW.findall(of_editor)) == declared("editor/shared/settings.gd", "OF_EDITOR")


def test_the_table_of_import_options() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("\n### Options\n")[2].partition("\n## ")[0]
    found = {}
    for names, default in re.findall(r"^\| (`.+?`) \| `([^`]*)` \|", section, re.MULTILINE):
        found |= dict.fromkeys(re.findall(r"`(\w+)`", names), json.loads(default))
    assert found == asdict(ImportOptions())


def test_the_fields_of_the_metadata() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("\n## Metadata\n")[2].partition("\n## ")[0]
    fields = set(re.findall(r"^(\w+) {2,}", section, re.MULTILINE))
    of_store = {"format", "name", "source", "payload", "timings", "provenance", "variants", "training", "search"}
    assert {*pipeline._OF_BUILD, *of_store, "program_version", "external_tensors", "unproved"} == fields
