"""Quantization-aware training: networks are prepared, trained for real, converted, and compared with untrained ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import godot_executorch as ge
from godot_executorch.exported import save
from godot_executorch.qat import Trainable

CLASSES = 16


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def samples(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points around the centres of classes."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    centres = torch.randn(CLASSES, 32, generator=torch.Generator().manual_seed(0))
    return centres[labels] + 1.3 * torch.randn(count, 32, generator=generator), labels


def train(model: nn.Module, steps: int, rate: float, seed: int) -> None:
    inputs, labels = samples(2048, 1)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(steps):
        batch = torch.randint(0, len(inputs), (64,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs[batch]), labels[batch]).backward()
        optimizer.step()
    model.eval()


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES))
    train(model, 300, 1e-2, 1)
    return model


@pytest.mark.slow
def test_training_with_few_bits_is_at_least_as_good_as_quantizing_after_it(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the cache is beside the script
    held_out = samples(1024, 2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    prepared = ge.prepare_qat(network, "float32[1,32]", recipe="xnnpack_int8_int4")
    train(prepared, 200, 2e-3, 10)
    artifact = ge.convert(prepared, recipe="xnnpack_int8_int4", evaluate=[held_out], cache="cache")
    found = artifact.metadata.training
    assert found is not None and artifact.metadata.recipe == found.recipe == "xnnpack_int8_int4"
    assert found.metric == "top1" and found.samples == 1024 and found.before > 0.9
    assert found.trained >= found.post_training and found.gain == pytest.approx(found.trained - found.post_training)
    assert found.interval[0] <= found.gain <= found.interval[1]
    assert artifact.metadata.evaluation is not None and artifact.metadata.evaluation.program == found.trained
    with torch.no_grad():
        in_training = (prepared(held_out[0]).argmax(1) == held_out[1]).float().mean().item()
    assert found.trained == pytest.approx(in_training, abs=0.01), "it was trained with the program's roundings"
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items()), "a copy was trained"
    assert '"training"' in artifact.save(tmp_path / "net.pte").with_suffix(".metadata.json").read_text(encoding="utf-8")


class Picture(nn.Module):
    """Norms that become part of convolutions, dropout, and a layer that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.twice = nn.Conv2d(8, 8, 3, padding=1)
        self.drop, self.head = nn.Dropout(0.3), nn.Linear(8, 4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.first(image)))
        x = torch.relu(self.twice(torch.relu(self.twice(x))))
        return self.head(self.drop(x.mean((2, 3))))


