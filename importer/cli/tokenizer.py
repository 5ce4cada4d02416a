"""`python -m importer tokenizer FILE -o NAME.tokenizer.json`."""

from __future__ import annotations

import argparse
from pathlib import Path

from importer.atomic_files import write_atomically
from importer.cli.output import print_json
from importer.errors import DISK_IS_FULL, ImporterError, disk_full
from importer.tokenizers.encodings import ENCODINGS

_SUFFIX = ".tokenizer.json"
_NAMES = {
    "unigram": "a Unigram model of SentencePiece",
    "bpe": "a BPE model of SentencePiece",
    "ranks": "tiktoken's ranks",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="FILE", help="NAME.model of SentencePiece, or NAME.tiktoken")
    words = "the file to write, or a folder for NAME.tokenizer.json"
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=words)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    group = parser.add_argument_group("SentencePiece")
    group.add_argument("--begin", action="store_true", help="put the model's first token (<s>) before each text")
    group.add_argument("--end", action="store_true", help="put the model's last token (</s>) after each text")
    group = parser.add_argument_group("tiktoken")
    words = f"whose pattern and special tokens to use: {', '.join(ENCODINGS)} (default: the file's name)"
    group.add_argument("--encoding", default="", metavar="NAME", help=words)
    words = "the regular expression that divides texts (default: the encoding's)"
    group.add_argument("--pattern", default="", metavar="REGEX", help=words)
    words = "a special token, such as '<|im_start|>=151644' (default: the encoding's); may be repeated"
    group.add_argument("--special", action="append", default=[], metavar="TEXT=ID", help=words)


def run(chosen: argparse.Namespace) -> int:
    """Convert one file."""
    from importer.jobs.starting import Spawn
    from importer.tokenizers.conversion import Wanted, convert

    source: Path = chosen.source
    target: Path = chosen.output
    if target.suffix != ".json":
        target = target / f"{source.name.partition('.')[0]}{_SUFFIX}"
    special = dict(_special(text) for text in chosen.special)
    wanted = Wanted(chosen.begin, chosen.end, chosen.encoding, chosen.pattern, special)
    made = convert(source, wanted, Spawn())
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, made.json, flushed=True)
    except OSError as error:
        if error.errno in DISK_IS_FULL:
            raise disk_full(error.filename or target, "store") from error
        cause = f"{target} cannot be written: {error.strerror or error}."
        raise ImporterError("OUTPUT_NOT_WRITABLE", cause, "Choose another file or folder.", "store") from error
    if chosen.json:
        print_json("tokenizer", {"output": str(target), "kind": made.kind, "tokens": made.tokens})
        return 0
    print(f"{target}: {made.tokens:,} tokens of {_NAMES.get(made.kind, made.kind)}")
    return 0


def _special(text: str) -> tuple[str, int]:
    content, _, number = text.rpartition("=")
    if not content or not number.isascii() or not number.isdigit():
        cause = f"--special got '{text}'."
        raise ImporterError(
            "OPTION_INVALID", cause, "Write the text, an equals sign and the id: '<|end|>=100'.", "read"
        )
    return content, int(number)
