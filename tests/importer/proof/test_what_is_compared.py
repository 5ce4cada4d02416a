"""What the proof says was proved was compared: on values that the model is made for, and that were held out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from importer.cache.cache import Artifact
from importer.errors import ImporterError
from importer.exporting.export import export
from importer.model import Source, SourceMethod
from importer.proof.proof import Proof
from tests.importer.conftest import Convert

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def run(module: nn.Module, *example: torch.Tensor, **more: Any) -> Path:
        path = tmp_path / f"{type(module).__name__.lower()}.pt2"
        torch.export.save(torch.export.export(module.eval(), example, **more), path)
        return path

    return run


def results(artifact: Artifact, *inputs: torch.Tensor) -> torch.Tensor:
    import executorch.kernels.quantized  # noqa: F401
    from executorch.extension.pybindings import _C

    outputs = _C._load_program(str(artifact.payload)).load_method("forward").call(list(inputs))
    assert isinstance(outputs[0], torch.Tensor)
    return outputs[0].clone()


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU())
        self.box, self.score = nn.Conv2d(32, 4, 1), nn.Conv2d(32, 3, 1)
        nn.init.normal_(self.score.weight, std=1.5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        seen = self.features(image)
        return torch.cat([torch.sigmoid(self.box(seen)) * 640, torch.sigmoid(self.score(seen))], 1).flatten(2)


def test_int8_keeps_the_scores_beside_the_boxes(tmp_path: Path, save: Save, convert_file: Convert) -> None:
    path = save(Detector(), torch.rand(1, 3, 32, 32))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(8):
        np.save(pictures / f"{number}.npy", torch.rand(1, 3, 32, 32).numpy())
    artifact = convert_file(path, recipe="xnnpack_int8_static", calibration=str(pictures))
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        expected = Detector().eval()(image)
    assert float((results(artifact, image) - expected)[:, 4:].abs().max()) < 0.02
    assert artifact.metadata["calibration"] == {"made_up": False, "samples": 6, "held_out": 2}
    assert not [note for note in artifact.metadata["notes"] if "calibrated" in note]


class Units(nn.Module):
    """One linear layer, two units: int8 has one scale for its results."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layer = nn.Linear(8, 6)
        with torch.no_grad():
            self.layer.weight[:3] *= 900

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


def test_int8_of_one_layer_with_two_units(save: Save, convert_file: Convert) -> None:
    artifact = convert_file(save(Units(), torch.randn(4, 8)), recipe="xnnpack_int8_static")
    x = torch.randn(4, 8)
    with torch.no_grad():
        expected = Units().eval()(x)[:, 3:]
    assert float((results(artifact, x)[:, 3:] - expected).abs().max()) < 0.1 * float(expected.abs().max())


class Scaled(nn.Module):
    """Values of one size, then a product with a vector that has two."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 6))
        self.register_buffer("scale", torch.tensor([500.0, 500.0, 500.0, 1.0, 1.0, 1.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).sigmoid() * self.scale


@pytest.mark.slow
def test_int8_of_a_product_with_two_units(save: Save, convert_file: Convert) -> None:
    artifact = convert_file(save(Scaled(), torch.randn(4, 8)), recipe="xnnpack_int8_static")
    x = torch.randn(4, 8)
    with torch.no_grad():
        expected = Scaled().eval()(x)
    assert float((results(artifact, x) - expected)[:, 3:].abs().max()) < 0.05


class Domain(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.kind = nn.Linear(8, 4), kind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(torch.log(-x) if self.kind == "negative" else torch.acosh(x))


@pytest.mark.parametrize("kind", ["negative", "large"])
def test_made_up_inputs_of_other_domains(kind: str) -> None:
    example = ((torch.zeros(1, 8),), {})
    source = Source([SourceMethod("forward", Domain(kind).eval(), None, example, example_is_made_up=True)])
    (method,) = export(source)
    proof = Proof([method], source, {"forward": []}, is_static=True)
    assert len(proof.calibration(method)) >= 3
    with torch.no_grad():
        assert all(bool(method.eager(*call[0]).isfinite().all()) for call in proof.calibration(method))


class Camera(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.see = nn.Sequential(nn.Conv2d(1, 8, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(392, 4))

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self.see(obs.float() / 255.0)


def test_bytes_are_calibrated_and_compared_on_all_their_values(save: Save, convert_file: Convert) -> None:
    path = save(Camera(), torch.zeros(1, 1, 16, 16, dtype=torch.uint8))
    artifact = convert_file(path, recipe="xnnpack_int8_static")
    bright = torch.randint(150, 256, (1, 1, 16, 16), dtype=torch.uint8)
    with torch.no_grad():
        expected = Camera().eval()(bright)
    # Not calibrated with real pictures, so an output may be clipped; on black ones alone the error was 85%.
    assert float((results(artifact, bright) - expected).abs().max()) < 0.3 * float(expected.abs().max())
    assert artifact.metadata["calibration"]["made_up"]
    assert any(note.startswith("Not calibrated") for note in artifact.metadata["notes"])


class Kind(nn.Module):
    """An index that comes as a float beside other numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(3, 4), nn.Linear(7, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.table(x[:, 0].to(torch.int64)), x[:, 1:]], 1))


