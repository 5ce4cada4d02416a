"""Facts that Python and GDScript both keep are the same in both."""

from __future__ import annotations

import re
from pathlib import Path

from importer.options import LIMITS
from python_backend import PROTOCOL, wrong_python

ROOT = Path(__file__).parents[2]
EDITOR = ROOT / "addons" / "executorch" / "editor"


def constant(path: Path, name: str) -> str:
    found = re.search(rf"^const {name}: \w+ = (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return found.group(1)


def test_the_protocol() -> None:
    assert constant(EDITOR / "backend" / "backend_launch.gd", "PROTOCOL") == str(PROTOCOL)


def test_the_versions_of_python() -> None:
    interpreters = EDITOR / "backend" / "interpreters.gd"
    assert (3, int(constant(interpreters, "OLDEST"))) == wrong_python.OLDEST
    assert (3, int(constant(interpreters, "NEWEST")) + 1) == wrong_python.TOO_NEW
    assert constant(interpreters, "VERSIONS") == f'"{wrong_python.RANGE}"'
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={_text(wrong_python.OLDEST)},<{_text(wrong_python.TOO_NEW)}"' in text


def test_the_options_that_only_bound_a_conversion() -> None:
    found = constant(EDITOR / "cache" / "cache_key.gd", "LIMITS")
    assert tuple(re.findall(r'"(\w+)"', found)) == LIMITS


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
