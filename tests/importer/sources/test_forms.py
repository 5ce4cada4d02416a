"""Every form of file converts to a program that computes what the original computes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from importer.cli.compare import compare
from importer.errors import ImporterError
from importer.program.metadata import inspect
from importer.program.program import read_program
from importer.proof.child_runner import Call, run_program
from python_backend.conversion import validate
from python_backend.profiling import measure
from tests.importer.conftest import Convert


def run(path: Path, *inputs: Any, method: str = "forward") -> list[Any]:
    """Run a program in this process."""
    from executorch.extension.pybindings import _C

    return list(_C._load_program(str(path)).load_method(method).call(list(inputs)))


def proved(metadata: dict[str, Any]) -> None:
    assert metadata["accuracy"]["samples"] >= 4
    assert metadata["accuracy"]["max_relative"] < 1e-4 and metadata["accuracy"]["cosine"] > 0.9999


def test_an_exported_program(models: Path, convert_file: Convert) -> None:
    artifact = convert_file(models / "linear.pt")
    meta = artifact.metadata
    proved(meta)
    assert meta["recipe"] == "xnnpack_fp32" and meta["source"]["kind"] == "exported_program"
    assert meta["methods"][0]["inputs"] == [
        {"name": "input", "dtype": "float32", "shape": [1, 1], "ranges": [[1, 1], [1, 1]]}
    ]
    import torch

    assert float(run(artifact.payload, torch.tensor([[5.0]]))[0]) == pytest.approx(13.0, abs=1e-4)


def test_metadata_is_complete_and_plain(models: Path, convert_file: Convert) -> None:
    artifact = convert_file(models / "convnet.pt2")
    meta = json.loads((artifact.entry / "metadata.json").read_text(encoding="utf-8"))
    assert meta == artifact.metadata
    assert {"format", "name", "source", "payload", "recipe", "methods", "parameters", "constant_bytes"} <= set(meta)
    assert meta["payload"]["size"] == artifact.payload.stat().st_size
    assert meta["parameters"] == {"count": 5418, "bytes": 5418 * 4}
    assert meta["timings"]["eager_us"] > 0 and meta["timings"]["executorch_us"] > 0
    assert {"importer", "torch", "executorch", "options", "date"} <= set(meta["provenance"])
    method = meta["methods"][0]
    assert method["delegation"]["share"] == 1.0 and sum(method["planned_memory"]) > 0
    text = (artifact.entry / "model.tres").read_text(encoding="utf-8")
    assert 'payload_path = "model.pte"' in text and '"recipe": "xnnpack_fp32"' in text


# Their fields are names of operators, options, and values of the model.
_NAMED_BY_THE_MODEL = ("operators", "options", "constants", "value_names")


def names_in(value: object) -> set[str]:
    """The names of all fields; names of operators and of a model's own values are left out."""
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    if not isinstance(value, dict):
        return set()
    plain = {name: part for name, part in value.items() if name not in _NAMED_BY_THE_MODEL}
    return set(value) | names_in(list(plain.values()))


