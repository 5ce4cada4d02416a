"""A cache that several projects share: what is in it is used when somebody known signed it, and never otherwise."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import import_project
from tests.godot_projects import GodotProject
from tests.import_project import ModelProject, errors_of

TEAM = {"EXECUTORCH_CACHE_SIGNING_KEY": "7e" * 32}
NOBODY = {"EXECUTORCH_CACHE_SIGNING_KEY": ""}
PROGRAMS = {
    "whole.pte": "linear_portable.pte",
    "changed.pte": "linear_xnnpack.pte",
    "unsigned.pte": "counter.pte",
    "replayed.pte": "dtypes.pte",
    "linked.pte": "number.pte",
    "foreign.pte": "two_methods.pte",
}
REFUSALS = {
    "changed.pte": "CACHE_DAMAGED",
    "unsigned.pte": "CACHE_ENTRY_UNSIGNED",
    "replayed.pte": "CACHE_ENTRY_MISPLACED",
    "linked.pte": "CACHE_ENTRY_LINKED",
    "foreign.pte": "CACHE_ENTRY_FOREIGN",
}


@pytest.fixture(scope="session")
def without_python(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"EXECUTORCH_PYTHON": str(tmp_path_factory.mktemp("no") / "python"), "PATH": os.defpath}


@pytest.fixture(scope="session")
def shared_cache(godot: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What CI left: a signed entry for each program. Tests copy it."""
    place = tmp_path_factory.mktemp("shared")
    project = make_project(place / "ci", place / "cache", godot, models)
    run = project.godot.import_all(env=TEAM)
    assert run.status == 0, run.output
    return place / "cache"


def make_project(path: Path, cache: Path, godot: Path, models: Path) -> ModelProject:
    from tests import godot_projects

    made = import_project.fill(godot_projects.make(path, godot, cache), models)
    (path / "models" / "good.pt").unlink()
    for name, source in PROGRAMS.items():
        shutil.copy(models / source, path / "models" / name)
    return made


@pytest.fixture
def teammate(tmp_path: Path, godot: Path, models: Path, shared_cache: Path) -> ModelProject:
    """Another project with the same models, and a cache of its own that holds what CI left."""
    shutil.copytree(shared_cache, tmp_path / "cache", symlinks=True)
    return make_project(tmp_path / "teammate", tmp_path / "cache", godot, models)


def entry_of(project: ModelProject, name: str) -> Path:
    """The cache's entry of res://models/NAME."""
    for metadata in (project.godot.path.parent / "cache").glob("*/*/metadata.json"):
        if json.loads(metadata.read_text(encoding="utf-8"))["source"]["path"] == f"res://models/{name}":
            return metadata.parent
    raise AssertionError(name)


def attack(project: ModelProject, secret: Path) -> None:
    """What somebody with write access to the cache can do."""
    changed = entry_of(project, "changed.pte") / "model.pte"
    data = bytearray(changed.read_bytes())
    data[-1] ^= 1
    changed.write_bytes(data)
    (entry_of(project, "unsigned.pte") / "signature.json").unlink()
    replayed = entry_of(project, "replayed.pte")
    shutil.rmtree(replayed)
    shutil.copytree(entry_of(project, "whole.pte"), replayed)
    linked = entry_of(project, "linked.pte") / "model.pte"
    linked.unlink()
    linked.symlink_to(secret)
    # The attacker signs, with a key of their own.
    from importer.cache.entry import seal
    from importer.cache.signing_keys import SigningKey

    foreign = entry_of(project, "foreign.pte")
    seal(foreign.name, foreign, [SigningKey("theirs", b"t" * 32)])


def installed(project: ModelProject) -> dict[str, list[bytes]]:
    """What .godot/imported has of each model."""
    folder = project.godot.path / ".godot" / "imported"
    return {name: [path.read_bytes() for path in folder.glob(f"{name}-*.p*")] for name in PROGRAMS}


def test_a_teammate_without_python_installs_what_ci_signed(
    teammate: ModelProject, without_python: dict[str, str]
) -> None:
    run = teammate.godot.import_all(env={**without_python, **TEAM})
    assert run.status == 0, run.output
    assert all(len(files) == 1 for files in installed(teammate).values())
    assert teammate.answer("whole.pte") == "[8.0]"


def test_what_nobody_known_signed_is_refused(
    teammate: ModelProject, without_python: dict[str, str], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"a file of the system")
    attack(teammate, secret)
    run = teammate.godot.import_all(env={**without_python, **TEAM})
    assert run.status != 0
    for name, code in REFUSALS.items():
        lines = errors_of(run, name)
        assert len(lines) == 1 and f"[{code}]" in lines[0], run.output
    files = installed(teammate)
    assert [name for name, found in files.items() if found] == ["whole.pte"]


