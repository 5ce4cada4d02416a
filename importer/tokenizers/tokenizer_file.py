"""The parts of a `tokenizer.json`. Standard library only."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any, TypeVar

from importer.tokenizers.refusals import invalid

Part = dict[str, Any]
MOST_IDS = 1 << 22
"""As many as the native tokenizer accepts."""
LONGEST_TOKEN = 1024
_MOST_MERGED = 64 << 20
_Token = TypeVar("_Token", str, bytes)


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


def merges(tokens: Iterable[_Token], known: Container[_Token]) -> list[tuple[_Token, _Token]]:
    """Every way to join two known tokens to one of `tokens`, in their order. Raises TOKENIZER_FILE_INVALID."""
    found: list[tuple[_Token, _Token]] = []
    size = 0
    for token in tokens:
        if len(token) > LONGEST_TOKEN:
            raise invalid(f"it has a token of {len(token):,} characters")
        parts = ((token[:at], token[at:]) for at in range(1, len(token)))
        pairs = [pair for pair in parts if pair[0] in known and pair[1] in known]
        size += len(pairs) * len(token)
        if size > _MOST_MERGED:
            raise invalid("its tokens can be joined in more ways than any text needs")
        found += pairs
    return found


def tokenizer(added: Iterable[Part], **parts: Part | None) -> Part:
    """A whole file. parts: normalizer, pre_tokenizer, post_processor, decoder and model."""
    names = ("normalizer", "pre_tokenizer", "post_processor", "decoder", "model")
    head: Part = {"version": "1.0", "truncation": None, "padding": None}
    ordered = sorted(added, key=lambda token: int(token["id"]))
    return {**head, "added_tokens": ordered, **{name: parts.get(name) for name in names}}
