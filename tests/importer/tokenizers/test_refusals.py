"""Files that are damaged, hostile or ask for what a tokenizer.json cannot do, and options that do not fit."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sentencepiece.sentencepiece_model_pb2 import ModelProto

from importer.errors import ImporterError
from importer.jobs.starting import Spawn
from importer.tokenizers import ranks, sentencepiece
from importer.tokenizers.conversion import Wanted, convert
from importer.tokenizers.encodings import ENCODINGS
from importer.tokenizers.sentencepiece_model import read_model
from tests.importer.tokenizers.test_sentencepiece import command
from tests.importer.tokenizers.test_tiktoken import rank_file
from tests.native.test_tokenizer import native
from tests.networks import sentencepiece_samples

INVALID, UNSUPPORTED = "TOKENIZER_FILE_INVALID", "TOKENIZER_FILE_UNSUPPORTED"


@pytest.fixture(scope="module")
def model() -> bytes:
    return sentencepiece_samples.train(vocab_size=600, character_coverage=0.98)


def changed(data: bytes, change: Callable[[Any], None]) -> bytes:
    message = ModelProto()
    message.ParseFromString(data)
    change(message)
    return bytes(message.SerializeToString())


def code_of(data: bytes) -> str:
    with pytest.raises(ImporterError) as caught:
        sentencepiece.convert(read_model(data), begin=False, end=False)
    assert caught.value.cause and caught.value.remedy
    return caught.value.code


def _word(message: Any) -> None:
    message.trainer_spec.model_type = 3


def _suffix(message: Any) -> None:
    message.trainer_spec.treat_whitespace_as_suffix = True


def _denormalizer(message: Any) -> None:
    message.denormalizer_spec.precompiled_charsmap = b"x"


def _unused(message: Any) -> None:
    message.pieces[9].type = 5


def _twice(message: Any) -> None:
    message.pieces[9].piece = message.pieces[10].piece


def _no_unknown(message: Any) -> None:
    message.pieces[0].type = 3


def _no_number(message: Any) -> None:
    message.pieces[9].score = float("nan")


def _no_bytes(message: Any) -> None:
    message.trainer_spec.byte_fallback = True


def _kind(message: Any) -> None:
    message.trainer_spec.model_type = 2
    for index in range(101):
        message.pieces.add(piece=f"<{index}>", score=0.0, type=4)


@pytest.mark.parametrize("change", [_word, _suffix, _denormalizer, _unused, _kind])
def test_what_a_tokenizer_json_cannot_do(change: Callable[[Any], None], model: bytes) -> None:
    assert code_of(changed(model, change)) == UNSUPPORTED


@pytest.mark.parametrize("change", [_twice, _no_unknown, _no_number, _no_bytes])
def test_what_contradicts_itself(change: Callable[[Any], None], model: bytes) -> None:
    assert code_of(changed(model, change)) == INVALID


def test_damaged_models_are_refused_or_convert(model: bytes) -> None:
    """Whatever the bytes: an error of the importer's own, or a file."""
    chance = random.Random(7)
    refused = 0
    cases = [model[:size] for size in range(0, len(model), len(model) // 50)]
    for _ in range(300):
        data = bytearray(model)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(4000)] = chance.randrange(256)
        cases.append(bytes(data))
    for data in [*cases, b"", b"\x00", b"no model", b"\x08\x96\x01"]:
        try:
            json.dumps(sentencepiece.convert(read_model(data), begin=False, end=False))
        except ImporterError as error:
            assert error.code in (INVALID, UNSUPPORTED), error
            refused += 1
    assert refused > 100


def test_tokens_that_can_be_joined_in_very_many_ways() -> None:
    """Of runs of one letter each division is a pair: 40 MB would become gigabytes."""
    model = ModelProto()
    model.trainer_spec.model_type = 2
    model.pieces.add(piece="<unk>", type=2)
    for letter in "abcdefgh":
        for length in range(1, 1001):
            model.pieces.add(piece=letter * length, score=-length)
    assert code_of(model.SerializeToString()) == INVALID
    model.pieces.add(piece="x" * 2000)
    del model.pieces[1:-1]
    assert code_of(model.SerializeToString()) == INVALID
    tokens = [*(bytes([byte]) for byte in range(256)), *(b"ab"[n % 2 :][:1] * (n // 2) for n in range(4, 2001))]
    with pytest.raises(ImporterError) as caught:
        ranks.convert({token: rank for rank, token in enumerate(tokens)}, ENCODINGS["gpt2"])
    assert caught.value.code == INVALID


@pytest.mark.parametrize(
    "line",
    [b"QQ== x", b"QQ==", b"QQ=== 300", b"QUJD -1", b"QUJD 300 1", b"QUJD 99999999", b"QQ== 300", b"QUJD 65", b"Q 300"],
)
def test_damaged_ranks(line: bytes, tmp_path: Path) -> None:
    good = [base64.b64encode(bytes([byte])) + b" %d" % byte for byte in range(256)]
    assert len(ranks.read_ranks(b"\n".join([*good, b"QUI= 256"]))) == 257
    for lines in ([*good, line], good[:-1]):
        with pytest.raises(ImporterError) as caught:
            ranks.read_ranks(b"\n".join(lines))
        assert caught.value.code == INVALID


def test_a_file_is_read_in_a_process_of_its_own(model: bytes, tmp_path: Path) -> None:
    source = tmp_path / "small.model"
    source.write_bytes(model)
    made = convert(source, Wanted(), Spawn())
    assert (made.kind, made.tokens) == ("unigram", len(json.loads(made.json)["model"]["vocab"]))
    for data, code in ((b"\xff" * 4000, INVALID), (changed(model, _word), UNSUPPORTED)):
        source.write_bytes(data)
        with pytest.raises(ImporterError) as caught:
            convert(source, Wanted(), Spawn())
        assert caught.value.code == code
    with pytest.raises(ImporterError) as caught:
        convert(tmp_path / "none.model", Wanted(), Spawn())
    assert caught.value.code == "FILE_NOT_FOUND"


def test_options_that_do_not_fit(model: bytes, tmp_path: Path) -> None:
    source = tmp_path / "small.model"
    source.write_bytes(changed(model, lambda message: message.pieces[1].__setattr__("type", 1)))  # no <s>
    own, known = rank_file(tmp_path / "own.tiktoken"), rank_file(tmp_path / "gpt2.tiktoken")
    cases = {
        (source, "--begin"): "no token for the beginning",
        (source, "--encoding", "gpt2"): "belong to tiktoken",
        (own,): "'own' is not a known encoding",
        (own, "--encoding", "gpt5"): "'gpt5' is not known",
        (own, "--encoding", "gpt2", "--pattern", "x"): "cannot be combined",
        (known, "--end"): "belong to SentencePiece",
        (known, "--special", "<|x|>=7"): "has the id 7, which is taken",
        (known, "--special", "<|x|>"): "--special got",
    }
    for words, cause in cases.items():
        done = command(*words, "-o", tmp_path / "out")
        assert done.returncode == 2 and "OPTION_INVALID" in done.stderr and cause in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    done = command(known, "-o", tmp_path / "file" / "x.json")
    assert done.returncode == 5 and "OUTPUT_NOT_WRITABLE" in done.stderr, done.stderr


def test_the_first_and_the_last_token(model: bytes, tmp_path: Path) -> None:
    source, folder = tmp_path / "small.v1.model", tmp_path / "new"
    source.write_bytes(model)
    done = command(source, "-o", folder, "--begin", "--end")
    assert done.returncode == 0, done.stderr
    (line,) = native(folder / "small.tokenizer.json", ["a game"], "encode", tmp_path)
    assert (line[0][0], line[-1][0]) == (1, 2) and len(line) > 3
    (pair,) = native(folder / "small.tokenizer.json", ["a", "b"], "pairs", tmp_path)
    assert [number for number, *_ in pair].count(1) == 2 and [kind for *_, kind in pair][-1] == 1
