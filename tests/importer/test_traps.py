"""What torch and ExecuTorch do silently or far from its cause must come out as one clear error, or right."""

from __future__ import annotations

import faulthandler
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from importer.errors import Guess, ImporterError
from importer.program.program import read_program
from importer.proof.child_runner import Call, run_program
from tests.importer.conftest import Convert


def refused(call: Callable[[], Any]) -> ImporterError:
    with pytest.raises(ImporterError) as caught:
        call()
    assert caught.value.cause and caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("name", "inputs", "code", "stage", "word"),
    [
        ("branches", "float32[2]", "EXPORT_DATA_DEPENDENT", "export", "branches on the values"),
        ("mlp", "float32[1,31]", "INPUTS_MISMATCH", "export", "[1, 31]"),
        ("mlp", "y: float32[1,32]", "INPUTS_MISMATCH", "load", "inputs are x"),
        ("mlp", "float32[1,32]; float32[1]", "INPUTS_MISMATCH", "export", "[1, 32], [1]"),
        ("mlp", "float32[1,features:2..32]", "INPUTS_MISMATCH", "export", "[1, 16]"),
        ("mlp", "", "INPUTS_NEEDED", "load", "forward takes x"),
        ("noise", "float32[2]", "RANDOM_DRAWS", "export", "randn_like"),
        ("mlp", "complex64[1,32]", "OPTION_INVALID", "read", "no dtype"),
    ],
)
def test_models_that_cannot_be_exported(
    name: str, inputs: str, code: str, stage: str, word: str, convert_zoo: Convert
) -> None:
    error = refused(lambda: convert_zoo(name, inputs=inputs))
    assert (error.code == code or not code) and error.stage in (stage, "validate") and word in error.cause, str(error)


def test_the_first_layer_gives_a_guess(convert_zoo: Convert) -> None:
    assert "`x: float32[1,32]`" in refused(lambda: convert_zoo("mlp")).remedy
    assert "`image: float32[1,3,224,224]`" in refused(lambda: convert_zoo("convnet")).remedy
    assert "`tokens: int64[1,16]`" in refused(lambda: convert_zoo("words")).remedy
    assert "`x: float32[1,16,8]`" in refused(lambda: convert_zoo("recurrent")).remedy


def test_an_integer_input_to_a_linear_layer(convert_zoo: Convert) -> None:
    assert refused(lambda: convert_zoo("mlp", inputs="int64[1,32]")).stage in ("export", "lower")


@pytest.mark.parametrize(("name", "inputs"), [("sorts", "float32[8]"), ("volume", "float32[1,1,5,5,5]")])
def test_what_fails_only_at_run_time_is_found_here(name: str, inputs: str, convert_zoo: Convert) -> None:
    """These export and lower; that the Godot runtime cannot run them shows only when they run."""
    try:
        meta = convert_zoo(name, inputs=inputs).metadata
    except ImporterError as error:
        assert error.code in ("OPERATOR_MISSING", "PROGRAM_FAILED", "LOWERING_FAILED"), str(error)
        assert error.stage in ("validate", "lower", "export")
    else:
        assert meta["accuracy"]["max_relative"] < 1e-3


def test_a_dimension_without_an_upper_bound(tmp_path: Path, convert_file: Convert) -> None:
    """ExecuTorch would take the example's size as the bound, in silence."""
    import torch

    program = torch.export.export(
        torch.nn.Linear(4, 2), (torch.zeros(2, 4),), dynamic_shapes=({0: torch.export.Dim.AUTO},)
    )
    torch.export.save(program, tmp_path / "x.pt2")
    assert refused(lambda: convert_file(tmp_path / "x.pt2")).code == "DYNAMIC_DIMENSION_UNBOUNDED"
    meta = convert_file(tmp_path / "x.pt2", inputs="float32[batch:1..7,4]").metadata
    assert meta["methods"][0]["inputs"][0]["ranges"] == [[1, 7], [4, 4]]


def test_a_range_that_begins_at_one(convert_zoo: Convert) -> None:
    """torch.export takes an example size of 1 for a constant; the example must not have it."""
    meta = convert_zoo("mlp", inputs="float32[batch:1..2,32]").metadata
    assert meta["methods"][0]["inputs"][0]["ranges"][0] == [1, 2]


