"""A bad file fails alone, with one readable error; its neighbours import, and the status of the process says so."""

from __future__ import annotations

import io
import pickle
import random
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.import_project import ModelProject, told


class Bomb:
    """Unpickling this writes a file: proof that a pickle ran."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.write_text, (self.path, "the pickle ran")


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("holiday.txt", "not a model")
    return buffer.getvalue()


BAD_FILES: dict[str, tuple[str, bytes]] = {
    "empty": ("bad.pt", b""),
    "text": ("bad.pt", b"import torch\nprint('hello')\n"),
    "zip": ("bad.pt", _zip()),
    "random": ("bad.pt", random.Random(1).randbytes(4096)),
    "random_pte": ("bad.pte", random.Random(2).randbytes(4096)),
    "random_pte_with_identifier": ("bad.pte", b"\x20\0\0\0ET12" + random.Random(3).randbytes(4096)),
    "random_safetensors": ("bad.safetensors", random.Random(4).randbytes(512)),
}


@pytest.mark.parametrize("kind", sorted(BAD_FILES))
def test_bad_file_fails_alone(kind: str, models_project: ModelProject) -> None:
    name, content = BAD_FILES[kind]
    models_project.put(name, content)
    run = models_project.godot.import_all()
    assert len(told(run, name)) == 1, run.output
    assert run.status != 0, run.output
    assert models_project.answer("good.pt") == "[8.0]"
    # A failed resource loads, so that scenes open; it answers nothing.
    assert models_project.answer(name) == "<null>"


@pytest.mark.parametrize("form", ["linear.pt", "linear_torchscript.pt", "linear_xnnpack.pte"])
def test_truncated_file_fails_alone(form: str, models_project: ModelProject, models: Path) -> None:
    content = (models / form).read_bytes()
    name = f"bad{Path(form).suffix}"
    models_project.put(name, content[: len(content) * 2 // 3])
    run = models_project.godot.import_all()
    assert len(told(run, name)) == 1, run.output
    assert run.status != 0
    assert models_project.answer("good.pt") == "[8.0]"


@pytest.mark.parametrize("legacy", [False, True])
def test_pickle_does_not_run(legacy: bool, models_project: ModelProject, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    payload = pickle.dumps(Bomb(proof), protocol=2)
    if legacy:
        content = payload
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("archive/data.pkl", payload)
            archive.writestr("archive/version", "3\n")
        content = buffer.getvalue()
    models_project.put("bomb.pt", content)
    run = models_project.godot.import_all()
    assert not proof.exists()
    assert len(told(run, "bomb.pt")) == 1, run.output
    assert run.status != 0


def test_pickled_module_is_refused_with_its_classes(models_project: ModelProject, models: Path) -> None:
    shutil.copy(models / "linear_module.pt", models_project.godot.path / "models" / "module.pt")
    run = models_project.godot.import_all()
    assert len(told(run, "module.pt")) == 1, run.output
    assert "torch.nn.modules.linear.Linear" in run.output
    assert run.status != 0


def test_state_dict_without_a_factory_says_what_it_needs(models_project: ModelProject, models: Path) -> None:
    shutil.copy(models / "linear_state_dict.pth", models_project.godot.path / "models" / "weights.pth")
    run = models_project.godot.import_all()
    assert len(told(run, "weights.pth")) == 1, run.output
    assert "factory" in run.output
    assert run.status != 0


def test_previous_artifact_stays_when_a_file_becomes_bad(models_project: ModelProject) -> None:
    assert models_project.godot.import_all().status == 0
    before = [path.read_bytes() for path in models_project.payloads("good.pt")]
    assert len(before) == 1
    models_project.put("good.pt", b"now it is text")
    run = models_project.godot.import_all()
    assert run.status != 0, run.output
    assert [path.read_bytes() for path in models_project.payloads("good.pt")] == before


def test_second_import_fails_again(models_project: ModelProject) -> None:
    """A build machine must not go green because the failure was already told once."""
    models_project.put("bad.pt", b"not a model")
    assert models_project.godot.import_all().status != 0
    again = models_project.godot.import_all()
    assert again.status != 0, again.output
    assert len(told(again, "bad.pt")) == 1, again.output
