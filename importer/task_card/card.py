"""Reads and checks a task card: docs/tasks.md, "The task card". An error names the line."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

from importer.errors import ImporterError
from importer.plain_files import read_plain
from importer.task_card.lines import line_of
from importer.task_card.schema import KINDS, Wrong, check

SUFFIX = ".task.json"
LARGEST = 4 << 20  # bytes; the names of 20,000 classes are far smaller


def card_file(source: Path) -> Path | None:
    """The card beside a model file, or None. A link is not followed: a card is a file of the project."""
    path = source.with_name(source.stem + SUFFIX)
    try:
        return path if path.is_file() and not path.is_symlink() else None
    except OSError:  # the model's name is so long that no card's can be
        return None


def read_card(source: Path) -> dict[str, Any] | None:
    """The checked card of a model file with its defaults filled in, or None when there is none. Raises
    TASK_CARD_INVALID."""
    path = card_file(source)
    if path is None:
        return None
    try:
        text = read_plain(path, LARGEST).decode("utf-8-sig")
        card = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except OSError as error:
        is_large = error.errno == errno.EFBIG
        reason = f"it has more than {LARGEST >> 20} MB" if is_large else f"it cannot be read: {error.strerror}"
        raise _invalid(path, 0, reason) from error
    except UnicodeDecodeError as error:
        raise _invalid(path, 0, f"it is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise _invalid(path, error.lineno, error.msg) from error
    except RecursionError as error:
        raise _invalid(path, 0, "it is nested too deeply") from error
    except ValueError as error:
        raise _invalid(path, 0, str(error)) from error
    try:
        return check(card)
    except Wrong as wrong:
        raise _invalid(path, line_of(text, wrong.path), f"{wrong.name}: {wrong}") from wrong


def _invalid(path: Path, line: int, reason: str) -> ImporterError:
    place = f"{path.name}, line {line}" if line else path.name
    remedy = f"Correct the task card (see docs/tasks.md of the addon), or remove it. Kinds: {', '.join(KINDS)}."
    return ImporterError("TASK_CARD_INVALID", f"{place}: {reason}.", remedy, "read")


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{next(name for name in names if names.count(name) > 1)}' stands twice in one object")
    return found