def test_every_field_of_the_metadata_is_documented(models: Path, convert_file: Convert) -> None:
    page = (Path(__file__).parents[3] / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page[page.index("## Metadata") : page.index("## RPC")]
    files = [models / name for name in ("convnet.pt2", "linear_portable.pte")]
    fields = set().union(*(names_in(convert_file(path).metadata) for path in files))
    assert {"tensors", "time_share", "validate_seconds"} <= fields
    assert {name for name in fields if not re.search(rf"\b{name}\b", section)} == set()


def test_the_same_input_gives_the_same_bytes(models: Path, tmp_path: Path) -> None:
    from importer.cache.cache import Cache
    from importer.options import ImportOptions
    from importer.pipeline import convert

    found = [
        convert(models / "linear.pt", cache=Cache(tmp_path / name), options=ImportOptions()).metadata["payload"][
            "sha256"
        ]
        for name in ("one", "two")
    ]
    assert found[0] == found[1]


def test_names_of_outputs(models: Path, convert_file: Convert) -> None:
    (method,) = convert_file(models / "two_inputs.pt2").metadata["methods"]
    assert [item["name"] for item in method["inputs"]] == ["left", "right"]
    assert [item["name"] for item in method["outputs"]] == ["sum", "product"]


def test_integers(models: Path, convert_file: Convert) -> None:
    meta = convert_file(models / "integers.pt2").metadata
    proved(meta)
    assert [item["dtype"] for item in meta["methods"][0]["inputs"]] == ["int64", "float32"]
    behind = {item["operator"]: item["reason"] for item in meta["methods"][0]["delegation"]["left_behind"]}
    assert behind["godot_executorch::take_rows.out"] == "XNNPACK does not support this operator"


def test_ranges_are_kept_and_hold(models: Path, convert_file: Convert) -> None:
    import torch

    artifact = convert_file(models / "policy.pt2")
    (method,) = artifact.metadata["methods"]
    assert method["inputs"][0]["ranges"] == [[1, 1024], [8, 8]] and method["inputs"][0]["shape"] == [1024, 8]
    assert method["outputs"][0]["ranges"] == [[1, 1024], [4, 4]]
    for batch in (1, 7, 1024):
        assert run(artifact.payload, torch.zeros(batch, 8))[0].shape == (batch, 4)


def test_torchscript_through_torchs_converter(models: Path, convert_file: Convert) -> None:
    meta = convert_file(models / "linear_torchscript.pt", inputs="float32[1,1]").metadata
    proved(meta)
    assert "TorchScript: converted with torch's own converter." in meta["notes"]
    assert meta["methods"][0]["inputs"][0]["name"] == "input"


def test_torchscript_with_dynamic_sizes(tmp_path: Path, convert_file: Convert) -> None:
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.ReLU())
    torch.jit.script(model).save(str(tmp_path / "x.pt"))
    artifact = convert_file(tmp_path / "x.pt", inputs="float32[batch:1..9,4]")
    assert any("traced" in note or "exported" in note for note in artifact.metadata["notes"])
    value = torch.randn(5, 4)
    assert torch.allclose(run(artifact.payload, value)[0], model(value), atol=1e-5)


def test_a_state_dict_with_a_factory(convert_zoo: Convert) -> None:
    meta = convert_zoo("mlp", inputs="x: float32[batch:1..16,32]").metadata
    proved(meta)
    assert meta["source"]["kind"] == "state_dict"
    assert meta["methods"][0]["inputs"][0] == {
        "name": "x", "dtype": "float32", "shape": [16, 32], "ranges": [[1, 16], [32, 32]], "size_names": ["batch", ""]
    }  # fmt: skip


def test_arguments_of_a_factory(convert_zoo: Convert) -> None:
    small = convert_zoo("mlp", {"hidden": 16}, inputs="float32[1,32]").metadata
    assert small["parameters"]["count"] == 32 * 16 + 16 + 16 * 10 + 10


def test_a_safetensors_file(weights: Callable[..., Path], zoo_project: Path, convert_file: Convert) -> None:
    import torch
    from safetensors.torch import save_file

    save_file(torch.load(weights("mlp"), weights_only=True), zoo_project / "mlp.safetensors")
    meta = convert_file(
        zoo_project / "mlp.safetensors", project=zoo_project, factory="res://zoo.py", inputs="float32[1,32]"
    ).metadata
    proved(meta)
    assert meta["source"]["kind"] == "safetensors"


def test_batch_norm_is_in_evaluation_mode(convert_zoo: Convert) -> None:
    proved(convert_zoo("convnet", inputs="float32[1,3,16,16]").metadata)


def test_several_methods_and_constants(zoo_project: Path, weights: Callable[..., Path], convert_file: Convert) -> None:
    import torch

    (zoo_project / "two.py").write_text(
        "import torch, zoo\n"
        "def build():\n    return zoo.build('mlp')\n"
        "def methods(model):\n"
        "    first, second = (torch.zeros(1, 32),), (torch.zeros(1, 64),)\n"
        "    return {'encode': (model.first, first), 'decode': (model.second, second)}\n"
        "def constant_methods(model):\n    return {'labels': 'a,b', 'count': 3, 'scale': 0.5, 'flag': True,\n"
        "            'most': float('inf'), 'limits': [float('nan'), 1.5]}\n",
        encoding="utf-8",
    )
    artifact = convert_file(weights("mlp"), project=zoo_project, factory="res://two.py:build")
    meta = artifact.metadata
    proved(meta)
    assert [method["name"] for method in meta["methods"]] == ["decode", "encode"]
    # JSON has no word for infinity.
    others = {"most": None, "limits": [None, 1.5]}
    assert meta["constants"] == {"labels": "a,b", "count": 3, "scale": 0.5, "flag": True, **others}
    assert run(artifact.payload, torch.zeros(1, 32), method="encode")[0].shape == (1, 64)