@pytest.mark.slow
def test_with_python_the_refused_ones_are_converted_again(teammate: ModelProject, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"a file of the system")
    attack(teammate, tmp_path / "secret")
    run = teammate.godot.import_all(env=TEAM)
    assert run.status == 0, run.output
    assert all(len(files) == 1 for files in installed(teammate).values())
    assert (tmp_path / "secret").read_bytes() == b"a file of the system"


@pytest.mark.slow
def test_without_a_teams_key_an_unsigned_entry_is_tried_and_marked(
    teammate: ModelProject, without_python: dict[str, str], tmp_path: Path
) -> None:
    """A person without Python opens a project out of the web whose cache is in it."""
    (tmp_path / "secret").write_bytes(b"a file of the system")
    attack(teammate, tmp_path / "secret")
    unsigned = entry_of(teammate, "changed.pte")  # and this one cannot be run at all
    (unsigned / "signature.json").unlink()
    forge(unsigned, b"\0" * 1000)
    linked = entry_of(teammate, "linked.pte")  # the hash of a system's file may be known
    (linked / "signature.json").unlink()
    (linked / "model.pte").unlink()
    forge(linked, b"a file of the system")
    (linked / "model.pte").unlink()
    (linked / "model.pte").symlink_to(tmp_path / "secret")
    run = teammate.godot.import_all(env={**without_python, **NOBODY})
    assert "[CACHE_ENTRY_LINKED]" in errors_of(run, "linked.pte")[0], run.output
    for path in teammate.godot.path.rglob("*"):
        assert not path.is_file() or b"a file of the system" not in path.read_bytes(), path
    files = installed(teammate)
    assert files["unsigned.pte"] and files["foreign.pte"] and files["whole.pte"], run.output
    assert not files["changed.pte"] and not files["linked.pte"] and not files["replayed.pte"], run.output
    imported = next((teammate.godot.path / ".godot" / "imported").glob("whole.pte-*.tres")).read_text(encoding="utf-8")
    assert '"unproved": true' in imported
    assert teammate.answer("whole.pte") == "[8.0]"


def forge(entry: Path, program: bytes) -> None:
    """Other bytes with the hash that belongs to them."""
    import hashlib

    (entry / "model.pte").write_bytes(program)
    metadata = json.loads((entry / "metadata.json").read_text(encoding="utf-8"))
    metadata["payload"] |= {"sha256": hashlib.sha256(program).hexdigest(), "size": len(program)}
    (entry / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")


def test_a_key_in_the_editor_settings(
    teammate: ModelProject, shared_cache: Path, without_python: dict[str, str]
) -> None:
    """A teammate without Python pastes the team's key into Editor Settings."""
    (found,) = (shared_cache.parent / "ci" / ".godot_data" / "config" / "godot").glob("editor_settings-*.tres")
    settings = Path(teammate.godot.environment["XDG_CONFIG_HOME"]) / "godot" / found.name
    settings.parent.mkdir(parents=True)
    line = f'executorch/import/cache_signing_key = "{TEAM["EXECUTORCH_CACHE_SIGNING_KEY"]}"\n'
    settings.write_text(found.read_text(encoding="utf-8").rstrip() + "\n" + line, encoding="utf-8")
    (entry_of(teammate, "unsigned.pte") / "signature.json").unlink()
    run = teammate.godot.import_all(env={**without_python, **NOBODY})
    assert "[CACHE_ENTRY_UNSIGNED]" in errors_of(run, "unsigned.pte")[0], run.output
    whole = next((teammate.godot.path / ".godot" / "imported").glob("whole.pte-*.tres")).read_text(encoding="utf-8")
    assert "unproved" not in whole


def test_the_teams_key_is_in_no_file_of_the_project(shared_cache: Path) -> None:
    secret = bytes.fromhex(TEAM["EXECUTORCH_CACHE_SIGNING_KEY"])
    for path in shared_cache.parent.rglob("*"):
        if path.is_file() and ".godot_data" not in path.parts and "addons" not in path.parts:
            content = path.read_bytes()
            assert secret not in content and secret.hex().encode() not in content, path


@pytest.mark.slow
def test_a_persons_own_cache_needs_no_key(
    project: Callable[..., GodotProject], models: Path, without_python: dict[str, str]
) -> None:
    made = import_project.fill(project(), models)
    assert made.godot.import_all(env=NOBODY).status == 0
    for folder in ("imported", "editor"):
        shutil.rmtree(made.godot.path / ".godot" / folder, ignore_errors=True)
    run = made.godot.import_all(env={**without_python, **NOBODY})
    assert run.status == 0, run.output
    assert made.payloads("good.pt")
