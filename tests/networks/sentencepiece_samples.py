"""SentencePiece models that are trained here, and texts that their maps of characters change."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from tests.networks import tokenizer_samples

# What a map replaces as a whole, in part, or not at all: clusters of several characters, half-width letters, letters of
# Hangul, controls, spaces of every kind, joined emoji.
# fmt: off
CLUSTERS = [
    "A\u0301", "\ufb01\u0301", "\ufb01", "\u2126\u0301", "e\u0301", "a\u0308\u0323", "\u0958\u093c",
    "\u1100\u1161\u11a8", "\u1100\u1161", "\uff76\uff9e", "\uff8a\uff9f", "\u1e9b\u0323", "\u0130", "\u3300",
    "\u33c2", "\u2460", "\u00a8", "\u00b4", "\uff21\uff42", "\u0e01\u0e33", "\u0600a", "\u0600\u0661", "a\u200d",
    "\u00a9\u200d", "\U0001f468\u200d\U0001f469", "\u2764\ufe0f", "1\ufe0f\u20e3", "a\U0001f3fb", "\u00adx",
    "a\u00ad\u0301", "\u2122\u0301", "\u00bd", "\u212b", "\u0344", "\u1109\u1161\u0301", "\u0932\u094d\u0937",
    "\u1012\u102b", "x\u0903", "\ufdfa", "\u01c4\u0301",
]
# fmt: on
SEPARATORS = [
    "",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\x01",
    "\x00",
    "\ufeff",
    "\u2028",
    "\u2581",
]


def train(**options: Any) -> bytes:
    """A small model. Options are those of SentencePiece's trainer."""
    written = io.BytesIO()
    lines = [line for text in tokenizer_samples.documents() for line in text.splitlines() if line.strip()]
    wanted = {"vocab_size": 1200, "hard_vocab_limit": False, "character_coverage": 0.998, "minloglevel": 2, **options}
    chosen = random.Random(1).sample(lines, 2500)
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(chosen), model_writer=written, **wanted)
    return written.getvalue()


@cache
def character_map(rule: str) -> bytes:
    """The map of one of SentencePiece's own rules."""
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(train(normalization_rule_name=rule, vocab_size=600))
    return bytes(model.normalizer_spec.precompiled_charsmap)


def texts(count: int, seed: int, words: Sequence[str] = ()) -> list[str]:
    """Texts of many scripts, many of them with what the maps change and with further words."""
    chance = random.Random(seed)
    return [_changed(text, chance, words) for text in tokenizer_samples.texts(count, seed)]


def _changed(text: str, chance: random.Random, words: Sequence[str]) -> str:
    if chance.random() < 0.6:
        return text
    found = [text] if chance.random() < 0.5 else []
    for _ in range(chance.randrange(1, 6)):
        found += [chance.choice(SEPARATORS), chance.choice([*CLUSTERS, *tokenizer_samples.WORDS, *words])]
    return "".join([*found, chance.choice(SEPARATORS)])
