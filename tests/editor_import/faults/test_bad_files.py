"""A bad file fails alone, with one readable error; its neighbours import, and the status of the process says so.

All bad files stand in one project beside a good model: they are imported in one run, as a person's folder would be.
"""

from __future__ import annotations

import io
import pickle
import random
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import godot_projects
from tests.godot_projects import Run
from tests.import_project import ModelProject, errors_of, fill

TRUNCATED = ("linear.pt", "linear_torchscript.pt", "linear_xnnpack.pte")


class Bomb:
    """Unpickling this writes a file: proof that a pickle ran."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.write_text, (self.path, "the pickle ran")


@dataclass(frozen=True)
class BadFolder:
    """The project, its import, and where a pickle would have left its proof."""

    project: ModelProject
    run: Run
    proof: Path


def _zip(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


# File name -> bytes, and a word that its error must have.
CRAFTED: dict[str, tuple[bytes, str]] = {
    "empty.pt": (b"", "empty"),
    "text.pt": (b"import torch\nprint('hello')\n", "text"),
    "zip.pt": (_zip("holiday.txt", b"not a model"), "archive"),
    "noise.pt": (random.Random(1).randbytes(4096), "NOT_A_MODEL"),
    "random.pte": (random.Random(2).randbytes(4096), "NOT_A_MODEL"),
    "random_identifier.pte": (b"\x20\0\0\0ET12" + random.Random(3).randbytes(4096), "random_identifier"),
    "random.safetensors": (random.Random(4).randbytes(512), "random.safetensors"),
}
# File name -> the source model that it is, and a word that its error must have.
REFUSED = {
    "module.pt": ("linear_module.pt", "torch.nn.modules.linear.Linear"),
    "weights.pth": ("linear_state_dict.pth", "factory"),
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory, godot: Path, models: Path, artifact_cache: Path) -> BadFolder:
    """Every bad file in one folder, imported once."""
    folder = tmp_path_factory.mktemp("bad")
    project = fill(godot_projects.make(folder / "project", godot, artifact_cache), models)
    proof = folder / "proof"
    bomb = pickle.dumps(Bomb(proof), protocol=2)
    project.put("legacy_bomb.pt", bomb)
    project.put("bomb.pt", _zip("archive/data.pkl", bomb))
    for name, (content, _) in CRAFTED.items():
        project.put(name, content)
    for name, (source, _) in REFUSED.items():
        project.put(name, (models / source).read_bytes())
    for form in TRUNCATED:
        content = (models / form).read_bytes()
        project.put(f"truncated_{form}", content[: len(content) * 2 // 3])
    return BadFolder(project, project.godot.import_all(), proof)


def test_good_neighbour_imports_and_the_process_fails(bad: BadFolder) -> None:
    assert bad.run.status not in (0, -9), bad.run.output
    assert bad.project.answer("good.pt") == "[8.0]"


@pytest.mark.parametrize("name", sorted(CRAFTED))
def test_bad_file_has_one_error(name: str, bad: BadFolder) -> None:
    errors = errors_of(bad.run, name)
    assert len(errors) == 1, bad.run.output
    assert CRAFTED[name][1] in errors[0]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused_file_says_what_it_needs(name: str, bad: BadFolder) -> None:
    errors = errors_of(bad.run, name)
    assert len(errors) == 1, bad.run.output
    assert REFUSED[name][1] in errors[0]


@pytest.mark.parametrize("form", TRUNCATED)
def test_truncated_file_has_one_error(form: str, bad: BadFolder) -> None:
    assert len(errors_of(bad.run, f"truncated_{form}")) == 1, bad.run.output


@pytest.mark.parametrize("name", ["bomb.pt", "legacy_bomb.pt"])
def test_pickle_does_not_run(name: str, bad: BadFolder) -> None:
    assert not bad.proof.exists()
    assert len(errors_of(bad.run, name)) == 1, bad.run.output


def test_failed_model_loads_and_answers_nothing(bad: BadFolder) -> None:
    """Scenes that name it open; its calls fail."""
    assert bad.project.answer("text.pt") == "<null>"


@pytest.mark.slow
def test_second_import_fails_again(bad: BadFolder) -> None:
    """A build machine must not go green because the failure was already reported once."""
    again = bad.project.godot.import_all()
    assert again.status != 0, again.output
    assert len(errors_of(again, "text.pt")) == 1, again.output


def test_previous_artifact_stays_when_a_file_becomes_bad(models_project: ModelProject) -> None:
    assert models_project.godot.import_all().status == 0
    before = [path.read_bytes() for path in models_project.payloads("good.pt")]
    assert len(before) == 1
    models_project.put("good.pt", b"now it is text")
    run = models_project.godot.import_all()
    assert run.status != 0, run.output
    assert [path.read_bytes() for path in models_project.payloads("good.pt")] == before
