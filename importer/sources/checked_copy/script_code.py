"""Which operators a TorchScript archive calls, from its code's tokens; nothing is parsed by torch. Imports torch.

Loading a TorchScript archive already runs some of its code (`__setstate__`), so this is asked before. The tokens are
those of torch's own lexer (torch/csrc/jit/frontend/lexer.h); what the two could read differently is refused.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

import torch

from importer.errors import ImporterError
from importer.sources import pickle_reader
from importer.sources.checked_copy import operators
from importer.sources.zip_archive import ZipArchive

_MOST_CODE_BYTES = 64 << 20
_TOKEN = re.compile(
    r"[ \t\r\f\v\n]+|\\\n|(?P<comment>\#(?!\ type:)[^\n]*)|(?P<hash>\#)"
    r"|(?P<string>'''(?:[^'\\]|\\.|'(?!''))*'''|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*\"\"\""
    r"|'(?!'')(?:[^'\\\n]|\\.)*'|\"(?!\"\")(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?j?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>[^\\'\"\x00-\x1f\x7f-\U0010ffff])",
    re.ASCII | re.DOTALL,
)
_CLASSES = ("quantized",)  # of torch's own, which code may make objects of
_GLOBALS = re.compile(r"__torch__\..+|torch\.jit\._pickle\..+")


def check(archive: ZipArchive) -> None:
    """Raises ARCHIVE_RUNS_CODE when a method of a class in the archive calls an operator that does more than
    compute."""
    for name in archive.members:
        short = name.removeprefix(archive.root)
        if short.startswith("code/") and short.endswith(".py"):
            for operator in _operators(archive, name):
                if not operators.computes(operator):
                    raise _refused(archive, name, f"calls {operator.replace('::', '.')}, which may reach files or more")
        elif short in ("data.pkl", "constants.pkl"):
            _check_pickle(archive, name)


def _operators(archive: ZipArchive, name: str) -> Iterator[str]:
    """Every operator that the code could mean: `torch.add`, `ops.aten.add` and `x.add` are all aten::add."""
    tokens = list(_tokens(archive, name))
    words = [word for kind, word in tokens if kind == "name"]
    if "getattr" in words:  # its second argument is an attribute's name
        yield from (f"aten::{text}" for text in _texts(archive, name, tokens) if text.isidentifier())
    for index, (kind, word) in enumerate(tokens):
        if kind != "name":
            continue
        after_dot = index > 0 and tokens[index - 1][1] == "."
        path = _path(tokens, index)
        if after_dot:
            if torch._C._jit_get_schemas_for_operator(f"aten::{word}"):
                yield f"aten::{word}"
        elif word == "torch":
            rest = [part for part in path[1:] if part != "autograd"]
            if not rest:
                raise _refused(archive, name, "uses torch as a value")
            yield f"aten::{rest[0]}"
        elif word == "ops":
            if len(path) < 3:
                raise _refused(archive, name, "uses ops as a value")
            yield f"{path[1]}::{path[2]}"
        elif path[:3] == ["__torch__", "torch", "classes"] and (len(path) < 4 or path[3] not in _CLASSES):
            raise _refused(archive, name, f"makes an object of {'.'.join(path[1:])[:200]}")


def _texts(archive: ZipArchive, name: str, tokens: list[tuple[str, str]]) -> Iterator[str]:
    """The literals of the code; those that follow each other are one."""
    for kind, group in itertools.groupby(tokens, lambda token: token[0]):
        if kind == "string":
            try:
                yield "".join(ast.literal_eval(text) for _, text in group)
            except (SyntaxError, ValueError):
                raise _refused(archive, name, "has a text that cannot be read") from None


def _path(tokens: list[tuple[str, str]], index: int) -> list[str]:
    """The names of `a.b.c`, from the one at `index`."""
    path = [tokens[index][1]]
    while index + 2 < len(tokens) and tokens[index + 1][1] == "." and tokens[index + 2][0] == "name":
        index += 2
        path.append(tokens[index][1])
    return path


def _tokens(archive: ZipArchive, name: str) -> Iterator[tuple[str, str]]:
    try:
        text = archive.read(name, _MOST_CODE_BYTES).decode()
    except UnicodeDecodeError:
        raise _refused(archive, name, "is not text") from None
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            line = text.count("\n", 0, position) + 1
            raise _refused(archive, name, f"cannot be read at line {line}")
        position = found.end()
        if found.lastgroup and found.lastgroup != "comment":
            yield found.lastgroup, found.group()


def _check_pickle(archive: ZipArchive, name: str) -> None:
    data = archive.read(name, pickle_reader.MOST_PICKLE_BYTES)
    try:
        scanned = pickle_reader.scan(data)
    except pickle_reader.Unreadable as error:
        raise archive.damaged(f"its member {name[:200]}: {error}") from error
    for item in scanned.beyond_tensors:
        parts = item.split(".")
        if not _GLOBALS.fullmatch(item) or (parts[1:3] == ["torch", "classes"] and parts[3:4] != list(_CLASSES)):
            raise _refused(archive, name, f"names {item[:200]}")


def _refused(archive: ZipArchive, member: str, what: str) -> ImporterError:
    cause = f"{archive.title} may do more than compute: its member {member[:200]} {what}."
    remedy = "Use files from people you trust only; script the model again without it."
    return ImporterError("ARCHIVE_RUNS_CODE", cause, remedy, "load")