@pytest.mark.parametrize("recipe", ["portable", "xnnpack_fp32"])
def test_convolutions_do_not_narrow_the_batch(recipe: str, convert_zoo: Convert) -> None:
    """torch asks "is the batch less than 16?" and so makes 15 the bound of a range up to 40, in silence."""
    artifact = convert_zoo("convnet", inputs="image: float32[batch:1..40,3,16,16]", recipe=recipe)
    assert artifact.metadata["methods"][0]["inputs"][0]["ranges"][0] == [1, 40]
    (method,) = read_program(artifact.payload).methods
    assert method.inputs[0][1].shape[0] >= 40  # type: ignore[union-attr]


def test_random_indices_stay_inside_the_table(convert_zoo: Convert) -> None:
    meta = convert_zoo("words", inputs="int64[1,7]").metadata
    assert meta["accuracy"]["max_absolute"] > 0 or meta["accuracy"]["cosine"] > 0.999
    assert meta["accuracy"]["samples"] >= 4


def test_random_inputs_of_a_mask_are_numbers(tmp_path: Path) -> None:
    """With NaN in, all results are NaN, and the proof would take them for equal."""
    import torch

    from importer.exporting.export import export
    from importer.inputs.samples import inputs_of, samples
    from importer.options import ImportOptions
    from importer.sources.file_kind import recognise
    from importer.sources.load import load

    class Masked(torch.nn.Module):
        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return torch.softmax(x + mask, -1)

    example = (torch.randn(1, 4), torch.tensor([[0.0, float("-inf"), 0.0, 0.0]]))
    path = tmp_path / "x.pt2"
    torch.export.save(torch.export.export(Masked(), example), path)
    (method,) = export(load(path, recognise(path), ImportOptions(), None, False, tmp_path))
    for arguments in samples(method, [])[1:]:
        assert all(bool(value.isfinite().all()) for value in inputs_of(arguments))


def test_a_training_mode_model(tmp_path: Path, convert_file: Convert) -> None:
    import torch

    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).train()
    torch.save(model, tmp_path / "x.pt")
    meta = convert_file(tmp_path / "x.pt", allow_pickle=True, inputs="float32[1,1,8,8]").metadata
    assert meta["accuracy"]["max_relative"] < 1e-4


def test_a_pickle_of_a_class_that_is_not_here(tmp_path: Path, convert_file: Convert) -> None:
    import sys
    import types

    import torch

    module = types.ModuleType("their_training_code")
    exec("import torch\nclass Net(torch.nn.Linear):\n    pass", module.__dict__)
    sys.modules["their_training_code"] = module
    module.Net.__module__ = "their_training_code"
    try:
        torch.save(module.Net(1, 1), tmp_path / "x.pt")
    finally:
        del sys.modules["their_training_code"]
    error = refused(lambda: convert_file(tmp_path / "x.pt", allow_pickle=True, inputs="float32[1,1]"))
    assert error.code == "PICKLE_CLASS_MISSING" and "their_training_code.Net" in error.cause


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("def build(:", "SyntaxError"),
        ("raise RuntimeError('no weights')", "no weights"),
        ("def make():\n    pass", "has no 'build'; it has make"),
        ("def build():\n    return 3", "returned int"),
        ("def build():\n    raise SystemExit(3)", "SystemExit"),
        (
            "import torch\nbuild = lambda: torch.nn.Linear(1, 1)\ndef calibration():\n    yield {}['no data']",
            "no data",
        ),
    ],
)
def test_factories_that_fail(text: str, word: str, models: Path, tmp_path: Path, convert_file: Convert) -> None:
    (tmp_path / "net.py").write_text(text, encoding="utf-8")
    source = models / "linear_state_dict.pth"
    error = refused(lambda: convert_file(source, project=tmp_path, factory="res://net.py:build", inputs="float32[1,1]"))
    assert error.code == "FACTORY_FAILED" and word in error.cause


def test_operators_that_the_runtime_lacks_are_named(models: Path, tmp_path: Path, convert_file: Convert) -> None:
    data = (models / "linear_portable.pte").read_bytes()
    assert data.count(b"aten::addmm\0") == 1
    (tmp_path / "x.pte").write_bytes(data.replace(b"aten::addmm\0", b"acme::addmm\0"))
    error = refused(lambda: convert_file(tmp_path / "x.pte"))
    assert error.code == "OPERATOR_MISSING" and "acme::addmm.out" in error.cause


