"""What holds for every file of the tree: who imports whom, and nothing that only one machine has."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.godot_projects import ROOT

# A part, and what of the tree it may import besides itself.
MAY_IMPORT = {
    "importer": set[str](),
    "python_backend": {"importer"},
    "godot_executorch": {"importer", "python_backend"},
    "tasks": {"importer", "python_backend"},
    "benchmarks": {"importer", "python_backend", "tasks"},
    "tests": {"godot_executorch", "importer", "python_backend", "tasks", "benchmarks", "native"},
    "native": {"tests"},
}
# Addresses that texts and tests may name: standards, the projects that ours is made of, and names that lead nowhere.
HOSTS = re.compile(
    r"(127\.0\.0\.1|localhost|example(\.\w+)?|[\w.-]+\.example|evil(\.\w+)?|git-lfs|git-lfs\.github\.com|"
    r"[\w.-]*\.evil\.com|evil\.example\.com|github\.com|www\.w3\.org|json-schema\.org|modelcontextprotocol\.io|"
    r"(docs\.)?pytorch\.org|docs\.godotengine\.org)"
)
REGISTRIES = re.compile(r"\b(pypi\.org|pythonhosted\.org|npmjs\.org|deb\.debian\.org|huggingface\.co)\b")
# `/home/u/` is the made-up user of a test.
MACHINE_PATHS = re.compile(r"(?<![\w.~}/-])/(?:root|work|mnt|srv|home/(?!u/)\w|Users/(?!u/)\w|tmp/[\w.-]+/)[^\s]*")


def tracked() -> list[Path]:
    """The files that git knows, those added by hand a moment ago included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def texts() -> dict[str, str]:
    """The text files of the tree by their names; this file, which has the patterns, is left out."""
    found = {}
    for path in tracked():
        if path != Path(__file__):
            content = path.read_bytes()
            if b"\0" not in content[:4096]:
                found[path.relative_to(ROOT).as_posix()] = content.decode("utf-8", errors="replace")
    return found


def imported(path: Path) -> set[str]:
    """The first names of all imports of a module, those inside of functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
    return found


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_who_imports_whom(part: str) -> None:
    files = [path for path in tracked() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] == part]
    assert files
    allowed = MAY_IMPORT[part] | {part}
    wrong = {path.name: imported(path) & (MAY_IMPORT.keys() - allowed) for path in files}
    assert {name: parts for name, parts in wrong.items() if parts} == {}


def test_each_script_of_a_project_has_its_uid() -> None:
    # Without it Godot makes another one on each machine.
    files = {path.relative_to(ROOT).as_posix() for path in tracked()}
    scripts = [name for name in files if re.match(r"(addons|sample_project|tests)/.*\.gd$", name)]
    assert len(scripts) > 100
    assert [name for name in scripts if f"{name}.uid" not in files] == []


def test_no_file_names_a_registry() -> None:
    found = {}
    for name, text in texts().items():
        hosts = re.findall(r"https?://([\w.-]+)", text)
        wrong = [host for host in hosts if not HOSTS.fullmatch(host.rstrip("."))] + REGISTRIES.findall(text)
        if wrong:
            found[name] = wrong
    assert found == {}


def test_no_file_names_a_path_of_one_machine() -> None:
    found = {name: [match.group() for match in MACHINE_PATHS.finditer(text)] for name, text in texts().items()}
    for place in (str(ROOT), str(Path.home())):
        for name, text in texts().items():
            if len(place) > 5 and place in text:
                found[name].append(place)
    assert {name: paths for name, paths in found.items() if paths} == {}


def test_the_patterns_find_what_they_are_for() -> None:
    assert MACHINE_PATHS.search("cd /home/ann/game") and MACHINE_PATHS.search('"/root/x"')
    assert not MACHINE_PATHS.search("res://home/x") and not MACHINE_PATHS.search("project/root/x")
    assert HOSTS.fullmatch("127.0.0.1") and not HOSTS.fullmatch("mirror.company.com")
