"""The node that reads text gives what RapidOCR's own pipeline gives on the same pictures, with the models in its
package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests import godot_projects
from tests.godot_projects import GodotProject, Run
from tests.model_sources import artifact_cache
from tests.networks.published import OCR, installed, unpacked

WIDTH, HEIGHT = 960, 736  # what RapidOCR does not resize
# What RapidOCR needs in a Python of its own.
PACKAGES = (OCR, "pyclipper==1.4.0", "shapely==2.2.0", "opencv-python-headless==5.0.0.93", "six", "pyyaml", "tqdm")
MODELS = {
    "detection": ("ch_PP-OCRv4_det_infer.onnx", f"x: float32[1,3,{HEIGHT},{WIDTH}]", {"kind": "text_detection"}),
    "recognition": ("ch_PP-OCRv4_rec_infer.onnx", "x: float32[1,3,48,480]", None),
    "orientation": (
        "ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "x: float32[1,3,48,192]",
        {
            "kind": "image_classification",
            "input": {
                "resize": "height",
                "padding": 0.5,
                "channels": "bgr",
                "mean": [0.5, 0.5, 0.5],
                "deviation": [0.5, 0.5, 0.5],
            },
            "output": {"labels": ["0", "180"], "activation": "none"},
        },
    ),
}
# Text, place, height of the letters, and degrees clockwise.
DRAWN: dict[str, list[tuple[str, tuple[int, int], int, int]]] = {
    "sign": [
        ("The old mill", (60, 50), 56, 0),
        ("Open daily 9-17", (80, 170), 40, 0),
        ("No. 4711", (640, 190), 34, 0),
        ("Bread, milk & honey", (60, 320), 44, 0),
        ("Keep the door shut", (520, 480), 40, 180),
        ("Way out", (120, 560), 48, 0),
    ],
    "slanted": [("Beware of the dragon", (120, 260), 54, 12), ("Castle 3 km", (480, 80), 44, -8)],
    "empty": [],
}
REFERENCE = """
import json, sys
import numpy
from PIL import Image
from rapidocr_onnxruntime import RapidOCR
reader = RapidOCR(intra_op_num_threads=2)
for path in sys.argv[1:]:
    picture = numpy.array(Image.open(path).convert("RGB"))[:, :, ::-1]
    lines, _ = reader(numpy.ascontiguousarray(picture))
    print("@@ " + json.dumps([[text, float(score), box] for box, text, score in lines or []]))
"""
SCRIPT = """extends Node


func _ready() -> void:
	var reader: ExecuTorchTextRecognizer = ExecuTorchTextRecognizer.new()
	reader.detection_model = load("res://models/detection.onnx")
	reader.orientation_model = load("res://models/orientation.onnx")
	reader.model = load("res://models/recognition.onnx")
	add_child(reader)
	for picture: String in %s:
		var lines: Array = []
		for line: ExecuTorchTextLine in await reader.recognize_async(load("res://pictures/" + picture)):
			var box: Array = Array(line.box).map(func(corner: Vector2) -> Array: return [corner.x, corner.y])
			lines.append([line.text, line.confidence, box])
		print("@@ ", JSON.stringify(lines))
	get_tree().quit()
"""


def draw(lines: list[tuple[str, tuple[int, int], int, int]]) -> Image.Image:
    """Dark text on a light ground, with Pillow's own font."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (226, 219, 200))
    for text, place, height, degrees in lines:
        font = ImageFont.load_default(height)
        left, top, right, bottom = ImageDraw.Draw(picture).textbbox((0, 0), text, font=font)
        label = Image.new("RGBA", (round(right - left) + 8, round(bottom - top) + 8), (0, 0, 0, 0))
        ImageDraw.Draw(label).text((4 - left, 4 - top), text, fill=(40, 30, 70, 255), font=font)
        turned = label.rotate(-degrees, expand=True, resample=Image.Resampling.BICUBIC)
        picture.paste(turned, place, turned)
    return picture


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, godot: Path) -> GodotProject:
    """A project with RapidOCR's models and the pictures, imported."""
    made = godot_projects.make(tmp_path_factory.mktemp("text") / "project", godot, artifact_cache())
    models, pictures = made.path / "models", made.path / "pictures"
    models.mkdir()
    pictures.mkdir()
    for name, (file, inputs, card) in MODELS.items():
        shutil.copyfile(unpacked(OCR) / "rapidocr_onnxruntime" / "models" / file, models / f"{name}.onnx")
        options = f'[remap]\n\nimporter="executorch.model"\n\n[params]\n\nrecipe="xnnpack_fp32"\ninputs="{inputs}"\n'
        (models / f"{name}.onnx.import").write_text(options, encoding="utf-8")
        if card is not None:
            (models / f"{name}.task.json").write_text(json.dumps(card), encoding="utf-8")
    for name, lines in DRAWN.items():
        draw(lines).save(pictures / f"{name}.png")
    made.add_scene("answers", SCRIPT % json.dumps([f"{name}.png" for name in DRAWN]), is_main=True)
    run = made.import_all(timeout=900)
    assert run.status == 0 and run.errors == [], run.output
    return made


@pytest.mark.slow
def test_lines_are_those_of_rapidocr(project: GodotProject) -> None:
    run = project.run("res://answers.tscn")
    assert run.status == 0 and run.errors == [], run.output
    got = run.answers
    files = [str(project.path / "pictures" / f"{name}.png") for name in DRAWN]
    environment = {**os.environ, "PYTHONPATH": str(installed(*PACKAGES))}
    words = [sys.executable, "-c", REFERENCE, *files]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    wanted = Run(done.stdout, done.returncode).answers
    assert len(got) == len(wanted) == len(DRAWN)
    largest = sureness = 0.0
    for drawn, mine, reference in zip(DRAWN.values(), got, wanted, strict=True):
        assert [line[0] for line in mine] == [line[0] for line in reference]
        assert len(mine) == len(drawn)
        for line, other in zip(mine, reference, strict=True):
            largest = max(largest, float(np.abs(np.array(line[2]) - np.array(other[2])).max()))
            sureness = max(sureness, abs(line[1] - other[1]))
    assert {line[0] for line in got[0]} >= {"The old mill", "Keep the door shut", "Way out"}
    print(f"largest difference of a corner: {largest:.1f} pixels, of a confidence: {sureness:.3f}")
    assert largest <= 3.0 and sureness < 0.05
