"""What `convert` takes beside modules and names: places of functions, shapes, and recipes as objects."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

import godot_executorch as ge
from godot_executorch.exported import exported, save

ROOT = Path(__file__).parents[2]
NET = """
from pathlib import Path
import torch
from layers import HIDDEN

def build(outputs=4):
    import late
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, outputs))

def example_inputs():
    return torch.zeros(1, 8)

def calibration():
    return list(torch.rand(40, 1, 8, generator=torch.Generator().manual_seed(0)))

def evaluation():
    inputs = torch.rand(16, 8, generator=torch.Generator().manual_seed(1))
    return [(inputs, torch.zeros(16, dtype=torch.int64))]
"""


class Sum(torch.nn.Module):
    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return left.sum(1) + right.sum(1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def net(tmp_path: Path) -> str:
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    (tmp_path / "layers.py").write_text("HIDDEN = 16\n", encoding="utf-8")
    (tmp_path / "late.py").touch()
    return f"{tmp_path / 'net.py'}:build"


def test_the_place_of_a_function(net: str, cache: Path) -> None:
    artifact = ge.convert(
        net, recipe="xnnpack_int8_static", options={"factory_arguments": '{"outputs": 3}'}, cache=cache
    )
    metadata = artifact.metadata
    assert metadata.name == "net" and metadata.methods[0].outputs[0].shape == (1, 3)
    assert metadata.as_dict["calibration"] == {"made_up": False, "samples": 32, "held_out": 8}
    assert metadata.evaluation is not None and metadata.evaluation.samples == 16
    assert not {"layers", "late"} & set(sys.modules)
    numbers = metadata.numbers()
    assert numbers["evaluation.program"] == metadata.evaluation.program and numbers["payload.size"] == metadata.size
    assert metadata.accuracy is not None and numbers["accuracy.max_relative"] == metadata.accuracy.max_relative
    assert all(isinstance(value, float) for value in numbers.values())
    for code, words, place in (
        ("FACTORY_FAILED", "has no 'other'", net.replace(":build", ":other")),
        ("OPTION_INVALID", "missing.py", net.replace("net.py", "missing.py")),
    ):
        with pytest.raises(ge.ConversionError) as raised:
            ge.convert(place, cache=cache)
        assert raised.value.code == code and words in raised.value.cause


def test_an_exported_program(cache: Path) -> None:
    model = torch.nn.Linear(8, 4).eval()
    program = torch.export.export(model, (torch.zeros(1, 8),))
    artifact = ge.convert(program, cache=cache)
    value = torch.rand(1, 8)
    (found,) = ge.Program(artifact)(value).values()
    assert torch.allclose(found, model(value), atol=1e-5)
    with pytest.raises(ge.ConversionError, match="has its own inputs"):
        ge.convert(program, torch.zeros(1, 8), cache=cache)


def test_a_module_is_the_same_file_in_every_folder(tmp_path: Path) -> None:
    """Its hash is in the metadata, which can be committed: torch writes the places of the code into the file."""
    code = "import torch\n\n\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return x * 2\n"
    found, traces = [], []
    for folder, text in (("one", code), ("another place", f"# A comment.\n{code}")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text(text, encoding="utf-8")
        scope: dict[str, Any] = {"__name__": "net"}
        exec(compile(text, str(tmp_path / folder / "net.py"), "exec"), scope)
        program = exported(scope["Net"](), torch.ones(2), None)
        (tmp_path / folder / "saved").mkdir()
        save(program, tmp_path / folder / "saved" / "net.pt2")
        found.append((tmp_path / folder / "saved" / "net.pt2").read_bytes())
        traces += [node.meta["stack_trace"] for node in program.graph.nodes if "stack_trace" in node.meta]
    assert found[0] == found[1]
    assert f'File "{tmp_path / "another place" / "net.py"}", line 7' in traces[-1], "the program itself is not changed"


def test_modules_in_several_threads() -> None:
    """torch.export is not safe for threads, and conversions at once are what threads are used for."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout()).train()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: exported(model, torch.ones(1, 4), None), range(12)))
    assert len(made) == 12 and all(module.training for module in model.modules())
    dropouts = [node for program in made for node in program.graph.nodes if "dropout" in str(node.target)]
    assert len(dropouts) == 12 and all(node.args[2] is False for node in dropouts), "exported in eval mode"


