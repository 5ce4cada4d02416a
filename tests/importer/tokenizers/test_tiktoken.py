"""A file of ranks and the tokenizer.json made of it give the same ids as tiktoken."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tiktoken
from tiktoken_ext import openai_public
from tokenizers import Tokenizer

from importer.tokenizers.encodings import ENCODINGS
from tests.importer.tokenizers.test_sentencepiece import command
from tests.native.test_tokenizer import native, run
from tests.networks import sentencepiece_samples, tokenizer_samples

COUNTS = [pytest.param(2_000, id="few"), pytest.param(100_000, marks=pytest.mark.slow, id="many")]
PATTERN = r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s"


@cache
def ranks() -> dict[bytes, int]:
    """A small table: the bytes, and what a byte-level BPE learns of the documents."""
    tokenizer = tokenizer_samples.KINDS["llama3"]()
    of_character = {character: byte for byte, character in tiktoken_characters().items()}
    tokens = [bytes(of_character[c] for c in token) for token in learned(tokenizer.get_vocab())]
    return {token: rank for rank, token in enumerate(tokens)}


def learned(vocabulary: Mapping[str, int]) -> list[str]:
    special = {*tokenizer_samples.SPECIAL}
    return [token for token, _ in sorted(vocabulary.items(), key=lambda item: item[1]) if token not in special]


def tiktoken_characters() -> dict[int, str]:
    """As in tiktoken's own reader of GPT-2's files: printable bytes are themselves, the others follow from 256 on."""
    printable = [byte for byte in range(256) if chr(byte).isprintable() and chr(byte) != " "]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}


def rank_file(path: Path) -> Path:
    path.write_bytes(b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks().items()))
    return path


@pytest.fixture
def of_tiktoken(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """tiktoken's own description of an encoding, with the small table in place of the one that it would download."""
    for loader in ("load_tiktoken_bpe", "data_gym_to_mergeable_bpe_ranks"):
        monkeypatch.setattr(openai_public, loader, lambda *_, **__: ranks())
    return lambda name: openai_public.ENCODING_CONSTRUCTORS[name]()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", ENCODINGS)
def test_ids_are_equal(name: str, count: int, of_tiktoken: Callable[[str], dict[str, Any]], tmp_path: Path) -> None:
    described = of_tiktoken(name)
    described.pop("explicit_n_vocab", None)
    encoding = tiktoken.Encoding(**described)
    assert dict(ENCODINGS[name].special) == described["special_tokens"]
    file = tmp_path / "made.tokenizer.json"
    done = command(rank_file(tmp_path / f"{name}.tiktoken"), "-o", file)
    assert done.returncode == 0, done.stderr
    texts = sentencepiece_samples.texts(
        count, seed=count, words=[*described["special_tokens"], "'\u017f", "I'LL", "  \n  "]
    )
    wanted = encoding.encode_batch(texts, allowed_special="all")
    got = [[token[0] for token in line] for line in native(file, texts, "encode", tmp_path)]
    wrong = [case for case in zip(texts, wanted, got, strict=True) if case[1] != case[2]]
    print(f"{name}: {count - len(wrong)} of {count} equal")
    assert not wrong, wrong[:3]
    ordinary = [text for text in texts[:1_000] if "<|" not in text]
    # The library gives special tokens other ids when their own do not follow the small table's.
    library = Tokenizer.from_file(str(file)).encode_batch(ordinary)
    assert [item.ids for item in library] == encoding.encode_batch(ordinary)
    decoded = [bytes.fromhex(line).decode() for line in run(file, ordinary, "decode", tmp_path)]
    assert decoded == [encoding.decode(encoding.encode(text)) for text in ordinary]


def test_a_pattern_and_special_tokens_of_ones_own(tmp_path: Path) -> None:
    special = {"<|begin|>": 9000, "<|a=b|>": 9001}
    encoding = tiktoken.Encoding("own", pat_str=PATTERN, mergeable_ranks=ranks(), special_tokens=special)
    words = [word for text, number in special.items() for word in ("--special", f"{text}={number}")]
    file = tmp_path / "own.tokenizer.json"
    done = command(rank_file(tmp_path / "tokenizer.model"), "-o", file, "--pattern", PATTERN, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{file}: {len(ranks()):,} tokens of tiktoken's ranks\n"
    texts = sentencepiece_samples.texts(1_000, seed=3, words=list(special))
    got = [[token[0] for token in line] for line in native(file, texts, "encode", tmp_path)]
    assert got == encoding.encode_batch(texts, allowed_special="all")
    assert any(number > 8999 for line in got for number in line)


def test_a_token_without_bytes_is_left_out(tmp_path: Path) -> None:
    """Whisper's table has one, and special tokens that follow it."""
    source, file = rank_file(tmp_path / "multilingual.tiktoken"), tmp_path / "own.tokenizer.json"
    number = len(ranks())
    source.write_bytes(source.read_bytes() + b"= %d\n" % number)
    words = (source, "-o", file, "--pattern", PATTERN, "--special")
    assert "which is taken" in command(*words, f"<|endoftext|>={number}").stderr
    done = command(*words, f"<|endoftext|>={number + 1}")
    assert done.returncode == 0, done.stderr
    vocabulary = json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(number))
    (line,) = native(file, ["a<|endoftext|>"], "encode", tmp_path)
    assert [found for found, *_ in line] == [ranks()[b"a"], number + 1]
