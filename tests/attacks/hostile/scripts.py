"""TorchScript archives with operators that reach files, in every spelling that torch's lexer takes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.attacks.hostile.canary import Hostile, pickled

_REFUSED = frozenset(["ARCHIVE_RUNS_CODE", "FILE_DAMAGED", "ARCHIVE_INVALID"])
_INPUTS = {"inputs": "x: float32[1]"}

# A statement for each; CANARY is a text. Those with `y` define it for the return.
STATEMENTS = {
    "from_file": "torch.from_file(CANARY, True, 4)",
    "from_file_space": "torch.from_file (CANARY, True, 4)",
    "from_file_spaces_at_dot": "torch . from_file(CANARY, True, 4)",
    "from_file_tab": "torch.\tfrom_file(CANARY, True, 4)",
    "from_file_form_feed": "torch.\ffrom_file(CANARY, True, 4)",
    "from_file_continued": "torch.\\\n    from_file(CANARY, True, 4)",
    "from_file_in_parentheses": "(torch.\n    from_file(CANARY, True, 4))",
    "from_file_after_comment": "(torch.# :\n    from_file(CANARY, True, 4))",
    "from_file_by_ops": "ops.aten.from_file(CANARY, True, 4)",
    "from_file_by_ops_spaces": "ops . aten . from_file (CANARY, True, 4)",
    "from_file_by_autograd": "torch.autograd.from_file(CANARY, True, 4)",
    "from_file_by_getattr": 'getattr(torch, "from_file")(CANARY, True, 4)',
    "from_file_by_getattr_parts": 'getattr(torch, "from" "_file")(CANARY, True, 4)',
    "from_file_by_getattr_escape": 'getattr(torch, "from\\137file")(CANARY, True, 4)',
    "from_file_in_default": "torch.add(torch.from_file(CANARY, True, 4), 1)",
    "from_file_after_number": "torch.add(1., 1)\n    y = torch.from_file (CANARY, True, 4)",
    "from_file_after_text": "torch.add(x, len('torch.add('))\n    y = torch.from_file (CANARY, True, 4)",
    "from_file_after_three_quotes": "torch.add(x, len('''a''b'''))\n    y = torch.from_file (CANARY, True, 4)",
    "save": "torch.save(x, CANARY)",
    "save_space": "torch.save (x, CANARY)",
    "save_by_method": "x.save(CANARY)",
    "save_by_method_space": "x . save (CANARY)",
    "save_by_method_of_number": "1..save(CANARY)",
    "save_by_method_of_text": "'a'.save(CANARY)",
    "save_by_ops": "ops.aten.save(x, CANARY)",
    "save_by_getattr": 'getattr(x, "save")(CANARY)',
    "python": "ops.prim.PythonOp(x, CANARY)",
    "rpc": "ops.prim.rpc_sync(CANARY, CANARY)",
    "class": "__torch__.torch.classes.dist_rpc.WorkerInfo(CANARY, 1)",
    "class_space": "__torch__ . torch . classes . dist_c10d . FileStore(CANARY, 1)",
    "operator_of_files": "ops.debugprims.load_tensor(CANARY, [1], [1], dtype=6, device=torch.device('cpu'))",
}


def archive(statement: str, where: str, canary: Path) -> bytes:
    """A module in torch's own form; where: forward, unused, setstate, submodule or function."""
    import torch

    class Inner(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 2

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x) + 1

    stream = io.BytesIO()
    torch.jit.save(torch.jit.script(Plain()), stream)
    line = f"    y = {statement.replace('CANARY', repr(str(canary)))}\n    print(y)\n"
    changed = io.BytesIO()
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".py") and b"class " in data:
                data = _changed(data.decode(), line, where).encode()
            new.writestr(name, data)
    return changed.getvalue()


def _changed(code: str, line: str, where: str) -> str:
    head, _, body = code.partition("-> Tensor:\n")
    if where == "submodule":
        head, _, body = code.rpartition("-> Tensor:\n")
    if where in ("forward", "submodule"):
        return f"{head}-> Tensor:\n{line}{body}"
    extra = "  def setup(self: {c}, x: Tensor) -> Tensor:\n{line}    return x\n"
    if where == "setstate":
        extra = (
            "  def __getstate__(self: {c}) -> Tensor:\n    return torch.zeros([1])\n"
            "  def __setstate__(self: {c}, x: Tensor) -> NoneType:\n{line}    return None\n"
        )
    first = code.index("class ")
    name = "__torch__." + code[first + 6 : code.index("(", first)]
    return (
        code.rstrip("\n") + "\n" + extra.format(c=name, line=line)
        if where != "function"
        else code
        + (
            f"def free(x: Tensor) -> Tensor:\n{line}  return x\n".replace("    y", "  y").replace(
                "    print", "  print"
            )
        )
    )


def _module_pickle(path: Path, canary: Path) -> None:
    """Code in the pickle of a script's data."""
    with zipfile.ZipFile(io.BytesIO(archive("x", "unused", canary))) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, pickled(canary) if name.endswith("/data.pkl") else old.read(name))


def files() -> Iterator[Hostile]:
    def make(statement: str, where: str, path: Path, canary: Path) -> None:
        path.write_bytes(archive(statement, where, canary))

    for index, (name, statement) in enumerate(STATEMENTS.items()):
        yield Hostile(f"script_{name}", ".pt", partial(make, statement, "forward"), _INPUTS, _REFUSED)
        where = ("unused", "setstate", "submodule", "function")[index % 4]
        if index < 12:
            yield Hostile(f"script_{where}_{name}", ".pt", partial(make, statement, where), _INPUTS, _REFUSED)
    yield Hostile("script_pickle", ".pt", _module_pickle, _INPUTS, _REFUSED)
