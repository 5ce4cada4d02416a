"""Archives that would run code when torch opens them are refused before."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ImporterError
from importer.sources import pickle_reader
from importer.sources.archive_check import check_archive
from tests.importer.conftest import Convert


class Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def saved(value: Any, legacy: bool = False) -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def changed(
    source: Path, target: Path, change: Callable[[str, bytes], bytes], add: dict[str, bytes] | None = None
) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        for name, data in (add or {}).items():
            new.writestr(name, data)
    return target


def test_honest_archives_pass(models: Path) -> None:
    for path in sorted(models.glob("*.pt2")):
        check_archive(path)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_the_sample_inputs(models: Path, tmp_path: Path, legacy: bool, convert_file: Convert) -> None:
    evil = saved(((Runs(tmp_path / "ran"),), {}), legacy)
    path = changed(
        models / "linear.pt2", tmp_path / "x.pt2", lambda name, data: evil if "sample_inputs" in name else data
    )
    with pytest.raises(ImporterError) as caught:
        convert_file(path)
    assert caught.value.code == "ARCHIVE_RUNS_CODE" and caught.value.stage == "load"
    assert ("cannot be checked" if legacy else "mkdir") in caught.value.cause
    assert not (tmp_path / "ran").exists()


def test_that_torch_itself_would_have_run_it(models: Path, tmp_path: Path) -> None:
    """The reason for the scan; when torch no longer does this, the scan may go."""
    import torch

    evil = saved(((Runs(tmp_path / "ran"),), {}))
    path = changed(
        models / "linear.pt2", tmp_path / "x.pt2", lambda name, data: evil if "sample_inputs" in name else data
    )
    with contextlib.suppress(Exception):
        torch.export.load(path)
    assert (tmp_path / "ran").exists()


def test_code_in_pickled_weights(models: Path, tmp_path: Path) -> None:
    evil = saved(Runs(tmp_path / "ran"))

    def change(name: str, data: bytes) -> bytes:
        if name.endswith("model_weights_config.json"):
            return data.replace(b'"use_pickle": false', b'"use_pickle": true', 1)
        return evil if name.endswith("weight_0") else data

    with pytest.raises(ImporterError) as caught:
        check_archive(changed(models / "linear.pt2", tmp_path / "x.pt2", change))
    assert caught.value.code == "ARCHIVE_RUNS_CODE"


@pytest.mark.parametrize(
    "name",
    ["data/constants/opaque_obj_0", "data/constants/custom_obj_0", "data/aotinductor/model/x.so"],
)
def test_other_members_that_are_code(models: Path, tmp_path: Path, name: str) -> None:
    add = {f"linear/{name}": pickle.dumps(Runs(tmp_path / "ran"))}
    with pytest.raises(ImporterError) as caught:
        check_archive(changed(models / "linear.pt2", tmp_path / "x.pt2", lambda _, data: data, add))
    assert caught.value.code == "ARCHIVE_RUNS_CODE"


def test_many_members_have_the_steps_of_one_pickle(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They compress to nothing, and are read in the process that the editor talks to, before any deadline."""
    monkeypatch.setattr(pickle_reader, "MOST_STEPS", 100_000)
    body = b"\x80\x02" + b"N0" * 20_000 + b"N."
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("m/data.pkl", body)
    for count in (2, 4):
        more = {f"linear/data/sample_inputs/more_{number}.pt": stream.getvalue() for number in range(count)}
        path = changed(models / "linear.pt2", tmp_path / "x.pt2", lambda _, data: data, more)
        if count == 2:
            check_archive(path)
            continue
        with pytest.raises(ImporterError) as caught:
            check_archive(path)
        assert "too many steps" in caught.value.cause


