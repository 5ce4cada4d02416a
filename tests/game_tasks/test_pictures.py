"""The nodes that take pictures give what torch and Pillow give in Python, on the same pictures."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.networks.zoo import UNet
from tasks import godot as godot_task
from tasks import windowed_editor
from tests import godot_projects, model_sources
from tests.godot_projects import GodotProject, Run
from tests.model_sources import artifact_cache
from tests.networks.picture_networks import Detector, Painter, Segmenter

SIZES = [(96, 64), (150, 100), (100, 230), (37, 20), (640, 480)]
WIDTH, HEIGHT = 96, 64
GRAY = 114 / 255  # what Ultralytics puts around pictures
CARDS: dict[str, dict[str, Any]] = {
    "detector": {
        "kind": "object_detection",
        "input": {"resize": "contain", "padding": GRAY},
        "output": {"boxes": "head", "labels": ["a", "b", "c"]},
    },
    "segmenter": {
        "kind": "image_segmentation",
        "output": {"name": "scores", "labels": ["sky", "water", "sand", "grass"]},
    },
    "painter": {
        "kind": "image_transformation",
        "input": {"size": [WIDTH, HEIGHT]},
        "output": {"name": "signed", "range": "-1..1"},
    },
}
SCRIPT = """extends Node


func _ready() -> void:
	var detector: ExecuTorchObjectDetector = ExecuTorchObjectDetector.new()
	var segmenter: ExecuTorchImageSegmenter = ExecuTorchImageSegmenter.new()
	var painter: ExecuTorchImageTransformer = ExecuTorchImageTransformer.new()
	detector.model = load("res://models/detector.pt2")
	segmenter.model = load("res://models/segmenter.pt2")
	painter.model = load("res://models/painter.pt2")
	for node: Node in [detector, segmenter, painter]:
		add_child(node)
	var textures: Dictionary = {}
	for number: int in %d:
		var picture: Texture2D = load("res://pictures/%%d.png" %% number)
		var boxes: Array = []
		for found: ExecuTorchDetection in await detector.detect_async(picture):
			var box: Rect2 = found.box
			boxes.append([found.label, found.score, box.position.x, box.position.y, box.end.x, box.end.y])
		var classes: ExecuTorchSegmentation = await segmenter.segment_async(picture)
		var texture: ImageTexture = await painter.transform_async(picture)
		var painted: Image = texture.get_image()
		textures[texture.get_rid()] = true
		textures[classes.mask.get_rid()] = true
		print("@@ ", JSON.stringify({
			"boxes": boxes,
			"classes": Marshalls.raw_to_base64(classes.class_ids.get_data()),
			"shares": Array(classes.shares),
			"mask": Marshalls.raw_to_base64(classes.mask.get_image().get_data()),
			"painted": Marshalls.raw_to_base64(painted.get_data()),
		}))
	print("textures: ", textures.size())
	get_tree().quit()
"""


UNET_SCRIPT = """extends Node


func _ready() -> void:
	var segmenter: ExecuTorchImageSegmenter = ExecuTorchImageSegmenter.new()
	segmenter.model = load("res://models/unet.pt2")
	add_child(segmenter)
	var result: ExecuTorchSegmentation = segmenter.segment(load("res://picture.png"))
	print("@@ ", Marshalls.raw_to_base64(result.class_ids.get_data()))
	get_tree().quit()
"""


def make_picture(width: int, height: int) -> NDArray[np.uint8]:
    """Soft blobs of random colours, the same for every run."""
    generator = np.random.default_rng(width * height)
    small = Image.fromarray(generator.integers(0, 256, (9, 13, 3), dtype=np.uint8))
    return np.array(small.resize((width, height), Image.Resampling.BICUBIC))


def letterboxed(picture: NDArray[np.uint8]) -> tuple[torch.Tensor, tuple[int, int], tuple[int, int]]:
    """As Ultralytics' LetterBox: the input, the size of the picture in it, and how far right and down it is."""
    height, width = picture.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    inner = max(round(width * scale), 1), max(round(height * scale), 1)
    values = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    resized = torch.nn.functional.interpolate(values, inner[::-1], mode="bilinear", antialias=True)
    left, top = (WIDTH - inner[0]) // 2, (HEIGHT - inner[1]) // 2
    result = torch.full((1, 3, HEIGHT, WIDTH), GRAY)
    result[:, :, top : top + inner[1], left : left + inner[0]] = resized
    return result, inner, (left, top)


