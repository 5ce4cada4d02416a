"""A pytest plugin: `*_test.gd` files become test items, run by a real Godot, one process for each folder.

A folder with such files has a `godot.json`:
{"mode": "game" | "editor", "models": [names in the `models` fixture], "timeout": seconds}.
Files of an editor group begin with `@tool`.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tasks import godot as godot_task
from tests import godot_projects, model_sources
from tests.godot_projects import ROOT, GodotProject, is_error

TESTS = ROOT / "tests"
CASE = re.compile(r"^func (test_\w+)\(", re.MULTILINE)


@dataclass
class Outcome:
    """What a case printed and reported; not done when Godot ended inside it."""

    output: list[str] = field(default_factory=list)
    done: bool = False
    failures: list[str] = field(default_factory=list)
    expected_errors: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What failed, the errors that the case did not expect, and the expected ones that are missing."""
        errors = [line for line in self.output if is_error(line)]
        unexpected = [line for line in errors if not any(part in line for part in self.expected_errors)]
        missing = [part for part in self.expected_errors if not any(part in line for line in errors)]
        found = [*self.failures, *(f"unexpected: {line}" for line in unexpected)]
        return [*found, *(f"expected an error with: {part}" for part in missing)]


@dataclass
class GroupResult:
    """One run of Godot: the cases it reached, and what it printed outside of them."""

    cases: dict[tuple[str, str], Outcome]
    outside: list[str]
    status: int
    tail: str


class CaseFailed(Exception):
    """A case's failure, already in words."""


class GodotFile(pytest.File):
    """A GDScript file of cases."""

    def collect(self) -> Iterator[pytest.Item]:
        for name in CASE.findall(self.path.read_text(encoding="utf-8")):
            yield CaseItem.from_parent(self, name=name)


class GroupFile(pytest.File):
    """A group's godot.json: one item for what Godot prints outside of the cases."""

    def collect(self) -> Iterator[pytest.Item]:
        yield OutputItem.from_parent(self, name="output")


class GodotItem(pytest.Item):
    """What the two kinds of items share."""

    def group(self) -> GroupResult:
        folder = self.path.parent
        if getattr(self, "execution_count", 1) > 1 and isinstance(self, CaseItem):
            # A rerun: this case alone, in a Godot of its own.
            return run_group(folder, [self.selector()])
        results: dict[Path, GroupResult] = self.config.stash.setdefault(RESULTS, {})
        if folder not in results:
            cases = [item for item in self.session.items if isinstance(item, CaseItem) and item.path.parent == folder]
            results[folder] = run_group(folder, [case.selector() for case in cases])
        return results[folder]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


class CaseItem(GodotItem):
    """One `test_*` method."""

    def selector(self) -> tuple[str, str]:
        """The file below tests/ and the method, as tests/runner.gd wants them."""
        return self.path.relative_to(TESTS).as_posix(), self.name

    def runtest(self) -> None:
        group = self.group()
        outcome = group.cases.get(self.selector())
        if outcome is None:
            raise CaseFailed(f"not reached: Godot ended before (status {group.status})\n{group.tail}")
        if not outcome.done:
            raise CaseFailed(f"Godot ended inside this case (status {group.status})\n{group.tail}")
        if outcome.problems:
            raise CaseFailed("\n".join([*outcome.problems, "--- output", *outcome.output[-40:]]))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


class OutputItem(GodotItem):
    """No errors outside of the cases, and a clean end."""

    def runtest(self) -> None:
        group = self.group()
        errors = [line for line in group.outside if is_error(line)]
        if errors or group.status != 0:
            raise CaseFailed("\n".join([f"status {group.status}", *errors, "--- output", *group.outside[-60:]]))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, "Godot's output outside of the cases"


RESULTS = pytest.StashKey[dict[Path, GroupResult]]()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.name.endswith("_test.gd"):
        return GodotFile.from_parent(parent, path=file_path)
    if file_path.name == "godot.json":
        return GroupFile.from_parent(parent, path=file_path)
    return None


def cases_of(folder: Path) -> list[tuple[str, str]]:
    """Every case of a group: its file below tests/ and its method."""
    files = {path: path.relative_to(TESTS).as_posix() for path in sorted(folder.glob("*_test.gd"))}
    return [(name, case) for path, name in files.items() for case in CASE.findall(path.read_text(encoding="utf-8"))]


def run_group(folder: Path, selected: list[tuple[str, str]], engine: Sequence[str | Path] = ()) -> GroupResult:
    """Run cases in a project of their own. engine: the words that start another Godot than the one that imports."""
    settings = json.loads((folder / "godot.json").read_text(encoding="utf-8"))
    models = model_sources.ensure()
    with tempfile.TemporaryDirectory(prefix="executorch-tests-") as temporary:
        project = godot_projects.make(
            Path(temporary) / "project", godot_task.ensure().program, model_sources.artifact_cache()
        )
        project.add([models / name for name in settings.get("models", [])])
        _add_cases(project, folder, selected, editor=settings["mode"] == "editor")
        imported = project.import_all(env={"EXECUTORCH_TEST_CASES": "wait"})
        arguments = ["--editor"] if settings["mode"] == "editor" else ["res://tests/runner.tscn"]
        run = project.run(*arguments, timeout=settings.get("timeout", 120), engine=engine)
        if "@@END" not in run.output and imported.status != 0:
            run = godot_projects.Run(imported.output + run.output, imported.status)
        return _parse(run)


def _add_cases(project: GodotProject, folder: Path, selected: list[tuple[str, str]], *, editor: bool) -> None:
    target = project.path / "tests"
    shutil.copytree(folder, target / folder.name, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name in ("case.gd", "runner.gd", "runner.tscn"):
        text = (TESTS / name).read_text(encoding="utf-8")
        # Only tool scripts run in an editor; in a game the same word would ask all cases to be tool scripts.
        (target / name).write_text(f"@tool\n{text}" if editor and name.endswith(".gd") else text, encoding="utf-8")
    (target / "selection.json").write_text(json.dumps(selected), encoding="utf-8")
    if editor:
        plugin = project.path / "addons" / "executorch_tests"
        plugin.mkdir()
        shutil.copy(TESTS / "editor_runner.gd", plugin / "plugin.gd")
        (plugin / "plugin.cfg").write_text(
            '[plugin]\nname="Tests"\ndescription=""\nauthor=""\nversion="1"\nscript="plugin.gd"\n', encoding="utf-8"
        )
        text = (project.path / "project.godot").read_text(encoding="utf-8")
        text = text.replace('plugin.cfg")', 'plugin.cfg", "res://addons/executorch_tests/plugin.cfg")')
        (project.path / "project.godot").write_text(text, encoding="utf-8")


def _parse(run: godot_projects.Run) -> GroupResult:
    cases: dict[tuple[str, str], Outcome] = {}
    outside: list[str] = []
    current: Outcome | None = None
    for line in run.output.splitlines():
        if line.startswith("@@CASE "):
            file, name = json.loads(line[7:])
            current = cases[file, name] = Outcome()
        elif line.startswith("@@DONE ") and current is not None:
            _, _, current.failures, current.expected_errors, _ = json.loads(line[7:])
            current.done = True
            current = None
        elif current is not None:
            current.output.append(line)
        elif not line.startswith("@@END"):
            outside.append(line)
    return GroupResult(cases, outside, run.status, "\n".join(run.output.splitlines()[-60:]))
