"""The module of a pickled checkpoint that holds modules beside other things. Imports torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from importer.errors import ImporterError
from importer.sources.file_kind import Place, place_text
from importer.sources.weight_names import is_averaged, listed

_DEEPEST = 4  # containers inside of each other


def one_module(path: Path, value: Any, weights: str) -> Any:
    """The module that the option `weights` names, else the averaged one, else the only one; the value itself when it
    holds none. Raises WEIGHTS_UNKNOWN and WEIGHTS_AMBIGUOUS."""
    found = dict(_modules(value, ()))
    if not found:
        return value
    names = {place_text(place): module for place, module in found.items()}
    asked = weights.strip()
    if asked:
        if asked not in names:
            cause = f"The option 'weights' is '{asked}', but {path.name} has no module of that name."
            raise ImporterError("WEIGHTS_UNKNOWN", cause, f"There are: {listed(list(names))}.", "load")
        return names[asked]
    averaged = [module for name, module in names.items() if is_averaged(name)]
    if len(averaged) == 1 or len(names) == 1:
        return averaged[0] if averaged else next(iter(names.values()))
    cause = f"{path.name} holds several modules: {listed(list(names))}."
    raise ImporterError("WEIGHTS_AMBIGUOUS", cause, "Name one of them in the option 'weights'.", "load")


def _modules(value: Any, place: Place) -> Iterator[tuple[Place, torch.nn.Module]]:
    """The modules with weights; a loss beside the model is left out."""
    if isinstance(value, torch.nn.Module):
        if next(iter(value.state_dict()), None) is not None:
            yield place, value
    elif isinstance(value, (dict, list, tuple)) and len(place) < _DEEPEST:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            if isinstance(key, (str, int)):
                yield from _modules(item, (*place, key))
