"""Every recipe, the order in which AUTO tries them, and the error of a recipe that is silently wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from importer import options as options_module
from importer.errors import ImporterError
from importer.lowering import recipes
from importer.lowering.recipes import Recipe
from importer.proof.accuracy import Accuracy, Limits
from tests.importer.conftest import Convert

INPUT = "x: float32[1,32]"
SIZES: dict[str, tuple[float, float]] = {  # of the weights of a large MLP, against fp32
    "portable": (0.9, 1.1),
    "xnnpack_fp32": (0.9, 1.1),
    "xnnpack_fp16": (0.45, 0.6),
    "xnnpack_int8_dynamic": (0.2, 0.45),
    "xnnpack_int8_static": (0.2, 0.45),
    "xnnpack_int8_static_per_tensor": (0.2, 0.45),
    "xnnpack_int8_int4": (0.1, 0.3),
}


@pytest.mark.parametrize("recipe", SIZES)
def test_each_recipe_is_within_its_tolerance_and_as_small_as_it_says(recipe: str, convert_zoo: Convert) -> None:
    artifact = convert_zoo("mlp", {"hidden": 512}, inputs=INPUT, recipe=recipe)
    meta = artifact.metadata
    assert meta["recipe"] == recipe
    assert meta["accuracy"]["max_relative"] <= meta["accuracy"]["tolerance"]["relative"]
    assert meta["accuracy"]["cosine"] > 0.98
    low, high = SIZES[recipe]
    assert low < meta["payload"]["size"] / meta["parameters"]["bytes"] < high
    if recipe != "portable":
        assert meta["methods"][0]["delegates"][0]["backend"] == "XnnpackBackend"


def test_every_option_has_a_recipe_and_back() -> None:
    assert set(options_module.RECIPES) == {*options_module.CHOOSING, *recipes.REGISTRY}
    assert {name for name, recipe in recipes.REGISTRY.items() if not recipe.systems} == set(SIZES)


@pytest.mark.parametrize("recipe", ["xnnpack_int8_static", "xnnpack_int8_dynamic"])
def test_recipes_on_a_convnet(recipe: str, convert_zoo: Convert) -> None:
    meta = convert_zoo("convnet", inputs="float32[1,3,16,16]", recipe=recipe).metadata
    assert meta["methods"][0]["delegation"]["share"] > 0.5


@pytest.mark.parametrize("recipe", ["xnnpack_int8_static", "xnnpack_int8_int4", "xnnpack_fp16"])
def test_quantized_programs_keep_their_ranges(recipe: str, convert_zoo: Convert) -> None:
    meta = convert_zoo("mlp", inputs="x: float32[batch:1..8,32]", recipe=recipe).metadata
    assert meta["methods"][0]["inputs"][0]["ranges"] == [[1, 8], [32, 32]]


def test_linear_layers_stay_whole_on_portable_kernels(convert_zoo: Convert) -> None:
    """Decomposed they are thirty times slower."""
    meta = convert_zoo("mlp", inputs=INPUT, recipe="portable").metadata
    assert meta["methods"][0]["operators"]["aten::linear.out"] == 2


def test_auto_says_what_it_chose(convert_zoo: Convert) -> None:
    meta = convert_zoo("mlp", inputs=INPUT).metadata
    assert meta["recipe"] == "xnnpack_fp32" and "AUTO chose xnnpack_fp32." in meta["notes"]


def test_auto_goes_around_what_breaks(convert_zoo: Convert) -> None:
    """Some nets with PReLU fail to lower with XNNPACK's own configuration; the notes must say which way it went."""
    meta = convert_zoo("prelu", inputs="float32[1,3,16,16]").metadata
    chosen = [note for note in meta["notes"] if note.startswith("AUTO chose")]
    assert len(chosen) == 1 and meta["accuracy"]["max_relative"] < 1e-3


