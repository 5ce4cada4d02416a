"""The package that people unzip into their project: the addon with its library and its Python packages."""

from __future__ import annotations

import argparse
import configparser
import os
import re
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks import project
from tasks.console import ROOT, StepFailed, megabytes, step
from tasks.cross import extension_file, targets
from tasks.cross.build import check_fresh, how_to_build
from tasks.cross.targets import Target

SKIPPED = {"__pycache__", ".mypy_cache"}
# The folder of the package with the scenes of the sample project.
SAMPLE = "executorch_sample"
_SAMPLE_ENDINGS = {".tscn", ".gd", ".json", ".pt", ".pth", ".pte", ".py", ".import"}
_SAMPLE_FOLDERS = {"", "models", "data"}


def version() -> str:
    """The version in plugin.cfg."""
    config = configparser.ConfigParser()
    config.read(project.ADDON / "plugin.cfg", encoding="utf-8")
    return config["plugin"]["version"].strip('"')


def run_package(arguments: Sequence[str]) -> int:
    """The command: a package of everything that was built, or of each `--target`."""
    parser = argparse.ArgumentParser(prog="dev.py package", description=__doc__)
    parser.add_argument("--target", action="append", default=[], metavar="NAME", help="only these of what was built")
    given = parser.parse_args(arguments)
    print(make_package([targets.find(name) for name in given.target]))
    return 0


def make_package(chosen: Sequence[Target] = ()) -> Path:
    """Make dist/godot-executorch-VERSION.zip, or -TARGET.zip of a single target; returns its path.

    Without a choice it has every target that was built. A library that is missing or of other sources is refused.
    """
    for target in chosen:
        if not target.is_built and target != targets.host():
            raise StepFailed(f"{target.name} was not built", how_to_build(target))
    project.ensure_ready()
    chosen = chosen or targets.built()
    for target in chosen:
        check_fresh(target)
    ending = f"-{chosen[0].name}" if len(chosen) == 1 else ""
    path = ROOT / "dist" / f"godot-executorch-{version()}{ending}.zip"
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".zip.part")
    with step(f"write {path.name} for {', '.join(target.name for target in chosen)}"):
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            _write_addon(archive, chosen)
            for name in ("LICENSE", "NOTICE"):
                archive.write(ROOT / name, f"addons/executorch/{name}")
            sample = sample_files()
            for name, content in documentation_files(sample).items():
                _write(archive, f"addons/executorch/docs/{name}", content)
            for name, content in sample.items():
                _write(archive, f"{SAMPLE}/{name}", content)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    print(f"  ok {megabytes(path.stat().st_size)}")
    return path


def _write_addon(archive: zipfile.ZipFile, chosen: Sequence[Target]) -> None:
    """Every file of the addon. Links are followed, so the package contains copies of the Python packages."""
    folders_of_libraries = {target.folder for target in chosen}
    for folder, folders, files in os.walk(project.ADDON, followlinks=True):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        if Path(folder).parent == targets.BIN and Path(folder) not in folders_of_libraries:
            continue
        for path in (Path(folder) / name for name in sorted(files) if not name.endswith((".pyc", ".tmp"))):
            name = path.relative_to(ROOT).as_posix()
            if path == extension_file.PATH:
                _write(archive, name, extension_file.text_for(chosen).encode())
            else:
                archive.write(path, name)


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """A file that everyone may read: without a mode, unzipped files are their owner's alone."""
    entry = zipfile.ZipInfo(name, time.localtime()[:6])
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def documentation_files(sample: Mapping[str, bytes]) -> dict[str, bytes]:
    """The pages that messages name and their pictures by their names, with paths as they are in the package."""
    found = {"images/.gdignore": b""}  # Godot would import the pictures as textures
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = _with_sample_paths(page.read_text(encoding="utf-8"), sample)
        found[page.name] = text.replace("](../importer/", "](../python/importer/").encode()
    for picture in sorted((ROOT / "docs" / "images").glob("*.png")):
        found[f"images/{picture.name}"] = picture.read_bytes()
    return found


def sample_files() -> dict[str, bytes]:
    """The sample project's scenes, scripts and models by their names, with paths as they are below SAMPLE."""
    sample = ROOT / "sample_project"
    found = {}
    for path in sorted(sample.rglob("*")):
        name = path.relative_to(sample)
        folder = "" if name.parent == Path() else name.parent.as_posix()
        if path.is_file() and folder in _SAMPLE_FOLDERS and path.suffix in _SAMPLE_ENDINGS:
            content = path.read_bytes()
            if path.suffix == ".import":
                if path.with_suffix("").suffix not in _SAMPLE_ENDINGS:
                    continue
                content = _import_options(content.decode()).encode()
            if path.suffix in (".tscn", ".gd", ".import"):
                content = _moved(content.decode()).encode()
            found[name.as_posix()] = content
    return found


def _moved(text: str) -> str:
    """A text of the sample project whose paths lead into SAMPLE. The addon's own paths stay."""
    text = re.sub(r'(?<=ext_resource )(.*?) uid="[^"]*"', r"\1", text)
    return re.sub(r"res://(?!addons/)(?=[\w.])", f"res://{SAMPLE}/", text)


def _import_options(text: str) -> str:
    """An .import file with its options only: what it says of imported files is of the sample project."""
    options = text[text.index("[params]") :]
    return f'[remap]\n\nimporter="executorch.model"\n\n{options}'


def _with_sample_paths(text: str, sample: Mapping[str, bytes]) -> str:
    """A page of the documentation whose paths of the sample project's files lead into SAMPLE."""
    for name in sorted(sample, key=len, reverse=True):
        text = text.replace(f"res://{name}", f"res://{SAMPLE}/{name}")
    return text
