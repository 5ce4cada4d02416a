"""All hostile files on the whole way, as the editor and the command line go it: confined by what this machine has, by
namespaces alone, and with no sandbox at all."""

from __future__ import annotations

import collections
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from importer.errors import ImporterError
from importer.jobs.conversion import Job, convert
from importer.jobs.reading import read
from importer.jobs.starting import Starter
from importer.jobs.supervisor import Limits, Supervisor
from importer.jobs.warm_parent import WarmParent
from importer.options import ImportOptions
from tests.attacks.hostile.canary import Hostile
from tests.attacks.hostile.families import FAMILIES

# A short run takes every 40th file of each family.
STEP = 40
WRONG = ("INTERNAL_ERROR", "WORKER_ANSWER_INVALID", "SANDBOX_MISSING", "CONVERSION_INCOMPLETE")


@dataclass
class Way:
    """starter: of the processes that read and convert; sandbox: what they must say of theirs."""

    starter: Starter
    sandbox: frozenset[str]


@dataclass
class Found:
    files: int = 0
    confined: int = 0
    codes: collections.Counter[str] = field(default_factory=collections.Counter)
    wrong: list[str] = field(default_factory=list)
    longest: tuple[float, str] = (0.0, "")


@pytest.fixture(scope="module")
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    if request.param == "confined":
        yield Way(WarmParent(), frozenset(["landlock", "namespaces"]))
        return
    if request.param == "namespaces":
        parent = WarmParent(preload="tests.attacks.only_namespaces")
        try:
            read("kinds", [], parent)
        except ImporterError as error:
            assert error.code == "SANDBOX_MISSING", error
            pytest.skip("this machine could not install namespaces")
        yield Way(parent, frozenset(["namespaces"]))
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXECUTORCH_WITHOUT_SANDBOX", "1")
        yield Way(WarmParent(preload="tests.attacks.without_sandbox"), frozenset([""]))


def go_through(hostile: Hostile, way: Way, folder: Path, canary: Path, found: Found) -> None:
    """Convert one file and read it; whatever else is there afterwards is an effect."""
    project, cache = folder / "project", folder / "cache"
    path = hostile.path(project)
    hostile.make(path, canary)
    before = listing(folder)
    began = time.monotonic()
    code = "OPTION_INVALID"
    try:
        options = ImportOptions.from_mapping(hostile.options)
        job = Job(path, str(cache), options, project, f"res://{path.name}")
        supervisor = Supervisor(Limits(float(max(options.deadline_seconds, 1))), lambda *_: None, way.starter)
        code = "converted"
        artifact = convert(job, supervisor, way.starter)
        json.dumps(artifact.metadata)
        confined = supervisor.sandbox
    except ImporterError as error:
        code, confined = error.code, supervisor.sandbox if code == "converted" else ""
        if not error.cause or not error.remedy or len(error.cause) > 5000:
            found.wrong.append(f"{hostile.name}: {code} has no cause, no remedy or too long a one")
    for task in ("inspect", "kinds", "graph"):
        try:
            read(task, [path], way.starter, Limits(20.0, 1 << 30))
        except ImporterError as error:
            found.codes[f"{task}: {error.code}"] += 1
            if error.code in WRONG:
                found.wrong.append(f"{hostile.name}: {task} {error.code} {error.cause[:300]}")
        except FileNotFoundError:
            pass
    found.files += 1
    found.confined += bool(confined)
    found.codes[code] += 1
    found.longest = max(found.longest, (time.monotonic() - began, hostile.name))
    effects = listing(folder) - before
    if canary.exists() or effects:
        found.wrong.append(f"{hostile.name}: an effect, {effects or canary}")
    if code in WRONG or (hostile.codes and code not in hostile.codes):
        found.wrong.append(f"{hostile.name}: {code}")
    if confined and confined not in way.sandbox:
        found.wrong.append(f"{hostile.name}: it ran in the sandbox '{confined}'")
    for place in project.iterdir():  # also what was made for this file
        if place.is_symlink() or not place.is_dir():
            place.unlink()


def listing(folder: Path) -> set[str]:
    """Everything in the folder that lies around all, but for the cache."""
    return {str(path) for path in folder.rglob("*") if "cache" not in path.relative_to(folder).parts[:1]}


def run_all(way: Way, families: Iterable[str], step: int, models: Path, folder: Path) -> None:
    (folder / "project").mkdir()
    (folder / "project" / "project.godot").write_text("config_version=5\n", encoding="utf-8")
    found = Found()
    for family in families:
        for index, hostile in enumerate(FAMILIES[family](models)):
            if index % step == 0:
                go_through(hostile, way, folder, folder / f"canary_{found.files}", found)
    print(f"{found.files} files, {found.confined} of them confined {set(way.sandbox)}; {len(found.wrong)} wrong;")
    print(f"the longest took {found.longest[0]:.1f} s ({found.longest[1]}); {dict(found.codes.most_common())}")
    assert not found.wrong, "\n".join(found.wrong)


def test_there_are_enough_of_them(models: Path) -> None:
    assert sum(1 for files in FAMILIES.values() for _ in files(models)) >= 500


@pytest.mark.parametrize("way", ["without"], indirect=True)
def test_some_files_have_no_effect(way: Way, models: Path, tmp_path: Path) -> None:
    run_all(way, FAMILIES, STEP, models, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", ["confined", "namespaces", "without"], indirect=True)
def test_no_file_has_an_effect(family: str, way: Way, models: Path, tmp_path: Path) -> None:
    run_all(way, [family], 1, models, tmp_path)
