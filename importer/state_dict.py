"""State dicts and checkpoints: reading their tensors, and fitting their names to a model's."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.errors import ImporterError
from importer.sniff import Sniffed

if TYPE_CHECKING:
    import torch

PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "ema_model.", "_forward_module.", "student.")
"""What wrappers put before every name: DataParallel, torch.compile, Lightning and their like."""
_SHOWN = 8


@dataclass(frozen=True)
class Match:
    """How a file's names fit a model's. renamed: the file's name -> the model's name."""

    renamed: dict[str, str]
    missing: list[str]
    unexpected: list[str]
    reshaped: list[str]
    stripped: str = ""

    @property
    def fits(self) -> bool:
        return not (self.missing or self.reshaped or self.unexpected)


def match_names(
    given: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], optional: Iterable[str] = ()
) -> Match:
    """Fit names, prefixes of wrappers taken off where that fits better. optional: names that may be missing."""
    candidates = [_match(given, wanted, set(optional), strip) for strip in _prefixes(list(given))]
    return min(
        candidates,
        key=lambda match: (len(match.missing) + len(match.unexpected) + len(match.reshaped), len(match.stripped)),
    )


def explain(match: Match, given: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> str:
    """The differences as text, with the nearest names."""
    lines = []
    if match.missing:
        near = {name: difflib.get_close_matches(name, match.unexpected, 1, 0.5) for name in match.missing[:_SHOWN]}
        shown = [f"'{name}'" + (f" (the file has '{found[0]}')" if found else "") for name, found in near.items()]
        lines.append(f"missing in the file: {', '.join(shown)}{_more(match.missing)}")
    if match.unexpected:
        shown = [f"'{name}'" for name in match.unexpected[:_SHOWN]]
        lines.append(f"unknown to the model: {', '.join(shown)}{_more(match.unexpected)}")
    for name in match.reshaped[:_SHOWN]:
        target = match.renamed[name]
        lines.append(f"'{name}' is {list(given[name])} in the file and {list(wanted[target])} in the model")
    return "; ".join(lines)


def read_tensors(path: Path, sniffed: Sniffed) -> dict[str, torch.Tensor]:
    """The tensors of a state dict, checkpoint or safetensors file, on the CPU. No pickled code runs."""
    import torch

    if sniffed.kind == "safetensors":
        from safetensors.torch import load_file

        return dict(load_file(str(path), device="cpu"))
    if sniffed.globals:
        from importer.inert_tensors import rebuild

        return rebuild(path, sniffed)
    # Checkpoints saved on a GPU name that device.
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    values: Any = loaded[sniffed.wrapper] if sniffed.wrapper else loaded
    return {name: value.detach() for name, value in values.items() if isinstance(value, torch.Tensor)}


def load_into(model: torch.nn.Module, path: Path, sniffed: Sniffed) -> list[str]:
    """Give a model the tensors of a file; returns notes. Raises STATE_DICT_MISMATCH with the differences."""
    tensors = read_tensors(path, sniffed)
    state = model.state_dict()
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    wanted = {name: tuple(value.shape) for name, value in state.items()}
    # Counters of batch norm are not used in evaluation, and old files lack them.
    optional = [name for name in wanted if name.endswith("num_batches_tracked")]
    match = match_names(given, wanted, optional)
    if match.missing:
        # A weight with two names is in a safetensors file once.
        found = {id(parameter) for name, parameter in _parameters(model) if name in match.renamed.values()}
        optional += [name for name, parameter in _parameters(model) if id(parameter) in found]
        match = match_names(given, wanted, optional)
    if not match.fits:
        cause = f"The weights in {path.name} do not fit the factory's model: {explain(match, given, wanted)}."
        remedy = "Build the model with the arguments it was trained with (option 'factory_arguments')."
        raise ImporterError("STATE_DICT_MISMATCH", cause, remedy, "load")
    model.load_state_dict({match.renamed[name]: tensors[name] for name in match.renamed}, strict=False)
    notes = [f"Took the weights from the checkpoint's '{sniffed.wrapper}'."] if sniffed.wrapper else []
    if match.stripped:
        notes.append(f"Took the prefix '{match.stripped}' off the names.")
    return notes


def _parameters(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    return model.named_parameters(remove_duplicate=False)


def _prefixes(names: list[str]) -> list[str]:
    """The prefixes that all names share, one after the other: "", "module.", "module._orig_mod.", ..."""
    found = [""]
    current = ""
    while names:
        following = next((p for p in PREFIXES if all(name.startswith(current + p) for name in names)), None)
        if following is None:
            return found
        current += following
        found.append(current)
    return found


def _match(
    given: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], optional: set[str], strip: str
) -> Match:
    renamed = {name: name.removeprefix(strip) for name in given if name.removeprefix(strip) in wanted}
    found = set(renamed.values())
    return Match(
        renamed=renamed,
        missing=[name for name in wanted if name not in found and name not in optional],
        unexpected=[name for name in given if name not in renamed],
        reshaped=[name for name, target in renamed.items() if tuple(given[name]) != tuple(wanted[target])],
        stripped=strip,
    )


def _more(names: list[str]) -> str:
    return f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