def test_backends_that_the_runtime_lacks_are_named(models: Path, tmp_path: Path, convert_file: Convert) -> None:
    data = (models / "linear_xnnpack.pte").read_bytes()
    (tmp_path / "x.pte").write_bytes(data.replace(b"XnnpackBackend", b"AcmeeeeBackend"))
    error = refused(lambda: convert_file(tmp_path / "x.pte"))
    assert error.code == "BACKEND_MISSING" and "AcmeeeeBackend" in error.cause


def test_a_program_that_crashes_is_an_error_of_this_model(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from importer.proof import child_main

    def crash(_: Any) -> None:
        faulthandler.disable()  # pytest's dump of a crash that is wanted would alarm people
        os.kill(os.getpid(), 11)

    assert torch
    monkeypatch.setattr(child_main, "run", crash)
    path = models / "linear_portable.pte"
    error = refused(lambda: run_program(path, read_program(path), [Call("forward", inputs=[])]))
    assert error.code == "PROGRAM_CRASHED" and "SIGSEGV" in error.cause


def test_a_program_that_hangs_is_ended(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    import torch

    from importer.proof import child_main

    assert torch
    monkeypatch.setattr(child_main, "run", lambda _: time.sleep(60))
    path = models / "linear_portable.pte"
    error = refused(lambda: run_program(path, read_program(path), [], deadline=0.3))
    assert error.code == "DEADLINE_EXCEEDED"


def test_damaged_programs_do_not_take_us_down(models: Path, tmp_path: Path, convert_file: Convert) -> None:
    """Whatever the runtime makes of them, in its own process: refused, crashed there, or harmless."""
    import random

    data = bytearray((models / "linear_xnnpack.pte").read_bytes())
    rng = random.Random(4)
    outcomes = set()
    for number in range(25):
        changed = bytearray(data)
        struct.pack_into("<I", changed, rng.randrange(64, 1200), rng.randrange(2**32))
        path = tmp_path / f"{number}.pte"
        path.write_bytes(changed)
        try:
            convert_file(path)
            outcomes.add("ok")
        except ImporterError as error:
            outcomes.add(error.code)
    assert outcomes <= {
        "ok", "PTE_INVALID", "PROGRAM_FAILED", "PROGRAM_CRASHED", "OPERATOR_MISSING", "BACKEND_MISSING",
        "EXTERNAL_WEIGHTS_MISSING",
    }  # fmt: skip
    assert "PTE_INVALID" in outcomes


def test_a_full_disk_is_one_readable_error(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from importer import pipeline
    from importer.cache.cache import Cache
    from importer.options import ImportOptions

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pipeline.shutil, "copyfile", full)
    error = refused(
        lambda: pipeline.convert(models / "linear_portable.pte", cache=Cache(tmp_path), options=ImportOptions())
    )
    assert error.code == "DISK_FULL" and error.stage == "write"
    assert "the disk /" in error.cause and "MB free" in error.cause
    assert Cache(tmp_path).entries() == []


def test_only_importer_errors_leave(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importer import pipeline
    from importer.cache.cache import Cache
    from importer.options import ImportOptions

    def broken(_: Path) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(pipeline, "read_program", broken)
    error = refused(
        lambda: pipeline.convert(models / "linear_portable.pte", cache=Cache(tmp_path), options=ImportOptions())
    )
    assert error.code == "INTERNAL_ERROR" and "surprise" in error.cause and "Traceback" in error.log


def test_errors_cross_processes() -> None:
    from importer.jobs import messages, supervisor

    guess = Guess("title", "reason", {"inputs": "float32[1]"})
    told = ImporterError("CODE", "cause", "remedy", "load", "log", [guess]).data()
    decoder = messages.Decoder()
    decoder.feed(messages.encode({"error": told}))
    message = decoder.next()
    assert message is not None
    error = supervisor.as_error(message["error"])
    assert (error.code, error.cause, error.remedy, error.stage, error.log) == ("CODE", "cause", "remedy", "load", "log")
    assert error.data() == told