def plain_nms(boxes: torch.Tensor, scores: torch.Tensor, overlap: float) -> list[int]:
    """torchvision.ops.nms as its documentation defines it."""
    order = scores.argsort(descending=True, stable=True).tolist()
    kept: list[int] = []
    for index in order:
        a = boxes[index]
        for other in kept:
            b = boxes[other]
            sides = (torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])).clamp(min=0)
            shared = sides.prod()
            union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared
            if shared / union > overlap:
                break
        else:
            kept.append(index)
    return kept


def reference(picture: NDArray[np.uint8], network: Detector) -> list[list[Any]]:
    """Ultralytics' own steps on the head: threshold, suppression by class, letterbox undone, clipped. Width and height
    have their own scale: Ultralytics uses one, and is off by as much as rounding the size changed it."""
    values, inner, offset = letterboxed(picture)
    with torch.no_grad():
        head = network(values)["head"][0].T
    scores, labels = head[:, 4:].max(1)
    chosen = scores > 0.25
    scores, labels, head = scores[chosen], labels[chosen], head[chosen]
    boxes = torch.cat((head[:, :2] - head[:, 2:4] / 2, head[:, :2] + head[:, 2:4] / 2), 1)
    kept = plain_nms(boxes + labels[:, None] * 7680, scores, 0.45)
    own = torch.tensor([picture.shape[1], picture.shape[0]] * 2)
    boxes = (boxes[kept] - torch.tensor(offset * 2)) * own / torch.tensor(inner * 2)
    boxes = boxes.clamp(min=0).minimum(own)
    rows = zip(labels[kept].tolist(), scores[kept].tolist(), boxes.tolist(), strict=True)
    return [["abc"[label], score, *box] for label, score, box in rows if box[2] > box[0] and box[3] > box[1]]


def answers(run: Run) -> list[dict[str, Any]]:
    """What the script prints, one answer for each picture."""
    assert run.status == 0 and run.errors == [], run.output
    assert len(run.answers) == len(SIZES)
    return run.answers


def pixels(text: str, *shape: int) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8).reshape(shape)


def resized(picture: NDArray[np.uint8]) -> torch.Tensor:
    """The whole picture as the input of a network."""
    values = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    return torch.nn.functional.interpolate(values, (HEIGHT, WIDTH), mode="bilinear", antialias=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, godot: Path) -> GodotProject:
    """A project with the pictures and the models, imported."""
    made = godot_projects.make(tmp_path_factory.mktemp("pictures") / "project", godot, artifact_cache())
    (made.path / "pictures").mkdir()
    for number, size in enumerate(SIZES):
        Image.fromarray(make_picture(*size)).save(made.path / "pictures" / f"{number}.png")
    for name, card in CARDS.items():
        made.add([model_sources.ensure() / f"{name}.pt2"])
        (made.path / "models" / f"{name}.task.json").write_text(json.dumps(card), encoding="utf-8")
    made.add_scene("answers", SCRIPT % len(SIZES), is_main=True)
    run = made.import_all()
    assert run.status == 0 and run.errors == [], run.output
    return made


@pytest.fixture(scope="module")
def found(project: GodotProject) -> list[dict[str, Any]]:
    return answers(project.run("res://answers.tscn"))


def test_a_detector_finds_what_torch_finds(found: list[dict[str, Any]]) -> None:
    network = Detector().eval()
    largest = 0.0
    for size, answer in zip(SIZES, found, strict=True):
        got, wanted = answer["boxes"], reference(make_picture(*size), network)
        assert len(wanted) > 5
        assert [box[0] for box in got] == [box[0] for box in wanted], size
        difference = np.abs(np.array([box[1:] for box in got]) - np.array([box[1:] for box in wanted]))
        assert difference[:, 0].max() < 1e-3
        largest = max(largest, float(difference[:, 1:].max()))
    print(f"largest difference of a box: {largest:.3f} pixels")
    assert largest < 1.0


