"""Nothing that a hostile file says happens: its canary never appears, and it is refused for what it is."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.sources.early_checks import refuse_early
from importer.sources.file_kind import recognise
from tests.attacks.hostile import plain_files, programs
from tests.attacks.hostile.families import FAMILIES

# Those that reading and running in this process is enough for; test_whole.py sends all through conversions.
QUICK = ("zips", "programs", "quantized", "scripts", "onnx_files", "plain_files")


def load_and_run(path: Path, options: ImportOptions, folder: Path) -> str:
    """What a conversion does with a file until it is lowered; the error's code, or nothing."""
    import torch

    from importer.exporting.export import export
    from importer.sources.load import load

    folder.mkdir(exist_ok=True)
    try:
        source = load(path, recognise(path), options, None, False, folder)
        for method in export(source):
            with torch.no_grad():
                method.eager(*method.example[0], **method.example[1])
    except ImporterError as error:
        return error.code
    return ""


@pytest.mark.parametrize("family", QUICK)
def test_no_file_has_an_effect(family: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))  # where an import of the file's choosing would find its module
    wrong = []
    for index, hostile in enumerate(FAMILIES[family](models)):
        path, canary = tmp_path / f"{hostile.name}{hostile.suffix}", tmp_path / f"canary_{index}"
        hostile.make(path, canary)
        options = ImportOptions.from_mapping(hostile.options)
        with contextlib.suppress(ImporterError):
            refuse_early(path, None, options, False)
        code = load_and_run(path, options, tmp_path / "building")
        if canary.exists() or (hostile.codes and code not in hostile.codes):
            wrong.append((hostile.name, code, "RAN" if canary.exists() else ""))
        path.unlink(missing_ok=True)
    assert not wrong
    assert not list((tmp_path / "building").glob("*"))


@pytest.mark.parametrize("name", ["legacy", "zip", "long_name"])
def test_damaged_weights_have_an_error_of_their_own(name: str, models: Path, tmp_path: Path) -> None:
    from importer.sources.state_dict import read_tensors

    path = tmp_path / f"{'x' * 251 if name == 'long_name' else name}.pth"
    if name == "legacy":
        import torch

        state = {"weight": torch.zeros(2, 3)}
        data = programs.saved(state, _use_new_zipfile_serialization=False)
        path.write_bytes(data[:-20] + b"\xff" * 8)
    elif name == "zip":
        data = (models / "linear_state_dict.pth").read_bytes()
        path.write_bytes(data.replace(b"FloatStorage", b"ByteStorage\n", 1))
    else:
        with pytest.raises(ImporterError) as caught:
            recognise(path.with_name(path.name + ".more"))
        assert caught.value.code == "FILE_NOT_READABLE"
        return
    with pytest.raises(ImporterError) as caught:
        read_tensors(path, recognise(path))
    assert caught.value.code == "FILE_DAMAGED"


@pytest.mark.parametrize("name", plain_files.BOMBS)
def test_bombs_are_refused_soon_and_without_much_memory(name: str, tmp_path: Path) -> None:
    import resource

    path = tmp_path / "bomb.pt"
    path.write_bytes(plain_files.BOMBS[name]())
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(ImporterError) as caught:
        recognise(path)
        refuse_early(path, None, ImportOptions(), False)
    assert caught.value.code != "INTERNAL_ERROR" and len(caught.value.cause) < 5000
    # A wide bound: it was minutes and gigabytes.
    assert time.process_time() - began < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700 << 10
