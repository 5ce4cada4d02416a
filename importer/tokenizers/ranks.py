"""tiktoken's file of ranks as `tokenizer.json`. Standard library only."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from importer.tokenizers.encodings import ENCODINGS, Encoding
from importer.tokenizers.refusals import invalid, option
from importer.tokenizers.tokenizer_file import (
    LONGEST_TOKEN,
    MOST_IDS,
    Part,
    added_token,
    merges,
    sequence,
    split,
    tokenizer,
)

_LINE = re.compile(rb"([A-Za-z0-9+/]+={0,2}|=) (\d{1,10})")
_NO_BYTES = b"="  # a token that no text has; Whisper's table has one


def is_rank_file(data: bytes) -> bool:
    """Whether the first line is a token in base64 and its rank. Llama 3 has such a file under the name of a model."""
    return _LINE.fullmatch(data[:4096].partition(b"\n")[0].rstrip(b"\r")) is not None


def find_encoding(name: str, encoding: str, pattern: str, special: Mapping[str, int]) -> Encoding:
    """How the file `name` divides texts. encoding, pattern, special: what a person said. Raises OPTION_INVALID."""
    if encoding and encoding not in ENCODINGS:
        raise option(
            f"The encoding '{encoding}' is not known.", f"Known are {', '.join(ENCODINGS)}; or give --pattern."
        )
    if pattern and encoding:
        raise option("--pattern and --encoding cannot be combined.", "Leave out one of them.")
    stem = name.partition(".")[0]
    known = ENCODINGS.get(encoding or stem)
    if pattern or known is None:
        if not pattern:
            cause = f"A file of ranks does not say how texts are divided, and '{stem}' is not a known encoding."
            remedy = f"Give --encoding ({', '.join(ENCODINGS)}), or the authors' own --pattern REGEX."
            raise option(cause, remedy)
        return Encoding(pattern, special)
    return Encoding(known.pattern, {**known.special, **special})


def read_ranks(data: bytes) -> dict[bytes, int]:
    """Tokens and their ranks, which are their ids. One may have no bytes. Raises TOKENIZER_FILE_INVALID."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line:
            continue
        found = _LINE.fullmatch(line)
        token = _token(found[1]) if found else None
        rank = int(found[2]) if found else -1
        if token is None or token in ranks or not 0 <= rank < MOST_IDS:
            raise invalid(f"line {number} is not a new token in base64 and its rank")
        ranks[token] = rank
    if len(set(ranks.values())) != len(ranks):
        raise invalid("two tokens have the same rank")
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise invalid(f"it has no token for the byte {missing[0]}, and for {len(missing) - 1} others")
    return ranks


def _token(encoded: bytes) -> bytes | None:
    """None when it is not one."""
    if encoded == _NO_BYTES:
        return b""
    try:
        token = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None
    return token if 0 < len(token) <= LONGEST_TOKEN else None


def convert(ranks: Mapping[bytes, int], encoding: Encoding) -> Part:
    """Raises TOKENIZER_FILE_INVALID and OPTION_INVALID."""
    taken = set(ranks.values())
    for text, number in encoding.special.items():
        if number in taken:
            raise option(f"The special token {text} has the id {number}, which is taken.", "Give another --encoding.")
        taken.add(number)
    # tiktoken joins what has the lowest rank together, whichever two tokens it is made of.
    pairs = merges(sorted(filter(None, ranks), key=lambda token: ranks[token]), ranks)
    names = {token: "".join(_CHARACTERS[byte] for byte in token) for token in ranks if token}
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": True,
        "vocab": {names[token]: rank for token, rank in ranks.items() if token},
        "merges": [[names[left], names[right]] for left, right in pairs],
    }
    to_bytes = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    return tokenizer(
        [added_token(number, text, special=True) for text, number in encoding.special.items()],
        pre_tokenizer=sequence("pretokenizers", [split({"Regex": encoding.pattern}, "Isolated"), to_bytes]),
        decoder={**to_bytes, "use_regex": True},
        model=model,
    )


def _characters() -> list[str]:
    """The printable character that byte-level BPE has for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = (byte for byte in range(256) if byte not in printable)
    others = {byte: chr(256 + index) for index, byte in enumerate(rest)}
    return [others.get(byte, chr(byte)) for byte in range(256)]


_CHARACTERS = _characters()