def test_auto_comes_down_to_portable(convert_zoo: Convert, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: frozenset[str], __: int) -> list[Any]:
        raise RuntimeError("ConvolutionConfig is broken")

    original = recipes.REGISTRY["xnnpack_fp32"]
    monkeypatch.setitem(recipes.REGISTRY, "xnnpack_fp32", Recipe("xnnpack_fp32", "", "", 1e-3, broken))
    meta = convert_zoo("convnet", inputs="float32[1,3,12,12]").metadata
    assert meta["recipe"] == "portable" and original.name == "xnnpack_fp32"
    assert any(
        "without ConvolutionConfig did not work" in note or "ConvolutionConfig" in note for note in meta["notes"]
    )


def test_auto_leaves_out_one_configuration(convert_zoo: Convert, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure that one XNNPACK configuration causes costs only that configuration."""
    original = recipes.REGISTRY["xnnpack_fp32"]

    def fragile(without: frozenset[str], pieces: int) -> list[Any]:
        if "LinearConfig" not in without:
            raise RuntimeError("the linear layers of LinearConfig are broken")
        return original.partitioners(without, pieces)

    monkeypatch.setitem(recipes.REGISTRY, "xnnpack_fp32", Recipe("xnnpack_fp32", "", "XnnpackBackend", 1e-3, fragile))
    meta = convert_zoo("mlp", inputs="x: float32[3,32]").metadata
    assert "AUTO chose xnnpack_fp32 without LinearConfig." in meta["notes"]
    assert meta["recipe"] == "xnnpack_fp32" and meta["accuracy"]["max_relative"] < 1e-3


def test_a_recipe_is_one_entry(convert_zoo: Convert, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new recipe is registered and used by name, without a change elsewhere."""
    linear_only = Recipe("only_linear", "", "XnnpackBackend", 1e-3, lambda _, __: _linear_only())
    monkeypatch.setitem(recipes.REGISTRY, "only_linear", linear_only)
    monkeypatch.setattr(options_module, "RECIPES", (*options_module.RECIPES, "only_linear"))
    meta = convert_zoo("convnet", inputs="float32[1,3,16,16]", recipe="only_linear").metadata
    assert meta["methods"][0]["delegates"][0]["operators"] == {"fully_connected": 1}


def _linear_only() -> list[Any]:
    from executorch.backends.xnnpack.partition.config.gemm_configs import LinearConfig
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

    return [XnnpackPartitioner(configs=[LinearConfig])]


def test_weight_only_int8_is_silently_wrong_and_is_caught(
    convert_zoo: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torchao's weight-only int8 through XNNPACK is off by powers of ten with ExecuTorch's own configurations; the
    proof must not let it through. With ours it is right (test_torchao_weights.py)."""

    def weight_only(method: Any, _: Any, __: Any) -> Any:
        from torchao.quantization import Int8WeightOnlyConfig, quantize_

        from importer.lowering.quantize import export_again, program_module, with_linear_layers

        module = with_linear_layers(program_module(method))
        quantize_(module, Int8WeightOnlyConfig())
        return export_again(module, method)

    def stock(_: frozenset[str], __: int) -> list[Any]:
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

        return [XnnpackPartitioner()]

    bad = Recipe("weight_only", "", "XnnpackBackend", 0.3, stock, weight_only)
    monkeypatch.setitem(recipes.REGISTRY, "weight_only", bad)
    monkeypatch.setattr(options_module, "RECIPES", (*options_module.RECIPES, "weight_only"))
    with pytest.raises(ImporterError) as caught:
        convert_zoo("mlp", {"hidden": 256}, inputs=INPUT, recipe="weight_only")
    assert caught.value.code == "ACCURACY_LOST" and "output_0" in caught.value.cause
    assert "the backend is at fault" in caught.value.cause


def test_the_layers_that_lose_most_are_named(convert_zoo: Convert) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_zoo("mlp", inputs=INPUT, recipe="xnnpack_int8_int4", max_relative_error="0.000001")
    found = re.findall(r"(first|second) \(([\d.e-]+) before it, ([\d.e-]+) after it\)", caught.value.cause)
    assert found and "Most is lost at" in caught.value.cause, caught.value.cause
    assert {name: float(before) for name, before, _ in found}.get("first", 0.0) == 0.0
    assert all(0.001 < float(after) < 0.5 for _, _, after in found)


def test_the_share_of_time(convert_zoo: Convert) -> None:
    whole = convert_zoo("mlp", inputs=INPUT, recipe="xnnpack_fp32").metadata["methods"][0]["delegation"]
    assert whole["time_share"] == 1.0
    behind = convert_zoo("words", inputs="int64[1,7]", recipe="xnnpack_fp32").metadata["methods"][0]["delegation"]
    times = {item["operator"]: item["time_share"] for item in behind["left_behind"]}
    assert times["godot_executorch::take_rows.out"] > 0 and behind["time_share"] < 1
    assert 0.8 < sum(times.values()) + behind["time_share"] < 1.001  # the rest is bookkeeping
    assert list(times.values()) == sorted(times.values(), reverse=True)
    none = convert_zoo("mlp", inputs=INPUT, recipe="portable").metadata["methods"][0]["delegation"]
    assert none["time_share"] == 0.0


def test_the_same_top_class_proves_nothing() -> None:
    import torch

    eager = torch.tensor([[1.5, 2.5, 3.5]])
    accuracy = Accuracy()
    accuracy.add(0, ["logits"], [eager], [eager * 1e9])
    limits = Limits(0.3)
    assert accuracy.judge().metadata(limits)["top1"] == 1.0 and accuracy.cosine == pytest.approx(1.0)
    assert not accuracy.within(limits)


def test_tolerances_are_options(convert_zoo: Convert) -> None:
    for name in ("max_relative_error", "max_absolute_error"):
        with pytest.raises(ImporterError) as caught:
            convert_zoo("mlp", inputs=INPUT, recipe="xnnpack_fp16", **{name: "0.000000001"})
        assert caught.value.code == "ACCURACY_LOST" and caught.value.stage == "validate"


def test_nothing_to_quantize(convert_zoo: Convert) -> None:
    with pytest.raises(ImporterError) as caught:
        convert_zoo("convnet", inputs="float32[1,3,16,16]", recipe="xnnpack_int8_int4")
    assert caught.value.code == "NOTHING_TO_QUANTIZE"


def calibration_folder(folder: Path, kind: str) -> Path:
    import numpy as np
    from PIL import Image

    folder.mkdir(exist_ok=True)  # a test that runs again has the same project
    rng = np.random.default_rng(1)
    for number in range(8):
        pixels = rng.random((3, 16, 16), dtype=np.float32)
        if kind == "npy":
            np.save(folder / f"{number}.npy", pixels)  # the batch dimension is added
        elif kind == "npz":
            np.savez(folder / f"{number}.npz", image=pixels[None])
        else:
            image = Image.fromarray((pixels.transpose(1, 2, 0) * 255).astype("uint8"))
            image.resize((20, 30)).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("kind", ["npy", "npz", "png"])
def test_kinds_of_calibration_files(kind: str, tmp_path: Path) -> None:
    import torch

    from importer.exporting.export import export
    from importer.inputs.calibration import read_folder
    from importer.model import Source, SourceMethod
    from tests.networks import zoo

    (method,) = export(
        Source([SourceMethod("forward", zoo.build("convnet").eval(), None, ((torch.zeros(1, 3, 16, 16),), {}))])
    )
    found = read_folder(calibration_folder(tmp_path / kind, kind), method)
    assert len(found) == 8
    for positional, _ in found:
        assert (
            positional[0].shape == (1, 3, 16, 16) and 0 <= float(positional[0].min()) < float(positional[0].max()) <= 1
        )


@pytest.mark.parametrize("shape", [(13,), (1, 13), (4, 13)])
def test_calibration_of_another_shape_is_named_by_its_own_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    from importer.inputs.calibration import read_folder
    from importer.model import Method
    from importer.signature import parse_inputs

    unused: Any = None
    np.savez(tmp_path / "call.npz", x=np.zeros(shape, np.float32))
    method = Method("forward", unused, unused, ((), {}), parse_inputs("x: float32[1,12]"), [])
    with pytest.raises(ImporterError) as caught:
        read_folder(tmp_path, method)
    assert "the shape []" not in caught.value.cause and "13]" in caught.value.cause


def test_calibrated_with_real_inputs_and_compared_on_them(zoo_project: Path, convert_zoo: Convert) -> None:
    calibration_folder(zoo_project / "images", "png")
    meta = convert_zoo(
        "convnet", inputs="float32[1,3,16,16]", recipe="xnnpack_int8_static", calibration="res://images"
    ).metadata
    assert meta["calibration"]["samples"] > 1 and not meta["calibration"]["made_up"]
    assert not any("Not calibrated" in note for note in meta["notes"]) and meta["accuracy"]["samples"] >= 2


def test_without_calibration_data_the_metadata_says_so(convert_zoo: Convert) -> None:
    meta = convert_zoo("convnet", inputs="float32[1,3,16,16]", recipe="xnnpack_int8_static").metadata
    assert meta["calibration"] == {"samples": 0, "held_out": 0, "made_up": True}
    assert any(note.startswith("Not calibrated") for note in meta["notes"])
    assert "calibration" not in convert_zoo("convnet", inputs="float32[1,3,16,16]", recipe="portable").metadata


def test_hidden_calibration_files_are_no_inputs(zoo_project: Path, convert_zoo: Convert) -> None:
    """They are not in the key either: macOS leaves `._x.png` beside each file that it copies to other disks."""
    folder = calibration_folder(zoo_project / "copied", "png")
    (folder / "._0.png").write_bytes(b"what macOS knows of the file")
    (folder / ".trash").mkdir()
    (folder / ".trash" / "old.png").write_bytes(b"no picture")
    meta = convert_zoo("convnet", inputs="float32[1,3,16,16]", recipe="xnnpack_int8_static", calibration="res://copied")
    assert meta.metadata["recipe"] == "xnnpack_int8_static"


def test_calibration_that_does_not_fit(zoo_project: Path, convert_zoo: Convert) -> None:
    import numpy as np

    for name, data, code in (
        ("wrong", np.zeros((5, 5)), "CALIBRATION_INVALID"),
        ("words", np.array([["a"] * 32]), "CALIBRATION_INVALID"),
        ("nothing", None, "CALIBRATION_EMPTY"),
    ):
        (zoo_project / name).mkdir()
        if data is not None:
            np.save(zoo_project / name / "a.npy", data)
        with pytest.raises(ImporterError) as caught:
            convert_zoo("mlp", inputs=INPUT, recipe="xnnpack_int8_static", calibration=f"res://{name}")
        assert caught.value.code == code


def test_calibration_files_do_not_run_code(zoo_project: Path, convert_zoo: Convert) -> None:
    import numpy as np

    folder = zoo_project / "pickled"
    folder.mkdir()
    np.save(folder / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ImporterError) as caught:
        convert_zoo("mlp", inputs=INPUT, recipe="xnnpack_int8_static", calibration="res://pickled")
    assert caught.value.code == "CALIBRATION_INVALID"


class Pools(nn.Module):
    """Operators that ExecuTorch decomposes unless a partitioner asks for them, beside a layer that int8 is for."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8 * 16 * 16, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        pooled = functional.max_pool2d(functional.hardswish(self.convolution(image)), 2)
        larger = functional.interpolate(pooled, scale_factor=2.0, mode="bilinear", align_corners=True)
        return self.head(larger.flatten(1))


@pytest.mark.parametrize("recipe", ["xnnpack_fp32", "xnnpack_int8_dynamic"])
def test_pooling_and_upsampling_are_delegated(recipe: str, convert_file: Convert, tmp_path: Path) -> None:
    torch.manual_seed(3)
    torch.export.save(torch.export.export(Pools().eval(), (torch.rand(1, 3, 16, 16),)), tmp_path / "pools.pt2")
    (method,) = convert_file(tmp_path / "pools.pt2", recipe=recipe).metadata["methods"]
    assert method["delegation"]["share"] == 1.0, method["operators"]