def pictures(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Which quarter is bright."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (count,), generator=generator)
    images = 0.3 * torch.rand(count, 1, 8, 8, generator=generator)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[0, 4 * (label // 2) :, 4 * (label % 2) :] += 0.5
    return images, labels


@pytest.mark.slow
def test_int8_with_norms_dropout_and_a_layer_called_twice(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Picture()
    prepared = ge.prepare_qat(model, "image: float32[1,1,8,8]")
    inputs, labels = pictures(64, 0)
    prepared.eval()
    model.eval()
    assert torch.allclose(prepared(inputs), model(inputs), atol=1e-5), "nothing is rounded before there are ranges"
    with pytest.raises(ge.ConversionError, match="QAT_NOT_TRAINED"):
        ge.convert(prepared, cache=tmp_path / "cache")
    optimizer = torch.optim.Adam(prepared.parameters(), 1e-2)
    prepared.train()
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        losses.append(nn.functional.cross_entropy(prepared(inputs), labels))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]
    prepared.eval()
    state = {name: value.clone() for name, value in prepared.state_dict().items()}
    with torch.no_grad():
        expected = prepared(inputs)
        prepared(100 * inputs)
    learned = [name for name, value in prepared.state_dict().items() if not torch.equal(value, state[name])]
    assert learned in ([], ["norm.num_batches_tracked"]), "eval() learns nothing; the graph counts its calls"
    artifact = ge.convert(prepared, recipe="xnnpack_int8_static", evaluate=[(inputs, labels)], cache=tmp_path / "cache")
    assert artifact.metadata.recipe == "as_quantized" and artifact.metadata.methods[0].delegated > 0.5
    assert artifact.metadata.training is None and "calibration data" in artifact.metadata.notes[-1]
    program = ge.Program(artifact)
    found = torch.cat([next(iter(program(image[None]).values())) for image in inputs])
    assert (found - expected).abs().max() < 0.1 * expected.abs().max()
    again = ge.prepare_qat(model, "image: float32[1,1,8,8]").eval()
    again.load_state_dict(state)
    assert torch.equal(again(inputs), expected), "its state can be saved"


def test_a_trained_network_is_the_same_file_every_time(network: nn.Module, tmp_path: Path) -> None:
    """Its hash is in the metadata, which can be committed; and it is found in the cache."""
    prepared = ge.prepare_qat(network, "float32[1,32]")
    assert isinstance(prepared, Trainable)
    prepared(samples(8, 1)[0])
    prepared.eval()
    programs = [prepared.trained(), prepared.trained()]
    for number, program in enumerate(programs):
        (tmp_path / str(number)).mkdir()
        origins = [node.meta.get("from_node") for node in program.graph.nodes]
        save(program, tmp_path / str(number) / "net.pt2")
        assert [node.meta.get("from_node") for node in program.graph.nodes] == origins and any(origins)
    assert (tmp_path / "0" / "net.pt2").read_bytes() == (tmp_path / "1" / "net.pt2").read_bytes()


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0][:, -1])


def test_a_recurrent_network_is_right_or_refused_before_the_training(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, inputs = Words(), torch.randn(32, 5, 8)
    with pytest.raises(ge.ConversionError) as raised:
        ge.prepare_qat(model, "x: float32[1,5,8]", recipe="xnnpack_int8_dynamic")
    assert raised.value.code == "QAT_RECIPE_UNSUITABLE" and "xnnpack_int8_static" in raised.value.remedy
    prepared = ge.prepare_qat(model, "x: float32[1,5,8]")
    optimizer = torch.optim.Adam(prepared.parameters(), 1e-3)
    for _ in range(3):
        optimizer.zero_grad()
        prepared(inputs).square().mean().backward()
        optimizer.step()
    prepared.eval()
    program = ge.Program(ge.convert(prepared, cache=tmp_path))
    found = torch.cat([next(iter(program(item[None]).values())) for item in inputs])
    with torch.no_grad():
        expected = prepared(inputs)
    assert (found - expected).abs().max() < 0.05 * expected.abs().max()


def test_what_cannot_be_trained_is_refused(network: nn.Module) -> None:
    for recipe in ("xnnpack_fp32", "xnnpack_fp16", "portable", "auto", "nonsense"):
        with pytest.raises(ge.ConversionError, match="QAT_RECIPE_UNSUITABLE") as raised:
            ge.prepare_qat(network, "float32[1,32]", recipe=recipe)
        assert "xnnpack_int8_static" in raised.value.remedy
    prepared = ge.prepare_qat(network, "float32[1,32]", recipe="xnnpack_int8_int4")
    for code, words, wrong in (
        ("QAT_RECIPE_DIFFERS", "for xnnpack_fp32", lambda: ge.convert(prepared, recipe="xnnpack_fp32")),
        ("OPTION_INVALID", "its own inputs", lambda: ge.convert(prepared, torch.rand(1, 32))),
        ("OPTION_INVALID", "float torch.nn.Module", lambda: ge.prepare_qat(prepared, "float32[1,32]")),
        ("NOTHING_TO_QUANTIZE", "groups of 128", lambda: ge.prepare_qat(
            network, "float32[1,32]", recipe="xnnpack_int8_int4", group_size=128)),
    ):  # fmt: skip
        with pytest.raises(ge.ConversionError) as refused:
            wrong()
        assert refused.value.code == code and words in refused.value.cause, str(refused.value)


def test_a_module_that_was_not_prepared_is_an_ordinary_module(network: nn.Module, tmp_path: Path) -> None:
    artifact = ge.convert(network, "float32[1,32]", recipe="xnnpack_int8_int4", cache=tmp_path)
    assert artifact.metadata.training is None and artifact.metadata.recipe == "xnnpack_int8_int4"
