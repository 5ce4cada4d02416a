"""The nodes that take pictures give what torch and Pillow give in Python, on the same pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests import godot_projects, model_sources
from tests.godot_projects import GodotProject
from tests.model_sources import artifact_cache
from tests.networks.picture_networks import Detector

SIZES = [(96, 64), (150, 100), (100, 230), (37, 20), (640, 480)]
WIDTH, HEIGHT = 96, 64
GRAY = 114 / 255  # what Ultralytics puts around pictures
DETECT = """extends Node


func _ready() -> void:
	var detector: ExecuTorchObjectDetector = ExecuTorchObjectDetector.new()
	detector.model = load("res://models/detector.pt2")
	add_child(detector)
	for number: int in %d:
		var picture: Image = (load("res://pictures/%%d.png" %% number) as Texture2D).get_image()
		var found: Array = []
		for object: ExecuTorchDetection in await detector.detect_async(picture):
			found.append([object.label, object.score, object.box.position.x, object.box.position.y,
				object.box.end.x, object.box.end.y])
		print("@@ ", JSON.stringify(found))
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


def answers(project: GodotProject, script: str) -> list[Any]:
    """What the script prints after `@@`."""
    project.add_scene("answers", script)
    run = project.run("res://answers.tscn")
    assert run.status == 0 and run.errors == [], run.output
    return [json.loads(line[3:]) for line in run.output.splitlines() if line.startswith("@@ ")]


@pytest.fixture
def project(tmp_path: Path, godot: Path) -> GodotProject:
    """A project with the pictures and without models."""
    made = godot_projects.make(tmp_path / "project", godot, artifact_cache())
    (made.path / "pictures").mkdir()
    for number, size in enumerate(SIZES):
        Image.fromarray(make_picture(*size)).save(made.path / "pictures" / f"{number}.png")
    return made


def add_model(project: GodotProject, file: str, card: dict[str, Any]) -> None:
    project.add([model_sources.ensure() / file])
    (project.path / "models" / f"{Path(file).stem}.task.json").write_text(json.dumps(card), encoding="utf-8")


def test_a_detector_finds_what_torch_finds(project: GodotProject) -> None:
    picture = {"resize": "contain", "padding": GRAY}
    add_model(
        project,
        "detector.pt2",
        {"kind": "object_detection", "input": picture, "output": {"boxes": "head", "labels": ["a", "b", "c"]}},
    )
    run = project.import_all()
    assert run.status == 0 and run.errors == [], run.output
    network = Detector().eval()
    largest = 0.0
    for size, got in zip(SIZES, answers(project, DETECT % len(SIZES)), strict=True):
        wanted = reference(make_picture(*size), network)
        assert len(wanted) > 5
        assert [found[0] for found in got] == [found[0] for found in wanted], size
        difference = np.abs(np.array([found[1:] for found in got]) - np.array([found[1:] for found in wanted]))
        assert difference[:, 0].max() < 1e-3
        largest = max(largest, float(difference[:, 1:].max()))
    print(f"largest difference of a box: {largest:.3f} pixels")
    assert largest < 1.0
