"""Our tokens of TorchScript are torch's: code that passes has no operator of files in torch's graphs of it."""

from __future__ import annotations

import faulthandler
import io
import os
import random
import zipfile
from pathlib import Path

import pytest

from importer.errors import ImporterError
from importer.sources.zip_archive import ZipArchive
from tests.attacks.hostile.scripts import STATEMENTS, archive

_PIECES = (
    " ", "  ", "\t", "\f", "\v", "\r", "\\\n", " \\\n  ", "(", ")", "# a\n", "#", "# type:", "\n", "'", '"',
    "'''", '"""', "\\", ".", "0", "1.", "1e", "0x", "j", "_", "torch", "ops", "aten", "getattr", "x", "\u00a0",
    "\x00", ";", ",", "\\'", "b'", "r'",
)  # fmt: skip


def _changed(code: str, random_numbers: random.Random) -> str:
    """The statement's line with other characters between its tokens."""
    begin = code.index("    y = ") + 8
    end = code.index("    print(y)")
    line = code[begin:end]
    for _ in range(random_numbers.randint(1, 3)):
        place = random_numbers.randrange(len(line))
        pieces = _PIECES[: 8 if random_numbers.random() < 0.7 else None]
        line = line[:place] + random_numbers.choice(pieces) + line[place + (random_numbers.random() < 0.1) :]
    return code[:begin] + line + code[end:]


def _loaded_in_a_child(file: io.BytesIO) -> int:
    """1: loaded, 3: with an operator of files, else rejected. torch's parser crashes for some texts, such as `x[]`."""
    import torch

    child = os.fork()
    if child == 0:
        faulthandler.disable()
        try:
            file.seek(0)
            module = torch.jit.load(file)
            graphs = "".join(str(module._c._get_method(name).graph) for name in module._c._method_names())
            os._exit(3 if "aten::from_file" in graphs or "aten::save" in graphs else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="crashes of torch are kept in forks")
@pytest.mark.parametrize("rounds", [500, pytest.param(100_000, marks=pytest.mark.slow)])
def test_what_passes_has_no_operator_of_files(rounds: int, tmp_path: Path) -> None:
    from importer.sources.checked_copy import script_code  # imports torch, which collecting the tests should not

    random_numbers = random.Random(rounds)
    evil = [text for text in STATEMENTS.values() if "file" in text]
    harmless = ["x + 1", "torch.add(x, 1) # torch.save", "torch.add(x, len('torch.save'))", "(x).sum() + x[0]"]
    originals = [archive(text, "forward", tmp_path / "canary") for text in evil + harmless * (len(evil) // 4)]
    loaded = 0
    for _ in range(rounds):
        changed = io.BytesIO()
        original = random_numbers.choice(originals)
        with zipfile.ZipFile(io.BytesIO(original)) as old, zipfile.ZipFile(changed, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if name.endswith(".py") and b"class " in data:
                    data = _changed(data.decode(), random_numbers).encode()
                if not name.endswith(".debug_pkl"):
                    new.writestr(name, data)
        try:
            script_code.check(ZipArchive(changed, "x"))
        except ImporterError:
            continue
        status = _loaded_in_a_child(changed)
        assert status != 3, "an operator of files passed"
        loaded += status == 1
    assert loaded > rounds // 100
    assert not (tmp_path / "canary").exists()
