"""The parts of a `tokenizer.json`. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Part = dict[str, Any]
MOST_IDS = 1 << 22
"""As many as the native tokenizer accepts."""


def sequence(name: str, parts: Sequence[Part]) -> Part | None:
    """Several parts as one; None of none."""
    if len(parts) < 2:
        return parts[0] if parts else None
    return {"type": "Sequence", name: list(parts)}


def replace(pattern: dict[str, str], content: str) -> Part:
    return {"type": "Replace", "pattern": pattern, "content": content}


def split(pattern: dict[str, str], behavior: str) -> Part:
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": False}


def added_token(number: int, content: str, *, special: bool, normalized: bool = False) -> Part:
    fixed = {"single_word": False, "lstrip": False, "rstrip": False}
    return {"id": number, "content": content, **fixed, "normalized": normalized, "special": special}


def template(before: tuple[str, int] | None, after: tuple[str, int] | None) -> Part | None:
    """Tokens around each text; None without any."""
    special = {name: {"id": name, "ids": [number], "tokens": [name]} for name, number in filter(None, (before, after))}
    if not special:
        return None

    def around(text: str, kind: int) -> list[Part]:
        own: list[Part] = [{"Sequence": {"id": text, "type_id": kind}}]
        first, last = ([{"SpecialToken": {"id": end[0], "type_id": kind}}] if end else [] for end in (before, after))
        return [*first, *own, *last]

    single = around("A", 0)
    pair = [*single, *around("B", 1)]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}


def tokenizer(added: Iterable[Part], **parts: Part | None) -> Part:
    """A whole file. parts: normalizer, pre_tokenizer, post_processor, decoder and model."""
    names = ("normalizer", "pre_tokenizer", "post_processor", "decoder", "model")
    head: Part = {"version": "1.0", "truncation": None, "padding": None}
    ordered = sorted(added, key=lambda token: int(token["id"]))
    return {**head, "added_tokens": ordered, **{name: parts.get(name) for name in names}}
