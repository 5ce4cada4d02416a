"""A SentencePiece model as plain values. Standard library only."""

from __future__ import annotations

import math
from dataclasses import dataclass

from importer.sources.protobuf import Budget, Damaged, Field, Message, TooLarge, UnknownField, read
from importer.tokenizers.refusals import invalid, unsupported
from importer.tokenizers.tokenizer_file import MOST_IDS

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
_KINDS = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}
_USED_OF_TRAINING = {
    3: Field("model_type", "int"),
    24: Field("treat_whitespace_as_suffix", "int"),
    35: Field("byte_fallback", "int"),
    46: Field("bos_piece", "text"),
    47: Field("eos_piece", "text"),
}
_USED_OF_NORMALIZING = {
    2: Field("precompiled_charsmap", "bytes"),
    3: Field("add_dummy_prefix", "int"),
    4: Field("remove_extra_whitespaces", "int"),
    5: Field("escape_whitespaces", "int"),
}
# The trainer's other fields say how the model was made; their numbers end at 56 today, and new ones are added.
_LAST_FIELD = 199
_SCHEMAS = {
    "ModelProto": {
        1: Field("pieces", "SentencePiece", many=True),
        2: Field("trainer_spec", "TrainerSpec"),
        3: Field("normalizer_spec", "NormalizerSpec"),
        4: Field("self_test_data", "skip"),
        5: Field("denormalizer_spec", "NormalizerSpec"),
    },
    "SentencePiece": {1: Field("piece", "text"), 2: Field("score", "float"), 3: Field("type", "int")},
    "TrainerSpec": {number: Field("", "skip") for number in range(1, _LAST_FIELD + 1)} | _USED_OF_TRAINING,
    "NormalizerSpec": {number: Field("", "skip") for number in range(1, _LAST_FIELD + 1)} | _USED_OF_NORMALIZING,
}


@dataclass(frozen=True)
class Piece:
    """kind: NORMAL, UNKNOWN and so on."""

    text: str
    score: float
    kind: int


@dataclass(frozen=True)
class SentencePieceModel:
    """kind: `unigram` or `bpe`. unknown, begin, end: ids, the last two None when there are none."""

    kind: str
    pieces: tuple[Piece, ...]
    unknown: int
    begin: int | None
    end: int | None
    byte_fallback: bool
    character_map: bytes
    adds_prefix: bool
    removes_spaces: bool
    escapes_spaces: bool

    def of_kind(self, kind: int) -> dict[str, int]:
        """Texts and ids of the pieces of a kind, in their order."""
        return {piece.text: number for number, piece in enumerate(self.pieces) if piece.kind == kind}


def read_model(data: bytes) -> SentencePieceModel:
    """Raises TOKENIZER_FILE_INVALID and TOKENIZER_FILE_UNSUPPORTED."""
    try:
        message = read(memoryview(data), "ModelProto", _SCHEMAS, Budget())
    except (Damaged, TooLarge, UnknownField) as error:
        raise invalid(str(error)) from error
    training, normalizing = message.get("trainer_spec", {}), message.get("normalizer_spec", {})
    kind = _KINDS.get(training.get("model_type", 1), "unknown")
    if kind not in ("unigram", "bpe"):
        raise unsupported(f"a SentencePiece model of the kind '{kind}'")
    if training.get("treat_whitespace_as_suffix"):
        raise unsupported("spaces at the ends of words (treat_whitespace_as_suffix)")
    if message.get("denormalizer_spec", {}).get("precompiled_charsmap"):
        raise unsupported("rules that change a decoded text (denormalizer_spec)")
    pieces = tuple(_piece(item) for item in message.get("pieces", []))
    _check(pieces)
    control = {piece.text: number for number, piece in enumerate(pieces) if piece.kind == CONTROL}
    byte_fallback = bool(training.get("byte_fallback"))
    known = {piece.text for piece in pieces if piece.kind == BYTE}
    if byte_fallback and known != {f"<0x{byte:02X}>" for byte in range(256)}:
        raise invalid(f"it falls back to bytes, and has {len(known)} of the 256 pieces for them")
    return SentencePieceModel(
        kind,
        pieces,
        next(number for number, piece in enumerate(pieces) if piece.kind == UNKNOWN),
        control.get(training.get("bos_piece", "<s>")),
        control.get(training.get("eos_piece", "</s>")),
        byte_fallback,
        bytes(normalizing.get("precompiled_charsmap", b"")),
        bool(normalizing.get("add_dummy_prefix", 1)),
        bool(normalizing.get("remove_extra_whitespaces", 1)),
        bool(normalizing.get("escape_whitespaces", 1)),
    )


def _piece(message: Message) -> Piece:
    piece = Piece(message.get("piece", ""), message.get("score", 0.0), message.get("type", NORMAL))
    if not piece.text or not math.isfinite(piece.score) or not NORMAL <= piece.kind <= BYTE:
        raise invalid(f"the piece '{piece.text[:100]}' has the score {piece.score} and the kind {piece.kind}")
    if piece.kind == UNUSED:
        raise unsupported(f"the piece '{piece.text[:100]}', which is in the vocabulary and must not be used")
    return piece


def _check(pieces: tuple[Piece, ...]) -> None:
    if not 0 < len(pieces) <= MOST_IDS:
        raise invalid(f"it has {len(pieces):,} pieces")
    unknown = sum(piece.kind == UNKNOWN for piece in pieces)
    if unknown != 1:
        raise invalid(f"it has {unknown} pieces for what is unknown")
    seen: set[str] = set()
    for piece in pieces:
        if piece.text in seen:
            raise invalid(f"the piece '{piece.text[:100]}' is there twice")
        seen.add(piece.text)
