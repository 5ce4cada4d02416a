"""Tokenizers of each kind, trained here with the tokenizers library, and texts in many languages for them."""

from __future__ import annotations

import random
import struct
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tests.godot_projects import ROOT

# Words in many scripts, with what normalization, lower case and division treat in a way of their own.
WORDS = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").rstrip("\n").split(" ")
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<unk>", "<|end|>", "<|im_start|>"]


@cache
def documents() -> list[str]:
    """The project's own documentation, and lines of many scripts."""
    chance = random.Random(3)
    lines = [" ".join(chance.choices(WORDS, k=30)) for _ in range(60)]
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))] + lines


def texts(count: int, seed: int = 1) -> list[str]:
    """Parts of documents, mixed scripts, single characters without sense, and special tokens."""
    chance = random.Random(seed)
    return [_text(chance) for _ in range(count)]


def write(path: Path, given: list[str]) -> Path:
    """As benchmarks/tokenize_texts.cpp reads them."""
    encoded = [text.encode() for text in given]
    path.write_bytes(b"".join(struct.pack("<I", len(text)) + text for text in encoded))
    return path


@cache
def _known_characters() -> str:
    """Characters that Unicode has had since 3.2: the tables of both libraries have them, whatever their versions."""
    old = unicodedata.ucd_3_2_0
    codes = (code for code in range(0x20, 0x20000) if not 0xD800 <= code < 0xE000)
    return "".join(
        chr(code)
        for code in codes
        if old.category(chr(code)) == unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")
    )


def _text(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.45:
        document = chance.choice(documents())
        start = chance.randrange(max(1, len(document) - 1))
        return document[start : start + chance.randrange(1, 200)]
    if kind < 0.75:
        return chance.choice([" ", "  ", "\n", "", " \t", "\r\n "]).join(chance.choices(WORDS, k=chance.randrange(15)))
    if kind < 0.85:
        return "".join(chance.choices([*SPECIAL, *WORDS, " ", "  ", "[MASK]", "[CLS]"], k=chance.randrange(1, 12)))
    if kind < 0.95:
        return "".join(chance.choices("".join(WORDS) + " \n", k=chance.randrange(1, 60)))
    return "".join(chance.choices(_known_characters(), k=chance.randrange(1, 20)))


def _bpe(
    before: pre_tokenizers.PreTokenizer, normalizer: normalizers.Normalizer | None = None, ignore_merges: bool = False
) -> Tokenizer:
    made = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    made.pre_tokenizer, made.decoder = before, decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=True)
    if normalizer is not None:
        made.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=3000, initial_alphabet=alphabet, special_tokens=SPECIAL, show_progress=False
    )
    made.train_from_iterator(documents(), trainer)
    return made


def _split(pattern: str) -> pre_tokenizers.PreTokenizer:
    bytes_after = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), bytes_after])


def _fallback() -> Tokenizer:
    """As of Llama 2: a metaspace put by the normalizer, bytes for what the vocabulary lacks."""
    made = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    made.decoder = decoders.Sequence(parts)
    special = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=1500, limit_alphabet=60, special_tokens=special, show_progress=False)
    made.train_from_iterator([line for text in documents() for line in text.split()], trainer)
    return made


def _wordpiece() -> Tokenizer:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(
        documents(), trainers.WordPieceTrainer(vocab_size=3000, special_tokens=special, show_progress=False)
    )
    ids = [(name, made.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ids)
    return made


def _unigram() -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=2000, unk_token="<unk>", special_tokens=["<unk>", "</s>"], show_progress=False
    )
    made.train_from_iterator(documents(), trainer)
    made.post_processor = processors.TemplateProcessing("$A </s>", "$A </s> $B </s>", [("</s>", 1)])
    return made


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "gpt2": lambda: _bpe(pre_tokenizers.ByteLevel(add_prefix_space=True)),
    "llama3": lambda: _bpe(_split(LLAMA3), ignore_merges=True),
    "qwen2": lambda: _bpe(_split(QWEN2), normalizers.NFC()),
    "gpt4o": lambda: _bpe(_split(GPT4O)),
    "digits": lambda: _bpe(
        pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    ),
    "fallback": _fallback,
    "wordpiece": _wordpiece,
    "unigram": _unigram,
}