def test_weights_that_begin_like_a_pickle_pass(tmp_path: Path) -> None:
    import torch

    layer = torch.nn.Linear(1, 1)
    with torch.no_grad():
        layer.weight.view(torch.int32).fill_(int.from_bytes(b"\x80\x02cp", "little"))
        layer.bias.view(torch.int32).fill_(int.from_bytes(b"PK\x03\x04", "little"))
    torch.export.save(torch.export.export(layer, (torch.zeros(1, 1),)), tmp_path / "x.pt2")
    check_archive(tmp_path / "x.pt2")


def test_damaged_archives(models: Path, tmp_path: Path, convert_file: Convert) -> None:
    broken = changed(models / "linear.pt2", tmp_path / "json.pt2", lambda n, d: b"{" if n.endswith("model.json") else d)
    with pytest.raises(ImporterError) as caught:
        convert_file(broken)
    assert caught.value.code == "FILE_DAMAGED" and "is not JSON" in caught.value.cause
    lists = changed(models / "linear.pt2", tmp_path / "c.pt2", lambda n, d: b"{" if n.endswith("_config.json") else d)
    with pytest.raises(ImporterError) as caught:
        convert_file(lists)
    assert caught.value.code == "FILE_DAMAGED"


def test_a_program_of_another_torch(models: Path, tmp_path: Path, convert_file: Convert) -> None:
    def change(name: str, data: bytes) -> bytes:
        return data.replace(b'"major": 8', b'"major": 99') if name.endswith("models/model.json") else data

    with zipfile.ZipFile(models / "linear.pt2") as archive:
        assert b'"major": 8' in archive.read("linear/models/model.json")
    with pytest.raises(ImporterError) as caught:
        convert_file(changed(models / "linear.pt2", tmp_path / "x.pt2", change))
    assert caught.value.code == "EXPORTED_PROGRAM_UNREADABLE" and "torch 2" in caught.value.cause


def test_a_program_in_the_form_before_torch_2_8(tmp_path: Path, convert_file: Convert) -> None:
    import torch
    from torch._export.serde.serialize import serialize

    parts = serialize(torch.export.export(torch.nn.Linear(2, 3), (torch.zeros(1, 2),)))
    with zipfile.ZipFile(tmp_path / "x.pt2", "w") as archive:
        archive.writestr("version", "8.5")
        archive.writestr("serialized_exported_program.json", parts.exported_program)
        archive.writestr("serialized_state_dict.pt", parts.state_dict)
        archive.writestr("serialized_constants.pt", parts.constants)
        archive.writestr("serialized_example_inputs.pt", parts.example_inputs)
    artifact = convert_file(tmp_path / "x.pt2")
    assert artifact.metadata["source"]["kind"] == "exported_program"
    assert artifact.metadata["accuracy"]["max_absolute"] < 1e-5


def test_a_compressed_program(models: Path, tmp_path: Path, convert_file: Convert) -> None:
    with (
        zipfile.ZipFile(models / "linear.pt2") as old,
        zipfile.ZipFile(tmp_path / "x.pt2", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert convert_file(tmp_path / "x.pt2").metadata["accuracy"]["max_absolute"] < 1e-5


def test_torchscript_that_writes_files(tmp_path: Path, convert_file: Convert) -> None:
    import torch

    class Writes(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.save(x, "evil")
            return x

    torch.jit.script(Writes()).save(str(tmp_path / "x.pt"))
    with pytest.raises(ImporterError) as caught:
        convert_file(tmp_path / "x.pt", inputs="float32[1]")
    assert caught.value.code == "ARCHIVE_RUNS_CODE" and "save" in caught.value.cause


def test_pickled_modules_need_permission(models: Path, convert_file: Convert) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_file(models / "linear_module.pt", inputs="float32[1,1]")
    assert caught.value.code == "PICKLE_NEEDS_PERMISSION" and "torch.nn.modules.linear.Linear" in caught.value.cause
    artifact = convert_file(models / "linear_module.pt", allow_pickle=True, inputs="float32[1,1]")
    assert artifact.metadata["source"]["kind"] == "module" and artifact.metadata["accuracy"]["max_absolute"] < 1e-5
