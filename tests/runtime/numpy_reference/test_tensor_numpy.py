"""ExecuTorchTensor against numpy: pictures, audio, softmax, argmax and topk of random values."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import godot_projects
from tests.godot_projects import ROOT

WIDTH, HEIGHT = 37, 23
IMAGENET = {"mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225]}
PLAIN: dict[str, list[float]] = {"mean": [], "deviation": []}
IMAGES = [
    {"width": 0, "height": 0, "channels": "rgb", "layout": "NCHW", **PLAIN},
    {"width": 0, "height": 0, "channels": "bgr", "layout": "NHWC", **IMAGENET},
    {"width": 0, "height": 0, "channels": "gray", "layout": "NCHW", "mean": [0.5], "deviation": [0.25]},
    {"width": 0, "height": 0, "channels": "rgba", "layout": "NHWC", **PLAIN},
    {"width": 12, "height": 7, "channels": "rgb", "layout": "NCHW", **IMAGENET},
    {"width": 80, "height": 50, "channels": "rgb", "layout": "NHWC", **PLAIN},
    {"width": 90, "height": 5, "channels": "bgr", "layout": "NCHW", **PLAIN},
]
ROUND_TRIPS = [
    {"channels": "rgb", "layout": "NCHW", **PLAIN},
    {"channels": "bgr", "layout": "NHWC", **IMAGENET},
    {"channels": "rgba", "layout": "NCHW", **PLAIN},
]


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    random = np.random.default_rng(7)
    return {
        "image": {
            "width": WIDTH,
            "height": HEIGHT,
            "pixels": random.integers(0, 256, WIDTH * HEIGHT * 3).tolist(),
        },
        "images": IMAGES,
        "round_trips": ROUND_TRIPS,
        "logits": (random.standard_normal((6, 9)) * 20).round(4).tolist(),
        "integers": [5, -7, 5, 9, 9, 5, 0, 1 << 40],
        "frames": (random.integers(-64, 65, (50, 2)) / 64).tolist(),
    }


@pytest.fixture(scope="module")
def results(cases: dict[str, Any], godot: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("numpy")
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    made = godot_projects.make(folder / "project", godot)
    shutil.copy(ROOT / "tests" / "runtime" / "numpy_reference" / "run.gd", made.path / "run.gd")
    made.import_all()
    run = made.run("-s", "res://run.gd", "--", folder / "cases.json", folder / "results.json")
    assert run.status == 0 and run.errors == [], run.output
    read: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return read


def _triangle(length: int, wanted: int) -> NDArray[np.float64]:
    """The matrix that resizes a line: a triangle filter, as wide as a step when that is more than a pixel."""
    step = length / wanted
    centers = (np.arange(wanted) + 0.5) * step
    distance = np.abs(np.arange(length) + 0.5 - centers[:, None]) / max(step, 1.0)
    weights = np.maximum(0.0, 1.0 - distance)
    normalised: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalised


def _reference(pixels: NDArray[np.float64], case: dict[str, Any]) -> NDArray[np.float64]:
    channels = {
        "rgb": pixels,
        "bgr": pixels[..., ::-1],
        "gray": pixels @ np.array([0.299, 0.587, 0.114])[:, None],
        "rgba": np.concatenate([pixels, np.full((*pixels.shape[:2], 1), 255.0)], axis=2),
    }[case["channels"]]
    if case["width"]:
        rows, columns = _triangle(HEIGHT, case["height"]), _triangle(WIDTH, case["width"])
        channels = np.einsum("yh,hwc,xw->yxc", rows, channels, columns)
    scaled: NDArray[np.float64] = (channels / 255.0 - np.array(case["mean"] or 0.0)) / np.array(
        case["deviation"] or 1.0
    )
    return scaled[None] if case["layout"] == "NHWC" else scaled.transpose(2, 0, 1)[None]


@pytest.mark.parametrize("index", range(len(IMAGES)))
def test_pictures_are_numpys(cases: dict[str, Any], results: dict[str, Any], index: int) -> None:
    pixels = np.array(cases["image"]["pixels"], dtype=np.float64).reshape(HEIGHT, WIDTH, 3)
    expected = _reference(pixels, IMAGES[index])
    got = results["images"][index]
    assert got["shape"] == list(expected.shape)
    np.testing.assert_allclose(np.array(got["values"]), expected.ravel(), atol=2e-5)


@pytest.mark.parametrize("index", range(len(ROUND_TRIPS)))
def test_a_picture_comes_back(results: dict[str, Any], index: int) -> None:
    assert results["round_trips"][index] is True


def test_softmax_is_numpys(cases: dict[str, Any], results: dict[str, Any]) -> None:
    logits = np.array(cases["logits"])
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = shares / shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.array(results["softmax"]), expected.ravel(), rtol=1e-4, atol=1e-7)


def test_argmax_and_topk_are_numpys(cases: dict[str, Any], results: dict[str, Any]) -> None:
    logits = np.array(cases["logits"], dtype=np.float32).ravel()
    assert results["argmax"] == int(logits.argmax())
    assert results["topk"] == np.argsort(-logits, kind="stable")[:10].tolist()
    integers = np.array(cases["integers"])
    assert results["integer_topk"] == np.argsort(-integers, kind="stable")[:4].tolist()


def test_audio_is_numpys(cases: dict[str, Any], results: dict[str, Any]) -> None:
    frames = np.array(cases["frames"])
    np.testing.assert_allclose(results["mono"], frames.mean(axis=1), atol=1e-7)
    np.testing.assert_allclose(results["stereo"], frames.T.ravel(), atol=1e-7)
    assert results["frames_back"] is True