def test_shapes(cache: Path) -> None:
    artifact = ge.convert(torch.nn.Linear(8, 4), torch.Size((2, 8)), cache=cache)
    assert artifact.metadata.methods[0].inputs[0].shape == (2, 8)
    two = ge.convert(Sum(), (torch.Size((1, 3)), torch.Size((1, 4))), cache=cache)
    assert [item.shape for item in two.metadata.methods[0].inputs] == [(1, 3), (1, 4)]


def test_a_recipe_as_an_object(cache: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
    example = torch.rand(1, 8)
    mixed = ge.convert(model, example, recipe=ge.Recipe("xnnpack_int8_dynamic", float_layers=["0"]), cache=cache)
    options = mixed.metadata.as_dict["provenance"]["options"]
    assert options == {"recipe": "xnnpack_int8_dynamic", "float_layers": "0"}
    with pytest.raises(ge.ConversionError, match="ACCURACY_LOST"):
        ge.convert(model, example, recipe=ge.Recipe("xnnpack_int8_dynamic", max_relative_error=1e-9), cache=cache)
    with pytest.raises(ge.ConversionError, match="no recipe 'fast'"):
        ge.convert(model, example, recipe=ge.Recipe("fast"), cache=cache)


@pytest.mark.slow
def test_the_result_of_a_search_is_a_recipe(net: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    found = ge.convert(net, recipe="search", target="top1 drop < 100%, smallest", cache=cache)
    search = found.metadata.search
    assert search is not None and search.is_complete and not found.cached
    sizes = {item.recipe.name: item.size for item in search.candidates if not item.error}
    assert sizes[search.chosen.name] == min(size for size in sizes.values() if size) == found.metadata.size
    again = ge.convert(net, recipe=search.chosen, cache=cache)
    assert again.metadata.size == found.metadata.size and again.metadata.accuracy == found.metadata.accuracy


@pytest.mark.slow
def test_a_users_script_passes_strict_type_checks(tmp_path: Path) -> None:
    good = tmp_path / "good.py"
    good.write_text(
        "import torch\nimport godot_executorch as ge\n"
        'artifact: ge.Artifact = ge.convert(torch.nn.Linear(2, 2), torch.rand(1, 2), recipe=ge.Recipe("auto"))\n'
        "accuracy = artifact.metadata.accuracy\nerror: float = accuracy.max_relative if accuracy else 0.0\n"
        'program = ge.Program(artifact)\nshape: tuple[int, ...] = program.inputs["forward"][0].shape\n',
        encoding="utf-8",
    )
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import godot_executorch as ge\nge.converted(3)\nge.convert(3, deadline_seconds='x')\n", encoding="utf-8"
    )
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    scripts = [text for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "godot_executorch" in text]
    for index, text in enumerate(scripts):
        (tmp_path / f"page{index}.py").write_text(text, encoding="utf-8")
    pages = sorted(tmp_path.glob("page*.py"))
    python = _environment_with_the_package(tmp_path / "environment")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache"]
    done = subprocess.run(
        [*command, "--python-executable", python, good, *pages, bad],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    # torch's own Tensor.backward has no types.
    lines = [line for line in done.stdout.splitlines() if ": error: " in line and '"backward"' not in line]
    assert {line.partition(":")[0] for line in lines} == {"bad.py"}, done.stdout + done.stderr
    assert any('no attribute "converted"' in line for line in lines) and len(lines) == 3, done.stdout


def _environment_with_the_package(folder: Path) -> Path:
    """The Python of an environment into which the package is installed as a person does it, without its requirements,
    which are those of this environment."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=100)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "requirements.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps"]
    subprocess.run([*pip, "--target", packages, ROOT], check=True, timeout=300)
    return folder / "bin" / "python"