def test_made_up_floats_that_the_model_refuses_give_way(save: Save, convert_file: Convert) -> None:
    example = torch.randn(16, 4) * 50
    example[:, 0] = 2
    artifact = convert_file(save(Kind(), example))
    assert any("compared on few values" in note and "index out of range" in note for note in artifact.metadata["notes"])


class Window(nn.Module):
    last: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 8)
        self.register_buffer("last", torch.zeros(4, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.last.copy_(torch.cat([self.last[1:], self.head(x)]))
        return self.last.mean(0)


def test_calibration_leaves_no_calls_in_the_first_state(save: Save, convert_file: Convert) -> None:
    module = Window().eval()
    artifact = convert_file(save(module, torch.randn(1, 8)), recipe="xnnpack_int8_static")
    x = torch.rand(1, 8) - 0.5
    with torch.no_grad():
        assert torch.allclose(results(artifact, x), module.head(x)[0] / 4, atol=0.05)


def test_weights_that_are_nan_are_named(save: Save, convert_file: Convert) -> None:
    broken = nn.Sequential(nn.Linear(8, 4))
    nn.init.constant_(broken[0].bias, torch.nan)
    with pytest.raises(ImporterError) as caught:
        convert_file(save(broken, torch.zeros(1, 8)))
    assert caught.value.code == "NOTHING_COMPARED" and "'0.bias'" in caught.value.cause
    assert "training" in caught.value.remedy


class Ear(nn.Module):
    def __init__(self, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.change = change
        self.listen = nn.Linear(16, 4)

    def forward(self, power: torch.Tensor) -> torch.Tensor:
        level = self.change(power)
        return self.listen((level - level.mean()) / level.std())


FACTORY = """
import torch
from tests.importer.proof.test_what_is_compared import Ear

CHANGES = {"log": torch.log, "sqrt": torch.sqrt, "acos": torch.acos, "nan": lambda x: torch.log(-x.abs() - 1)}

def build(change):
    return Ear(CHANGES[change])
"""


@pytest.fixture
def ear(tmp_path: Path, convert_file: Convert) -> Callable[..., Artifact]:
    (tmp_path / "ear.py").write_text(FACTORY, encoding="utf-8")
    torch.save(Ear(torch.log).state_dict(), tmp_path / "ear.pth")

    def run(change: str, **options: Any) -> Artifact:
        given = {"factory": "res://ear.py:build", "factory_arguments": f'{{"change": "{change}"}}'}
        return convert_file(tmp_path / "ear.pth", project=tmp_path, inputs="power: float32[1,16]", **given, **options)

    return run


@pytest.mark.parametrize("change", ["log", *(pytest.param(name, marks=pytest.mark.slow) for name in ("sqrt", "acos"))])
def test_a_model_of_positive_or_small_numbers_is_compared_on_such(change: str, ear: Callable[..., Artifact]) -> None:
    accuracy = ear(change).metadata["accuracy"]
    assert accuracy["max_absolute"] > 0 and accuracy.get("compared", 1.0) == 1.0
    ear(change, recipe="xnnpack_int8_static")


def test_data_beyond_the_calibrated_range_is_named(convert_file: Convert, tmp_path: Path) -> None:
    layer = torch.nn.Linear(4, 4)
    torch.export.save(torch.export.export(layer, (torch.rand(1, 4),)), tmp_path / "net.pt2")
    (tmp_path / "data").mkdir()
    for index in range(10):  # the third and the eighth are held out
        value = torch.rand(1, 4) * (20 if index in (2, 7) else 1)
        np.save(tmp_path / "data" / f"{index}.npy", value.numpy())
    with pytest.raises(ImporterError) as caught:
        convert_file(tmp_path / "net.pt2", recipe="xnnpack_int8_static", calibration=str(tmp_path / "data"))
    assert caught.value.code == "ACCURACY_LOST" and "int8 has no values beyond" in caught.value.cause
    assert "calibration data that is like the real input" in caught.value.remedy


def test_what_gives_no_number_at_all_is_refused(ear: Callable[..., Artifact]) -> None:
    with pytest.raises(ImporterError) as caught:
        ear("nan")
    assert caught.value.code == "NOTHING_COMPARED" and "example_inputs" in caught.value.remedy


def test_fp16_that_gives_nan_for_silence_is_refused(ear: Callable[..., Artifact]) -> None:
    with pytest.raises(ImporterError) as caught:
        ear("log", recipe="xnnpack_fp16")
    assert caught.value.code == "ACCURACY_LOST" and "calibration" not in caught.value.remedy


class HidesNaN(nn.Module):
    """XNNPACK's ReLU gives 0 for NaN, so the result is a number, and a wrong one."""

    def __init__(self, normalizes: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.normalizes = normalizes
        self.layers = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))

    def forward(self, power: torch.Tensor) -> torch.Tensor:
        if not self.normalizes:
            return self.layers(torch.acos(power))
        level = torch.log(power)
        return self.layers((level - level.mean()) / level.std())


@pytest.mark.slow
def test_fp16_that_hides_what_it_loses_in_silence_is_refused(save: Save, convert_file: Convert) -> None:
    source = save(HidesNaN(True), torch.rand(1, 16) + 0.1)
    with pytest.raises(ImporterError) as caught:
        convert_file(source, recipe="xnnpack_fp16")
    # Whether the ReLU hides NaN depends on the kernel that XNNPACK chooses.
    assert caught.value.code == "ACCURACY_LOST", caught.value
    assert "almost 0" in caught.value.cause or "not a number" in caught.value.cause
    assert convert_file(source, recipe="xnnpack_fp32").metadata["accuracy"]["max_relative"] < 1e-3
    convert_file(save(HidesNaN(False), torch.rand(1, 16) - 0.5), recipe="xnnpack_fp16")


class Digits(nn.Module):
    """Right for what is smooth, as pictures are: it looks at differences of neighbours."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10))
        with torch.no_grad():
            weight = self.net[0].weight
            weight -= weight.mean((2, 3), keepdim=True)
            weight *= 4

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.net(image)


def test_real_pictures_judge_and_noise_is_a_note(tmp_path: Path, save: Save, convert_file: Convert) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    generator = torch.Generator().manual_seed(0)
    for number in range(10):
        small = torch.rand(1, 1, 2, 2, generator=generator)
        image = nn.functional.interpolate(small, size=(8, 8), mode="bilinear", align_corners=True)
        np.save(pictures / f"{number}.npy", image.numpy())
    artifact = convert_file(
        save(Digits(), torch.rand(1, 1, 8, 8)),
        recipe="xnnpack_int8_static",
        calibration=str(pictures),
        max_relative_error="0.1",
    )
    metadata = artifact.metadata
    assert metadata["accuracy"]["samples"] == 2 and metadata["calibration"]["held_out"] == 2
    assert any(note.startswith("On noise") for note in metadata["notes"])


@pytest.mark.slow
def test_a_few_calibration_calls_are_both(tmp_path: Path, save: Save, convert_file: Convert) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(2):
        np.save(folder / f"{number}.npy", np.random.default_rng(number).random((1, 3, 32, 32), dtype=np.float32))
    path = save(Detector(), torch.rand(1, 3, 32, 32))
    metadata = convert_file(path, recipe="xnnpack_int8_static", calibration=str(folder)).metadata
    assert metadata["calibration"] == {"made_up": False, "samples": 2, "held_out": 0}
    assert any("calibration data itself" in note for note in metadata["notes"])


class Classes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 21, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.net(image).argmax(1)


def test_classes_may_flip_at_a_tie(save: Save, convert_file: Convert) -> None:
    path = save(Classes(), torch.rand(1, 3, 24, 24))
    for recipe in ("xnnpack_fp16", "xnnpack_int8_static"):
        accuracy = convert_file(path, recipe=recipe).metadata["accuracy"]
        assert 0.8 < accuracy["agreement"] <= 1.0 and accuracy["tolerance"]["differing"] > 0