def test_an_archive_with_several_programs(tmp_path: Path, convert_file: Convert) -> None:
    import torch
    from torch.export.pt2_archive._package import package_pt2

    one = torch.export.export(torch.nn.Linear(4, 2), (torch.zeros(1, 4),))
    two = torch.export.export(torch.nn.Linear(2, 4), (torch.zeros(1, 2),))
    package_pt2(str(tmp_path / "x.pt2"), exported_programs={"encode": one, "decode": two})
    meta = convert_file(tmp_path / "x.pt2").metadata
    assert [method["name"] for method in meta["methods"]] == ["decode", "encode"]


@pytest.mark.parametrize(
    "recipe", ["auto", "xnnpack_fp16", pytest.param("xnnpack_int8_static", marks=pytest.mark.slow)]
)
def test_inputs_in_dictionaries_and_tuples_whose_sizes_vary(recipe: str, tmp_path: Path, convert_file: Convert) -> None:
    import torch

    class Nested(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.table = torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.Embedding(10, 8)

        def forward(self, parts: dict[str, torch.Tensor], more: tuple[torch.Tensor]) -> torch.Tensor:
            words = self.table(parts["words"])[:, None, None, :]
            return torch.relu(self.convolution(parts["image"])) + more[0] + words

    rows = torch.export.Dim("rows", min=1, max=8)
    parts = {"image": torch.randn(4, 1, 8, 8), "words": torch.tensor([3, 0, 9, 5])}
    shapes = {"parts": {"image": {0: rows}, "words": {0: rows}}, "more": ({0: rows},)}
    program = torch.export.export(Nested().eval(), (parts, (torch.randn(4, 2, 8, 8),)), dynamic_shapes=shapes)
    torch.export.save(program, tmp_path / "x.pt2")
    meta = convert_file(tmp_path / "x.pt2", recipe=recipe).metadata
    assert meta["methods"][0]["inputs"][0]["ranges"][0] == [1, 8]
    assert meta["accuracy"]["max_relative"] < 0.2


def test_a_program_without_inputs(tmp_path: Path, convert_file: Convert) -> None:
    import torch

    class Alone(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.arange(4.0))

        def forward(self) -> torch.Tensor:
            return self.weight * 2

    torch.export.save(torch.export.export(Alone(), ()), tmp_path / "x.pt2")
    artifact = convert_file(tmp_path / "x.pt2")
    assert artifact.metadata["methods"][0]["inputs"] == []
    assert run(artifact.payload)[0].tolist() == [0.0, 2.0, 4.0, 6.0]


@pytest.mark.parametrize("recipe", ["portable", "xnnpack_fp32"])
def test_weights_in_a_file_of_their_own(recipe: str, models: Path, tmp_path: Path, convert_file: Convert) -> None:
    artifact = convert_file(models / "convnet.pt2", recipe=recipe, external_weights=True)
    (external,) = artifact.metadata["payload"]["external"]
    assert (
        external["file"] == "model.ptd" and (artifact.entry / "model.ptd").stat().st_size == external["size"] > 20_000
    )
    assert read_program(artifact.payload).external_keys
    proved(artifact.metadata)
    # As a program of its own it needs the file beside it.
    copy = tmp_path / "net.pte"
    copy.write_bytes(artifact.payload.read_bytes())
    with pytest.raises(ImporterError) as caught:
        convert_file(copy)
    assert caught.value.code == "EXTERNAL_WEIGHTS_MISSING"
    (tmp_path / "net.ptd").write_bytes((artifact.entry / "model.ptd").read_bytes())
    assert convert_file(copy).metadata["payload"]["external"][0]["file"] == "model.ptd"


@pytest.mark.parametrize("name", ["net", "net[1] 50%"])
def test_the_weights_of_a_program_beside_others(name: str, models: Path, tmp_path: Path, convert_file: Convert) -> None:
    artifact = convert_file(models / "convnet.pt2", recipe="portable", external_weights=True)
    weights = (artifact.entry / "model.ptd").read_bytes()
    program = tmp_path / f"{name}.pte"
    program.write_bytes(artifact.payload.read_bytes())
    (tmp_path / f"{name}.ptd").write_bytes(weights)
    (tmp_path / f"{name}-large.ptd").write_bytes(b"of another program")
    assert (convert_file(program).entry / "model.ptd").read_bytes() == weights


def test_a_program_without_its_external_weights_is_not_run(models: Path, convert_file: Convert, tmp_path: Path) -> None:
    """The runtime crashes with such a program."""
    artifact = convert_file(models / "convnet.pt2", recipe="portable", external_weights=True)
    program = tmp_path / "net.pte"
    program.write_bytes(artifact.payload.read_bytes())

    inputs = inspect(program)["methods"][0]["inputs"]

    def report(stage: str, fraction: float, message: str = "") -> None: ...

    tasks: list[Callable[[], Any]] = [
        lambda: compare(program, program),
        lambda: measure.measure({"path": str(program)}, report),
        lambda: validate({"source": str(program)}, report),
        lambda: run_program(program, read_program(program), [Call("forward", inputs=inputs)], timing=False),
    ]
    for task in tasks:
        with pytest.raises(ImporterError) as caught:
            task()
        assert caught.value.code == "EXTERNAL_WEIGHTS_MISSING" and "net.ptd" in caught.value.cause


def test_a_finished_program(models: Path, convert_file: Convert) -> None:
    artifact = convert_file(models / "two_methods.pte")
    assert artifact.payload.read_bytes() == (models / "two_methods.pte").read_bytes()
    assert artifact.metadata["recipe"] == "as_is" and artifact.metadata["timings"]["executorch_us"] > 0


@pytest.mark.parametrize("recipe", ["portable", "xnnpack_fp32"])
def test_first_values_of_state_are_kept(recipe: str, convert_zoo: Convert) -> None:
    """ExecuTorch drops them in silence unless a pass is asked to keep them."""
    import torch

    artifact = convert_zoo("counter", inputs="float32[1]", recipe=recipe)
    proved(artifact.metadata)
    assert float(run(artifact.payload, torch.ones(1))[0]) == 6.0


def test_a_cache_that_is_written_at_a_position(convert_zoo: Convert) -> None:
    proved(convert_zoo("cache", inputs="value: float32[1,3]; place: int64[1]").metadata)


def test_progress_names_the_stages_in_order(models: Path, tmp_path: Path) -> None:
    from importer.cache.cache import Cache
    from importer.options import ImportOptions
    from importer.pipeline import convert
    from importer.progress import STAGES, Progress

    reported: list[Progress] = []
    convert(models / "linear.pt", cache=Cache(tmp_path), options=ImportOptions(), on_progress=reported.append)
    stages = list(dict.fromkeys(item.stage for item in reported))
    assert stages == [stage for stage in STAGES if stage in stages]
    assert {"read", "load", "export", "lower", "write", "validate", "store"} <= set(stages)
    assert [item.fraction for item in reported] == sorted(item.fraction for item in reported)


def test_every_error_code_is_documented() -> None:
    root = Path(__file__).parents[3]
    codes = set()
    for path in (*(root / "importer").rglob("*.py"), *(root / "godot_executorch").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        codes |= set(re.findall(r'(?:ImporterError|_refuse)\(\s*"([A-Z0-9_]+)"', text))
    assert len(codes) > 40
    page = (root / "docs" / "errors.md").read_text(encoding="utf-8")
    assert sorted(code for code in codes if f"`{code}`" not in page) == []


@pytest.mark.parametrize(("layer", "code"), [("BatchNorm1d(4)", "OPERATOR_MISSING"), ("Dropout(0.5)", "RANDOM_DRAWS")])
def test_a_program_that_was_exported_in_training_mode(
    layer: str, code: str, tmp_path: Path, convert_file: Convert
) -> None:
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(4, 4), eval(f"torch.nn.{layer}"))
    torch.export.save(torch.export.export(model.train(), (torch.ones(3, 4),)), tmp_path / "x.pt2")
    with pytest.raises(ImporterError) as caught:
        convert_file(tmp_path / "x.pt2")
    assert caught.value.code == code and "model.eval() before torch.export.export" in caught.value.remedy


def test_an_input_whose_size_is_computed_from_another(tmp_path: Path, convert_file: Convert) -> None:
    import torch

    size = torch.export.Dim("size", min=2, max=10)
    program = torch.export.export(torch.nn.ReLU(), (torch.ones(6, 2),), dynamic_shapes=({0: 2 * size},))
    torch.export.save(program, tmp_path / "x.pt2")
    with pytest.raises(ImporterError) as caught:
        convert_file(tmp_path / "x.pt2")
    assert caught.value.code == "DYNAMIC_SHAPE_REFUSED" and "Dimension 0 of 'input' varies as 2*" in caught.value.cause
    meta = convert_file(tmp_path / "x.pt2", inputs="input: float32[size:4..20,2]").metadata
    assert meta["methods"][0]["inputs"][0]["ranges"] == [[4, 20], [2, 2]]
