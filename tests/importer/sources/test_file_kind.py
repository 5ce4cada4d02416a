"""What kind a file is, from its bytes; and the errors of files that are not models."""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.sources.early_checks import refuse_early
from importer.sources.file_kind import EXTENSIONS, recognise


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("linear.pt", "exported_program"),
        ("linear.pt2", "exported_program"),
        ("linear_torchscript.pt", "torchscript"),
        ("linear_state_dict.pth", "state_dict"),
        ("linear_module.pt", "module"),
        ("linear_portable.pte", "pte"),
    ],
)
def test_kinds_whatever_the_name(name: str, kind: str, models: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes((models / name).read_bytes())
    assert recognise(path).kind == kind


def test_recognising_imports_no_torch(models: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from importer.sources.file_kind import recognise;"
        "[recognise(path) for path in Path(sys.argv[1]).iterdir() if path.suffix != '.ptd'];"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    words = [sys.executable, "-c", code, str(models)]
    done = subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False False"


def test_shapes_of_a_state_dict(models: Path) -> None:
    found = recognise(models / "linear_state_dict.pth").tensors
    assert {name: info.shape for name, info in found.items()} == {"weight": (1, 1), "bias": (1,)}
    assert recognise(models / "linear_module.pt").globals[0] == "torch.nn.modules.linear.Linear"


def save(value: Any, path: Path, **options: Any) -> Path:
    import torch

    torch.save(value, path, **options)
    return path


def test_checkpoints(tmp_path: Path) -> None:
    import torch

    state = {"layer.weight": torch.zeros(2, 3)}
    for key in ("state_dict", "model", "model_state_dict", "ema", "my_own_key"):
        found = recognise(save({"epoch": 3, key: state, "optimizer": {"lr": 0.1}}, tmp_path / f"{key}.pt"))
        assert (found.kind, found.wrapper, found.tensors["layer.weight"].shape) == ("checkpoint", (key,), (2, 3))
    extra = {"state_dict": state, "arguments": argparse.Namespace(lr=0.1)}
    found = recognise(save(extra, tmp_path / "namespace.ckpt"))
    assert (found.kind, found.globals) == ("checkpoint", ["argparse.Namespace"])


def test_the_format_before_torch_1_6(tmp_path: Path) -> None:
    import torch

    options = {"_use_new_zipfile_serialization": False}
    state = {"weight": torch.zeros(2, 3, dtype=torch.float16)}
    found = recognise(save(state, tmp_path / "old.pt", **options))
    assert (found.kind, found.legacy, found.tensors["weight"].dtype) == ("state_dict", True, "float16")
    assert recognise(save(torch.nn.Linear(1, 1), tmp_path / "old_module.pt", **options)).kind == "module"


def test_safetensors(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2, 3, dtype=torch.bfloat16)}, tmp_path / "x.safetensors")
    found = recognise(tmp_path / "x.safetensors")
    assert (found.kind, found.tensors["a"].dtype, found.tensors["a"].shape) == ("safetensors", "bfloat16", (2, 3))
    data = (tmp_path / "x.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(data[:-4])
    with pytest.raises(ImporterError) as caught:
        recognise(tmp_path / "cut.safetensors")
    assert caught.value.code == "FILE_DAMAGED"


def archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return stream.getvalue()


REFUSED: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "FILE_EMPTY", "empty"),
    "text": (b"this is not a model\n", "NOT_A_MODEL", "text file"),
    "random": (bytes(range(255, 100, -1)) * 9, "NOT_A_MODEL", "of an unknown kind"),
    "git_lfs": (b"version https://git-lfs.github.com/spec/v1\n", "NOT_A_MODEL", "Git LFS"),
    "bundled": (b"\0\0\0\0BP08" + b"\0" * 99, "NOT_A_MODEL", "bundled program"),
    "external": (b"\0\0\0\0FT01" + b"\0" * 99, "NOT_A_MODEL", "external weights"),
    "old_program": (b"\0\0\0\0ET11" + b"\0" * 99, "NOT_A_MODEL", "another version"),
    "gguf": (b"GGUF" + b"\1" * 99, "NOT_A_MODEL", "GGUF"),
    "hdf5": (b"\x89HDF\r\n" + b"\1" * 99, "NOT_A_MODEL", "HDF5"),
    "gzip": (b"\x1f\x8b" + b"\1" * 99, "NOT_A_MODEL", "gzip"),
    "plain_pickle": (pickle.dumps([1, 2]), "NOT_A_MODEL", "plain pickle"),
    "zip": (archive({"readme.txt": b"hello"}), "ARCHIVE_UNKNOWN", "without a model"),
    "package": (archive({"p/.data/extern_modules": b"", "p/model.py": b""}), "TORCH_PACKAGE", "torch.package"),
    "aotinductor": (archive({"p/data/aotinductor/model/x.so": b""}), "AOTINDUCTOR_PACKAGE", "AOTInductor"),
    "broken_zip": (archive({"m/data.pkl": b"x" * 500})[:-90], "FILE_DAMAGED", "damaged"),
    "broken_pickle": (archive({"m/data.pkl": b"\x80\x04("}), "FILE_DAMAGED", "damaged"),
    "no_tensor": (archive({"m/data.pkl": pickle.dumps({"a": 1})}), "NO_MODEL_INSIDE", "dictionary with a"),
    "leads_out": (archive({"m/../../data.pkl": b""}), "ARCHIVE_INVALID", "point outside"),
    "twice": (archive({"m/data.pkl": b"", "M/DATA.PKL": b""}), "ARCHIVE_INVALID", "twice"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str, tmp_path: Path) -> None:
    data, code, word = REFUSED[name]
    path = tmp_path / f"{name}.pt"
    path.write_bytes(data)
    with pytest.raises(ImporterError) as caught:
        recognise(path)
    assert caught.value.code == code and word in caught.value.cause and caught.value.remedy, caught.value


