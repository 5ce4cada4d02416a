"""A SentencePiece model as `tokenizer.json`. Standard library only."""

from __future__ import annotations

import base64
import re

from importer.tokenizers.refusals import option, unsupported
from importer.tokenizers.sentencepiece_model import CONTROL, NORMAL, USER_DEFINED, SentencePieceModel
from importer.tokenizers.tokenizer_file import Part, added_token, merges, replace, sequence, split, template, tokenizer

SPACE = "\u2581"
_MOST_LEADING = 1024  # spaces that are not decoded at the beginning of a text
_MOST_SYMBOLS, _LONGEST_PATTERN = 100, 4096  # so that the native tokenizer finds them at once


def convert(model: SentencePieceModel, *, begin: bool, end: bool) -> Part:
    """begin, end: put the model's own tokens before and after each text. Raises OPTION_INVALID when it has none."""
    control = {model.pieces[model.unknown].text: model.unknown, **model.of_kind(CONTROL)}
    added = [added_token(number, text, special=True) for text, number in control.items()]
    symbols = model.of_kind(USER_DEFINED)
    steps = []
    if model.kind == "bpe" and symbols:
        if model.adds_prefix or model.removes_spaces:
            steps.append(_split_at_symbols(list(symbols)))
        else:
            added += [added_token(number, text, special=False, normalized=True) for text, number in symbols.items()]
    if _words_are_apart(model):
        steps.append(split({"String": SPACE}, "MergedWithNext"))
    return tokenizer(
        added,
        normalizer=_normalizer(model),
        pre_tokenizer=sequence("pretokenizers", steps),
        post_processor=template(
            _named(model, model.begin, "begin") if begin else None, _named(model, model.end, "end") if end else None
        ),
        decoder=_decoder(model),
        model=_unigram(model) if model.kind == "unigram" else _bpe(model, has_symbols=bool(symbols)),
    )


def _named(model: SentencePieceModel, number: int | None, name: str) -> tuple[str, int]:
    if number is None:
        place = {"begin": "beginning"}.get(name, name)
        raise option(f"The model has no token for the {place} of a text.", f"Leave out --{name}.")
    return model.pieces[number].text, number


def _normalizer(model: SentencePieceModel) -> Part | None:
    """The map of characters; then one space before the text, none behind it and one between words, if it says so."""
    steps: list[Part] = []
    if model.character_map:
        encoded = base64.b64encode(model.character_map).decode()
        kept = list(model.of_kind(USER_DEFINED))
        steps.append({"type": "Precompiled", "precompiled_charsmap": encoded, "longest_match": True, "kept": kept})
    if model.adds_prefix:
        steps.append({"type": "Prepend", "prepend": " "})
    if model.removes_spaces:
        steps.append(replace({"Regex": " {2,}"}, " "))
        if not model.adds_prefix:
            steps.append(replace({"Regex": r"\A +"}, ""))
    if model.escapes_spaces:
        steps.append(replace({"String": " "}, SPACE))
    if model.removes_spaces:
        steps.append(replace({"Regex": (SPACE if model.escapes_spaces else " ") + r"+(?![\s\S])"}, ""))
    return sequence("normalizers", steps)


def _decoder(model: SentencePieceModel) -> Part | None:
    steps: list[Part] = []
    if model.escapes_spaces:
        steps.append(replace({"String": SPACE}, " "))
    steps += [{"type": "ByteFallback"}, {"type": "Fuse"}]
    if model.adds_prefix or model.removes_spaces:
        most = _MOST_LEADING if model.removes_spaces else 1
        steps.append({"type": "Strip", "content": " ", "start": most, "stop": 0})
    return sequence("decoders", steps)


def _words_are_apart(model: SentencePieceModel) -> bool:
    """Whether each word can be looked at alone: no piece goes beyond it, and no sum of scores does."""
    if model.kind == "unigram":
        return False
    is_inside = any(SPACE in piece.text[1:] for piece in model.pieces if piece.kind in (NORMAL, USER_DEFINED))
    return model.escapes_spaces and not is_inside and SPACE in model.of_kind(NORMAL)


def _unigram(model: SentencePieceModel) -> Part:
    # A score of 0 is the best there is, so that symbols of the user are always taken, as in SentencePiece.
    vocabulary = [[piece.text, 0.0 if piece.kind == USER_DEFINED else piece.score] for piece in model.pieces]
    return {
        "type": "Unigram",
        "unk_id": model.unknown,
        "vocab": vocabulary,
        "byte_fallback": model.byte_fallback,
        "float32_scores": True,
    }


def _bpe(model: SentencePieceModel, *, has_symbols: bool) -> Part:
    normal = model.of_kind(NORMAL)
    # SentencePiece joins what has the best score together, whichever two pieces it is made of.
    best_first = sorted(normal, key=lambda text: (-model.pieces[normal[text]].score, normal[text]))
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": model.pieces[model.unknown].text,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": model.byte_fallback,
        # The pre-tokenizer makes a piece of each of the user's symbols, which no merges lead to.
        "ignore_merges": has_symbols,
        "vocab": {piece.text: number for number, piece in enumerate(model.pieces)},
        "merges": [list(pair) for pair in merges(best_first, normal)],
    }


def _split_at_symbols(symbols: list[str]) -> Part:
    longest_first = sorted(symbols, key=len, reverse=True)
    pattern = "|".join(re.sub(r"[\\.^$|?*+()\[\]{}]", r"\\\g<0>", symbol) for symbol in longest_first)
    if len(symbols) > _MOST_SYMBOLS or len(pattern) > _LONGEST_PATTERN:
        raise unsupported(f"{len(symbols)} symbols of the user in a BPE model that changes spaces")
    return split({"Regex": pattern}, "Isolated")
