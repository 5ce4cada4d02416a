"""A file of another library becomes a `tokenizer.json`, in a confined process that reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from importer.errors import ImporterError, plain_text
from importer.jobs.child import Report
from importer.jobs.sandbox.policy import Policy, is_required
from importer.jobs.starting import Starter
from importer.jobs.supervisor import Limits, Supervisor
from importer.owned_folders import owned_folder, temporary_folder
from importer.plain_files import read_plain
from importer.tokenizers import ranks, sentencepiece
from importer.tokenizers.refusals import invalid, option
from importer.tokenizers.sentencepiece_model import read_model
from importer.tokenizers.tokenizer_file import Part

MOST_BYTES = 128 << 20
"""Of either file: the native tokenizer reads no larger one."""
_WRITTEN = "tokenizer.json"
_LIMITS = Limits(120.0, 4 << 30)


@dataclass(frozen=True)
class Wanted:
    """What a file does not say. begin, end: of SentencePiece's models; the others of tiktoken's ranks."""

    begin: bool = False
    end: bool = False
    encoding: str = ""
    pattern: str = ""
    special: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Converted:
    """kind: `unigram`, `bpe` or `ranks`."""

    json: bytes
    kind: str
    tokens: int


def convert(source: Path, wanted: Wanted, starter: Starter) -> Converted:
    """Raises FILE_NOT_FOUND, TOKENIZER_FILE_INVALID, TOKENIZER_FILE_UNSUPPORTED, OPTION_INVALID and those of a job."""
    if not source.is_file():
        raise ImporterError("FILE_NOT_FOUND", f"{source} does not exist, or is not a file.", "Check the path.", "read")
    path = source.absolute()
    with owned_folder(temporary_folder(), "tokenizer") as temporary:
        supervisor = Supervisor(_LIMITS, lambda stage, fraction, message: None, starter)
        params = {"source": str(path), "folder": str(temporary), "wanted": asdict(wanted)}
        told = supervisor.run(f"{__name__}:write", params, Policy(temporary, (path,), (), is_required()))
        return Converted(
            read_plain(temporary / _WRITTEN, MOST_BYTES), plain_text(told["kind"], 16), int(told["tokens"])
        )


def write(params: dict[str, Any], report: Report) -> dict[str, Any]:
    """The task of the confined process."""
    source = Path(params["source"])
    try:
        data = read_plain(source, MOST_BYTES)
    except OSError as error:
        cause = f"{source} cannot be read: {error.strerror or error}."
        raise ImporterError("FILE_NOT_READABLE", cause, "Check the file and its permissions.", "read") from error
    kind, made = _converted(source.name, data, Wanted(**params["wanted"]))
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()
    if len(text) > MOST_BYTES:
        raise invalid(f"it would become a tokenizer.json of {len(text):,} bytes")
    (Path(params["folder"]) / _WRITTEN).write_bytes(text)
    return {"kind": kind, "tokens": len(made["model"]["vocab"])}


def _converted(name: str, data: bytes, wanted: Wanted) -> tuple[str, Part]:
    if ranks.is_rank_file(data):
        if wanted.begin or wanted.end:
            raise option("--begin and --end belong to SentencePiece's models.", "Leave them out.")
        encoding = ranks.find_encoding(name, wanted.encoding, wanted.pattern, wanted.special)
        return "ranks", ranks.convert(ranks.read_ranks(data), encoding)
    if wanted.encoding or wanted.pattern or wanted.special:
        raise option("--encoding, --pattern and --special belong to tiktoken's ranks.", "Leave them out.")
    model = read_model(data)
    return model.kind, sentencepiece.convert(model, begin=wanted.begin, end=wanted.end)