def test_a_segmenter_gives_torchs_classes(found: list[dict[str, Any]]) -> None:
    network = Segmenter().eval()
    for size, answer in zip(SIZES, found, strict=True):
        with torch.no_grad():
            wanted = network(resized(make_picture(*size)))["classes"][0].numpy()
        got = pixels(answer["classes"], HEIGHT // 2, WIDTH // 2)
        assert (got == wanted).mean() > 0.999, size
        assert np.allclose(answer["shares"], np.bincount(got.ravel(), minlength=4) / got.size)
        mask = pixels(answer["mask"], HEIGHT // 2, WIDTH // 2, 4)
        assert ((mask[..., 3] == 0) == (got == 0)).all()


def test_a_transformer_gives_torchs_picture(found: list[dict[str, Any]]) -> None:
    network = Painter().eval()
    for size, answer in zip(SIZES, found, strict=True):
        with torch.no_grad():
            wanted = network(resized(make_picture(*size)))["bytes"][0].permute(1, 2, 0).numpy()
        got = pixels(answer["painted"], HEIGHT * 2, WIDTH * 2, 3)
        assert np.abs(got - wanted).max() < 1.0, size


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="there is no virtual display (package xvfb)")
def test_a_window_shows_the_same(project: GodotProject, found: list[dict[str, Any]]) -> None:
    """The two textures are read back from the renderer: each picture replaced the one before."""
    with windowed_editor.display(640, 480) as name:
        environment = {**project.environment, **godot_task.display_environment(), "DISPLAY": name}
        command = [project.godot, "--path", project.path, "--rendering-driver", "opengl3", "--audio-driver", "Dummy"]
        output, status = godot_task.run_to_end([*command, "res://answers.tscn"], timeout=120, env=environment)
    assert answers(Run(output, status)) == found
    assert "textures: 2\n" in output


@pytest.mark.slow
def test_an_exported_game_gives_the_same(project: GodotProject, found: list[dict[str, Any]], tmp_path: Path) -> None:
    program = tmp_path / "game.x86_64"
    run = project.export(program)
    assert run.status == 0, run.output
    output, status = godot_task.run_to_end([program, "--headless"], timeout=120, env=project.environment)
    assert answers(Run(output, status)) == found


@pytest.mark.slow
def test_a_unet_gives_torchs_classes(tmp_path: Path, godot: Path) -> None:
    torch.manual_seed(9)
    network = UNet().eval()
    picture = make_picture(150, 100)
    values = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    values = torch.nn.functional.interpolate(values, (64, 64), mode="bilinear", antialias=True)
    with torch.no_grad():
        scores = network(values)
        network.head.bias[1] += (scores[0, 0] - scores[0, 1]).median()  # so that each class has half of the picture
        wanted = network(values)[0].argmax(0).numpy()
    made = godot_projects.make(tmp_path / "project", godot, artifact_cache())
    (made.path / "models").mkdir()
    torch.export.save(torch.export.export(network, (values,)), made.path / "models" / "unet.pt2")
    (made.path / "models" / "unet.task.json").write_text('{"kind": "image_segmentation"}', encoding="utf-8")
    Image.fromarray(picture).save(made.path / "picture.png")
    made.add_scene("unet", UNET_SCRIPT)
    run = made.import_all()
    assert run.status == 0 and run.errors == [], run.output
    run = made.run("res://unet.tscn")
    assert run.status == 0 and run.errors == [], run.output
    lines = [line[3:] for line in run.output.splitlines() if line.startswith("@@ ")]
    got = pixels(lines[0], 64, 64)
    assert 0.3 < wanted.mean() < 0.7
    print(f"{(got != wanted).sum()} of {got.size} places have another class")
    assert (got == wanted).mean() > 0.999
