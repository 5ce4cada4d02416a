"""A SentencePiece model and the tokenizer.json made of it give the same ids and texts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from tokenizers import Tokenizer

from tests import json_output
from tests.godot_projects import ROOT
from tests.native.test_tokenizer import native, run
from tests.networks import sentencepiece_samples

SYMBOLS = ["<sep>", "<|im_start|>", "[MASK]", "a.b", "++"]
CHANGED = [*SYMBOLS, "\ufb01x", "<SEP>", "<SEP>1"]  # the map of characters makes others of them
NO_SPACES: dict[str, Any] = {"add_dummy_prefix": False, "remove_extra_whitespaces": False}
LLAMA: dict[str, Any] = {
    "model_type": "bpe",
    "byte_fallback": True,
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
    "split_digits": True,
}
MODELS: dict[str, dict[str, Any]] = {
    "unigram": {},
    "unigram_lower_case": {"normalization_rule_name": "nmt_nfkc_cf"},
    "unigram_nfkc": {"normalization_rule_name": "nfkc"},
    "unigram_identity": {"normalization_rule_name": "identity"},
    "unigram_bytes": {"byte_fallback": True},
    "unigram_symbols": {"user_defined_symbols": SYMBOLS},
    "unigram_changed_symbols": {"normalization_rule_name": "nmt_nfkc_cf", "user_defined_symbols": CHANGED},
    "unigram_no_spaces": NO_SPACES,
    "unigram_no_prefix": {"add_dummy_prefix": False, "normalization_rule_name": "identity"},
    "unigram_beyond_words": {"split_by_whitespace": False},
    "bpe": {"model_type": "bpe"},
    "bpe_lower_case": {"model_type": "bpe", "normalization_rule_name": "nfkc_cf"},
    "bpe_beyond_words": {"model_type": "bpe", "split_by_whitespace": False},
    "bpe_symbols": {"model_type": "bpe", "user_defined_symbols": SYMBOLS},
    "bpe_changed_symbols": {
        "model_type": "bpe",
        "normalization_rule_name": "nfkc_cf",
        "user_defined_symbols": CHANGED,
    },
    "llama2": LLAMA,
    "gemma": {**LLAMA, "add_dummy_prefix": False, "user_defined_symbols": [*SYMBOLS, "\n\n", "\u2581\u2581", "\t"]},
    "t5": {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1},
}
COUNTS = [pytest.param(2_000, id="few"), pytest.param(50_000, marks=pytest.mark.slow, id="many")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sentencepiece")


def command(*words: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "importer", "tokenizer", *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)


def converted(folder: Path, name: str, *words: object) -> tuple[sentencepiece.SentencePieceProcessor, Path]:
    """SentencePiece's own processor of a model, and the file that the importer makes of it."""
    source, target = folder / f"{name}.model", folder / f"{name}.tokenizer.json"
    if not source.exists():
        source.write_bytes(sentencepiece_samples.train(**MODELS[name]))
    if words or not target.exists():
        done = command(source, "-o", target, *words)
        assert done.returncode == 0, done.stderr
    return sentencepiece.SentencePieceProcessor(model_file=str(source)), target


def texts_for(processor: sentencepiece.SentencePieceProcessor, count: int) -> list[str]:
    """Without the names of control tokens, which a tokenizer.json finds in a text and SentencePiece does not."""
    numbers = range(processor.get_piece_size())
    hidden = [processor.id_to_piece(n) for n in numbers if processor.is_control(n) or processor.is_unknown(n)]
    found = sentencepiece_samples.texts(count, seed=count, words=CHANGED)
    return [text for text in found if not any(name in text for name in hidden)]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", MODELS)
def test_ids_are_equal(name: str, count: int, folder: Path, tmp_path: Path) -> None:
    processor, file = converted(folder, name)
    texts = texts_for(processor, count)
    got = [[token[0] for token in line] for line in native(file, texts, "encode", tmp_path)]
    wrong = [case for case in zip(texts, processor.encode(texts), got, strict=True) if case[1] != case[2]]
    print(f"{name}: {len(texts) - len(wrong)} of {len(texts)} equal")
    assert len(texts) > count * 0.9
    assert not wrong, wrong[:3]


@pytest.mark.parametrize("name", [name for name in MODELS if "changed" not in name])
def test_the_tokenizers_library_reads_the_file(name: str, folder: Path, tmp_path: Path) -> None:
    """It does not know `longest_match` and `kept`: in ASCII they make a difference in few texts. Nor `float32_scores`,
    which decides between divisions that are equally good."""
    processor, whole = converted(folder, name)
    content = json.loads(whole.read_text(encoding="utf-8"))
    content["model"].pop("float32_scores", None)
    file = tmp_path / "without_rounding.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    texts = [text for text in texts_for(processor, 5_000) if text.isascii() and "\r\n" not in text]
    wanted = [encoding.ids for encoding in Tokenizer.from_file(str(file)).encode_batch(texts)]
    assert [[token[0] for token in line] for line in native(file, texts, "encode", tmp_path)] == wanted
    assert len(texts) > 300


@pytest.mark.parametrize("name", MODELS)
def test_decoded_texts_are_equal(name: str, folder: Path, tmp_path: Path) -> None:
    processor, file = converted(folder, name)
    texts = texts_for(processor, 1_000)
    got = [bytes.fromhex(line).decode() for line in run(file, texts, "decode", tmp_path)]
    unknown = processor.unk_id()
    compared = 0
    for text, ids, decoded in zip(texts, processor.encode(texts), got, strict=True):
        if unknown not in ids:  # SentencePiece writes another text for it than the token's
            compared += 1
            assert decoded == processor.decode(ids), text
    assert compared > 100


def test_the_command_prints_json(folder: Path, tmp_path: Path) -> None:
    processor, _ = converted(folder, "t5")
    done = command(folder / "t5.model", "-o", tmp_path / "other.tokenizer.json", "--json")
    found = json_output.read(done.stdout, "tokenizer")
    assert found["output"] == str(tmp_path / "other.tokenizer.json") and found["kind"] == "unigram"
    assert found["tokens"] == processor.get_piece_size()
