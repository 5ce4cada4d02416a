"""The errors of files of tokenizers. Standard library only."""

from __future__ import annotations

from importer.errors import ImporterError


def invalid(reason: str) -> ImporterError:
    """Bytes that are neither kind of file, or that contradict themselves."""
    cause = f"The file of the tokenizer is damaged, or is not one: {reason}."
    remedy = "Download it again: a SentencePiece model or the ranks of tiktoken."
    return ImporterError("TOKENIZER_FILE_INVALID", cause, remedy, "read")


def unsupported(reason: str) -> ImporterError:
    cause = f"A tokenizer.json cannot do what this file asks for: {reason}."
    remedy = "Use a Unigram or BPE model of SentencePiece without this, or a tokenizer.json that its authors published."
    return ImporterError("TOKENIZER_FILE_UNSUPPORTED", cause, remedy, "read")


def option(cause: str, remedy: str) -> ImporterError:
    return ImporterError("OPTION_INVALID", cause, remedy, "read")
