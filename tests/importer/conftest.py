"""What the importer's tests share: a project with the zoo's weights, and conversions that are made once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from importer.cache.cache import Cache
from importer.cache.entry import Artifact
from importer.options import ImportOptions
from importer.pipeline import convert
from importer.proof import child_main

ZOO = Path(__file__).parents[1] / "networks" / "zoo.py"
Convert = Callable[..., Artifact]


@pytest.fixture(scope="session")
def zoo_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that plays the Godot project: zoo.py is its factory."""
    folder = tmp_path_factory.mktemp("zoo_project")
    shutil.copyfile(ZOO, folder / "zoo.py")
    return folder


@pytest.fixture(scope="session", autouse=True)
def short_measurements() -> Iterator[None]:
    """The times of programs are not tested: the many conversions measure for a moment only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child_main, "_TIMING_SECONDS", 0.02)
        yield


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="session")
def weights(zoo_project: Path) -> Callable[..., Path]:
    """Save a state dict of the zoo: `weights("mlp", hidden=16)` -> its file."""
    import torch

    from tests.networks import zoo

    def save(name: str, **arguments: Any) -> Path:
        path = zoo_project / f"{name}{'_'.join(f'{key}{value}' for key, value in arguments.items())}.pth"
        if not path.exists():
            torch.save(zoo.build(name, **arguments).state_dict(), path)
        return path

    return save


@pytest.fixture(scope="session")
def convert_zoo(zoo_project: Path, weights: Callable[..., Path], session_cache: Cache) -> Convert:
    """Convert a model of the zoo through its state dict and factory; the same call twice comes from the cache."""

    def run(name: str, arguments: dict[str, Any] | None = None, **options: Any) -> Artifact:
        given = {"factory": "res://zoo.py:build", "factory_arguments": json.dumps({"name": name, **(arguments or {})})}
        chosen = ImportOptions.from_mapping({**given, **options})
        return convert(weights(name, **(arguments or {})), project=zoo_project, cache=session_cache, options=chosen)

    return run


@pytest.fixture(scope="session")
def convert_file(session_cache: Cache) -> Convert:
    """Convert a file as it is."""

    def run(path: Path, allow_pickle: bool = False, project: Path | None = None, **options: Any) -> Artifact:
        chosen = ImportOptions.from_mapping(options)
        return convert(path, project=project, cache=session_cache, options=chosen, allow_pickle=allow_pickle)

    return run
