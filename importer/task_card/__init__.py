"""What a model is for, as its author says it in `NAME.task.json` beside the file, or as the file itself says. Standard
library only."""

from __future__ import annotations

from importer.task_card.card import LARGEST, SUFFIX, card_file, read_card

__all__ = ["LARGEST", "SUFFIX", "card_file", "read_card"]
