"""What a model is for, as its author says it in `NAME.task.json` beside the file, or as the file itself says. Standard
library only."""

from __future__ import annotations

from importer.task_card.card import LARGEST, SUFFIX, card_file, read_card
from importer.task_card.hugging_face import files_beside

__all__ = ["LARGEST", "SUFFIX", "card_file", "files_beside", "read_card"]