def test_refusals_without_torch(models: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from importer.sources.early_checks import refuse_early;"
        "from importer.errors import ImporterError; from importer.options import ImportOptions\n"
        "for name in ('linear_module.pt', 'linear_state_dict.pth', 'linear.pt2', 'linear.pt'):\n"
        "    try:\n        refuse_early(Path(sys.argv[1]) / name, None, ImportOptions(), False); print('passes')\n"
        "    except ImporterError as error:\n        print(error.code)\n"
        "print('torch' in sys.modules)"
    )
    words = [sys.executable, "-c", code, str(models)]
    done = subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["PICKLE_NEEDS_PERMISSION", "STATE_DICT_NEEDS_FACTORY", "passes", "passes", "False"]


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ImporterError) as caught:
        recognise(tmp_path / "missing.pt")
    assert caught.value.code == "FILE_NOT_READABLE"


@pytest.mark.skipif(os.name == "nt", reason="pipes with a name are POSIX's")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.pt")
    code = (
        "import sys; from pathlib import Path; from importer.sources.file_kind import recognise;"
        "recognise(Path(sys.argv[1]))"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "x.pt")]
    done = subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False, timeout=30)
    assert "x.pt cannot be read: it is not a file." in done.stderr


def test_code_does_not_run(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "evil"),)

    found = recognise(save({"model": Runs()}, tmp_path / "evil.pt"))
    assert found.kind == "module" and any("mkdir" in name for name in found.globals)
    assert not (tmp_path / "evil").exists()


def test_a_header_that_lies_about_its_length(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(
        struct.pack("<Q", 50) + json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    )
    with pytest.raises(ImporterError):
        recognise(path)


@pytest.mark.parametrize("name", ["linear_state_dict.pth", "linear.pt2"])
def test_a_damaged_archive_that_was_packed_again(name: str, models: Path, tmp_path: Path) -> None:
    """Packers compress, which torch does not: damage is then found by zlib and not by zipfile."""
    packed = tmp_path / name
    with zipfile.ZipFile(models / name) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))
        places = [item.header_offset + 30 + len(item.filename.encode()) for item in new.infolist()]
    data = bytearray(packed.read_bytes())
    for place in places:
        data[place : place + 2] = b"\xff\xff"
    packed.write_bytes(data)
    with pytest.raises(ImporterError) as caught:
        refuse_early(packed, None, ImportOptions(), False)
    assert caught.value.code == "FILE_DAMAGED"


def test_an_archive_whose_parts_lie_in_two_places(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("inner/version", "3")
        archive.writestr("data.pkl", b"\x80\x02}.")
    with pytest.raises(ImporterError) as caught:
        recognise(tmp_path / "x.pt")
    assert caught.value.code == "ARCHIVE_UNKNOWN"


def test_an_archive_with_a_configuration_of_another_form(models: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(models / "linear.pt2") as old, zipfile.ZipFile(tmp_path / "x.pt2", "w") as new:
        for member in old.namelist():
            new.writestr(member, b"[1]" if member.endswith("_config.json") else old.read(member))
    with pytest.raises(ImporterError) as caught:
        refuse_early(tmp_path / "x.pt2", None, ImportOptions(), False)
    assert caught.value.code == "FILE_DAMAGED"


def test_a_vocabulary_is_refused_at_once(tmp_path: Path) -> None:
    import torch

    torch.save({f"word{number}": number for number in range(30_000)}, tmp_path / "words.pt")
    began = time.monotonic()
    with pytest.raises(ImporterError) as caught:
        recognise(tmp_path / "words.pt")
    assert caught.value.code == "NO_MODEL_INSIDE" and time.monotonic() - began < 10


def test_the_addon_has_the_same_extensions() -> None:
    folder = Path(__file__).parents[3] / "addons" / "executorch" / "runtime" / "library"
    text = (folder / "model_extensions.gd").read_text(encoding="utf-8")
    (names,) = re.findall(r"ALL: PackedStringArray = \[(.*)\]", text)
    assert tuple(re.findall(r'"(\w+)"', names)) == EXTENSIONS


@pytest.mark.parametrize("name", ["epoch.ckpt", "pytorch_model.bin", "weights"])
def test_the_name_of_a_file_says_nothing(name: str, tmp_path: Path) -> None:
    import torch

    assert recognise(save({"state_dict": {"w": torch.ones(2)}, "epoch": 1}, tmp_path / name)).kind == "checkpoint"
