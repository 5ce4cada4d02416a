"""Where no sandbox works, code of a project asks once, and the answer is kept outside of the project."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from importer.__main__ import main
from importer.errors import ImporterError
from importer.jobs import approvals
from importer.jobs.conversion import Job, convert
from importer.jobs.supervisor import Limits, Supervisor
from importer.jobs.warm_parent import WarmParent
from importer.options import ImportOptions

FACTORY = """
from layers import make
def build():
    return make()
"""
LAYERS = """
import torch
from pathlib import Path
def make():
    (Path(__file__).parent / "ran").touch()
    return torch.nn.Linear(1, 1)
"""


@pytest.fixture(scope="module")
def unconfined() -> Iterator[WarmParent]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXECUTORCH_WITHOUT_SANDBOX", "1")
        yield WarmParent(preload="tests.attacks.without_sandbox")


@pytest.fixture
def job(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Weights and a factory, as a `.import` file of a downloaded project may name it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    project = tmp_path / "project"
    project.mkdir()
    (project / "net.py").write_text(FACTORY, encoding="utf-8")
    (project / "layers.py").write_text(LAYERS, encoding="utf-8")
    options = ImportOptions(factory="res://net.py:build", inputs="float32[1,1]", recipe="portable")
    return Job(models / "linear_state_dict.pth", str(tmp_path / "cache"), options, project)


def run(job: Job, way: WarmParent) -> dict[str, object]:
    return dict(convert(job, Supervisor(Limits(120.0), lambda *_: None, way), way).metadata)


def refused(job: Job, way: WarmParent) -> str:
    """The hash that the refusal names."""
    with pytest.raises(ImporterError) as caught:
        run(job, way)
    assert caught.value.code == "FACTORY_NEEDS_APPROVAL", caught.value
    assert job.project and not (job.project / "ran").exists()
    found = re.search(r"importer approve ([0-9a-f]{64})", caught.value.remedy)
    assert found
    return found.group(1)


def test_a_factory_asks_once_for_each_state_of_its_code(
    job: Job, unconfined: WarmParent, capsys: pytest.CaptureFixture[str]
) -> None:
    assert job.project
    code = refused(job, unconfined)
    assert code == approvals.code_hash([job.project / "net.py"])
    assert main(["approve", code]) == 0 and str(approvals.approval_file()) in capsys.readouterr().out
    assert not approvals.approval_file().is_relative_to(job.project)
    notes = run(job, unconfined)["notes"]
    assert isinstance(notes, list) and "Converted without a sandbox: this machine has no sandbox." in notes
    assert (job.project / "ran").exists()

    (job.project / "ran").unlink()
    with (job.project / "layers.py").open("a", encoding="utf-8") as layers:
        layers.write("# another state\n")
    assert refused(job, unconfined) != code
    # An assistant's request runs no code of the project without a sandbox, whatever was approved.
    approvals.approve(approvals.code_hash([job.project / "net.py"]))
    refused(replace(job, takes_approvals=False), unconfined)


def test_what_is_no_hash_is_not_kept(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["approve", "everything"]) == 2
    assert "OPTION_INVALID" in capsys.readouterr().err and not approvals.approval_file().exists()
