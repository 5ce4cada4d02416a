"""State dicts and checkpoints: chooses the weights of a file that fit a model, and reads them. No pickled code runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.cache.shards import is_beside, shards_of
from importer.errors import ImporterError
from importer.sources.file_kind import FileKind, Place, place_text, recognise
from importer.sources.inert_values import pairs_of
from importer.sources.weight_names import (
    Match,
    Shapes,
    explain,
    is_averaged,
    listed,
    matches,
    parameters_only,
    unwrapped,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Choice:
    """One set of weights in a file that may fit: a state dict, and the prefix that its names have there."""

    place: Place
    match: Match

    @property
    def name(self) -> str:
        """Its name in the option `weights`: `params_ema`, `[0]`, `ema_model` (a prefix), `agent: actor`."""
        return ": ".join(filter(None, [place_text(self.place), self.match.stripped.strip(".")])) or "the file itself"


def read_tensors(path: Path, file_kind: FileKind, place: Place | None = None) -> dict[str, torch.Tensor]:
    """The tensors of a state dict, checkpoint or safetensors file, on the CPU; place: of this state dict in it.

    Keeps the state dict's `_metadata`, which torch's own loading looks at. A shard is read with all others of it.
    """
    import torch

    place = file_kind.wrapper if place is None else place
    found: dict[str, torch.Tensor] = {}
    for shard in shards(path):
        if file_kind.kind == "safetensors":
            from safetensors import SafetensorError
            from safetensors.torch import load_file

            try:
                found |= load_file(str(shard), device="cpu")
            except SafetensorError as error:
                raise _damaged(shard, error) from error
        elif file_kind.globals or file_kind.packed or file_kind.sparse:
            from importer.sources.inert_tensors import rebuild

            found |= rebuild(shard, file_kind if shard == path else recognise(shard), place)
        else:
            try:
                # Checkpoints saved on a GPU name that device.
                values: Any = torch.load(shard, map_location="cpu", weights_only=True)
                for key in place:
                    values = values[key]
                if pairs := pairs_of(values, torch.is_tensor):
                    values = pairs
                elif isinstance(values, (list, tuple)):
                    values = {str(number): value for number, value in enumerate(values)}
            except (OSError, MemoryError):
                raise
            except Exception as error:  # torch raises many kinds for what is broken behind the names
                raise _damaged(shard, error) from error
            tensors = {name: value.detach() for name, value in values.items() if isinstance(value, torch.Tensor)}
            found = _with_metadata({**found, **tensors}, getattr(values, "_metadata", None))
    return found


def _damaged(path: Path, error: Exception) -> ImporterError:
    lines = str(error).strip().splitlines()
    cause = f"The weights in {path.name} cannot be read: {lines[0][:300] if lines else type(error).__name__}."
    return ImporterError("FILE_DAMAGED", cause, "Save or download the file again.", "load")


def shards(path: Path) -> list[Path]:
    """The files of the model that a file is one of, in their order; of a whole model that file alone.

    Raises SHARD_MISSING and SHARD_INDEX_INVALID.
    """
    known = shards_of(path)
    if known is None:
        return [path]
    files = [path.with_name(name) for name in known.names]
    missing = [file.name for file in files if file != path and not is_beside(file, path)]
    if missing:
        whole = f"{path.name} is one of {len(files)} files that make a model"
        whole += f" (see {known.index.name})" if known.index else ""
        cause = f"{whole}, but these are missing: {listed(missing)}."
        raise ImporterError("SHARD_MISSING", cause, "Put all of them into the same folder.", "read")
    return files


def load_into(model: torch.nn.Module, path: Path, file_kind: FileKind, weights: str = "") -> list[str]:
    """Give a model the tensors of a file; returns notes.

    weights: the option, which chooses among several that fit; empty for averaged ones, else the usual ones.
    Raises STATE_DICT_MISMATCH with the differences, WEIGHTS_AMBIGUOUS and WEIGHTS_UNKNOWN.
    """
    given = _shapes(path, file_kind)
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    choices = _choices(model, given, wanted)
    chosen, others = _choose(choices, weights, path)
    shapes = given[chosen.place]
    if _fails_by_shape(chosen.match, empty=not shapes and not wanted):
        raise _mismatch(path, file_kind, chosen, shapes, wanted)
    if other := _other_numbers(model, path, file_kind, chosen):
        raise other
    base = next((choice for choice in choices if choice.match.fits), None)
    if chosen.match.partial and base is not None:  # which has the buffers
        _load(model, read_tensors(path, file_kind, base.place), base.match)
    left_out = _load(model, read_tensors(path, file_kind, chosen.place), chosen.match)
    if left_out is None:
        raise _mismatch(path, file_kind, chosen, shapes, wanted)
    return _notes(chosen, others, left_out, len(given) > 1 or bool(chosen.place))


def _shapes(path: Path, file_kind: FileKind) -> dict[Place, Shapes]:
    given: dict[Place, Shapes] = {
        place: {n: info.shape for n, info in found.items()} for place, found in file_kind.state_dicts.items()
    }
    for shard in shards(path):
        if shard != path:
            for place, found in recognise(shard).state_dicts.items():
                given[place] = {**given.get(place, {}), **{name: info.shape for name, info in found.items()}}
    return given


def _choices(model: torch.nn.Module, given: dict[Place, Shapes], wanted: Shapes) -> list[Choice]:
    """All sets of weights in the file, those that fit before others, in each the usual ones first."""
    # Counters of batch norm are not used in evaluation, and old files lack them.
    optional = [name for name in wanted if name.endswith("num_batches_tracked")]
    found = []
    parameters = {name: tuple(value.shape) for name, value in model.named_parameters()}
    buffers = [name for name in wanted if name not in parameters and name not in optional]
    for place, shapes in given.items():
        found += [Choice(place, match) for match in parameters_only(shapes, parameters, buffers)]
        numbered = bool(shapes) and set(shapes) == set(map(str, range(len(shapes))))
        if numbered and isinstance(place[-1] if place else "", str):
            continue
        for match in matches(shapes, wanted, optional):
            if match.missing and match.renamed:
                # A weight with two names is in a safetensors file once.
                (match,) = matches(shapes, wanted, [*optional, *_twins(model, match)], match.stripped)
            choice = Choice(place, match)
            if match.renamed and set(match.missing) <= set(buffers) and is_averaged(choice.name):
                choice = Choice(place, replace(match, partial=bool(match.missing)))  # averages of the parameters alone
            found.append(choice)
    if not found:
        found = [Choice(place, match) for place, shapes in given.items() for match in matches(shapes, wanted, optional)]
    return sorted(found, key=lambda choice: len(choice.match.missing) + len(choice.match.reshaped))


def _choose(choices: list[Choice], weights: str, path: Path) -> tuple[Choice, list[Choice]]:
    """The choice that is loaded, and the others that fit as well."""
    if weights.strip():
        asked = weights.strip().strip(".")
        named = [choice for choice in choices if asked in _names(choice)]
        if not named:
            cause = f"The option 'weights' is '{asked}', but {path.name} has no weights of that name."
            known = list(dict.fromkeys(choice.name for choice in choices))
            raise ImporterError("WEIGHTS_UNKNOWN", cause, f"There are: {listed(known)}.", "load")
        return named[0], []
    is_whole = any(choice.match.fits and choice.match.renamed for choice in choices)
    fitting = [
        choice
        for choice in choices
        if choice.match.renamed and (choice.match.fits or (choice.match.partial and is_whole))
    ]
    if len(fitting) < 2:
        return choices[0], []
    averaged = [choice for choice in fitting if is_averaged(choice.name)]
    usual = [choice for choice in fitting if not choice.place or choice.place[0] in _usual_places()]
    best = (averaged or usual)[:1]
    if not best:
        names = listed([choice.name for choice in fitting])
        cause = f"Several weights in {path.name} fit the factory's model: {names}."
        raise ImporterError("WEIGHTS_AMBIGUOUS", cause, "Name one of them in the option 'weights'.", "load")
    return best[0], [choice for choice in fitting if choice is not best[0]]


def _usual_places() -> tuple[str, ...]:
    from importer.sources.file_kind import WRAPPERS

    return WRAPPERS


def _names(choice: Choice) -> set[str]:
    """The words that the option `weights` may call a choice by."""
    prefix = choice.match.stripped.strip(".")
    place = place_text(choice.place)
    last = str(choice.place[-1]) if choice.place else ""
    return {name for name in (choice.name, place, prefix, last) if name} if prefix or place else {choice.name}


def _fails_by_shape(match: Match, empty: bool) -> bool:
    """empty: neither the file nor the model has weights, which fits."""
    return bool(match.reshaped) or not (match.renamed or empty)


def _load(model: torch.nn.Module, tensors: dict[str, torch.Tensor], match: Match) -> list[str] | None:
    """Load what fits; when that is not all, also what has other names, for torch's own hooks know older ones (those of
    a weight norm). Returns the file's names that are left out; None when the model now lacks something."""
    import torch

    metadata = getattr(tensors, "_metadata", None)
    if metadata is not None:
        prefix = match.stripped
        metadata = {unwrapped(f"{name}.").removeprefix(prefix).strip("."): value for name, value in metadata.items()}
    state = {target: tensors[name].to_dense() for name, target in match.renamed.items()}
    further: dict[str, str] = {}
    if match.missing and not match.partial:
        further = {unwrapped(name).removeprefix(match.stripped): name for name in match.unexpected}
        state |= {target: tensors[name] for target, name in further.items() if tensors[name].layout == torch.strided}
    try:
        found = model.load_state_dict(_with_metadata(state, metadata), strict=False)
    except RuntimeError:
        return None
    if not match.partial and set(found.missing_keys) & set(match.missing):
        return None
    taken = {name for target, name in further.items() if target not in found.unexpected_keys}
    return [name for name in match.unexpected if name not in taken]


class _State(dict[str, Any]):
    """A dictionary that can have the attribute `_metadata`, as a state dict has."""

    _metadata: Any = None


def _with_metadata(state: dict[str, Any], metadata: Any) -> dict[str, Any]:
    found = _State(state)
    if metadata is not None:
        found._metadata = metadata
    return found


def _twins(model: torch.nn.Module, match: Match) -> list[str]:
    """The other names of parameters that the file has."""
    found = {id(parameter) for name, parameter in _parameters(model) if name in match.renamed.values()}
    return [name for name, parameter in _parameters(model) if id(parameter) in found]


def _parameters(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    return model.named_parameters(remove_duplicate=False)


def _mismatch(path: Path, file_kind: FileKind, chosen: Choice, given: Shapes, wanted: Shapes) -> ImporterError:
    where = f" ('{chosen.name}')" if chosen.place else ""
    if quantized := _quantized(file_kind, given):
        cause = (
            f"The weights in {path.name}{where} are quantized ({quantized}), which are not loaded out of a state dict."
        )
        remedy = (
            "Save the quantized model itself with torch.export.save(torch.export.export(model, inputs), ...), or give "
            "the weights from before the quantization and choose an int8 recipe."
        )
        return ImporterError("STATE_DICT_MISMATCH", cause, remedy, "load")
    differences = explain(chosen.match, given, wanted) or "none of its names is one of the model's"
    cause = f"The weights in {path.name}{where} do not fit the factory's model: {differences}."
    remedy = "Build the model that these weights are of; its arguments are the option 'factory_arguments'."
    return ImporterError("STATE_DICT_MISMATCH", cause, remedy, "load")


def _other_numbers(model: torch.nn.Module, path: Path, file_kind: FileKind, chosen: Choice) -> ImporterError | None:
    """The error of weights that torch would copy into floats and that mean something else there: complex numbers, and
    integers or float8 whose scales stand beside them."""
    floats = {name for name, value in model.named_parameters(remove_duplicate=False) if value.is_floating_point()}
    has_scales = any("scale" in name.lower() or name.endswith("SCB") for name in chosen.match.unexpected)
    for name, target in chosen.match.renamed.items():
        info = file_kind.state_dicts.get(chosen.place, {}).get(name)
        dtype = info.dtype if info is not None else ""
        is_scaled = dtype.startswith(("int", "uint", "bool")) or (has_scales and dtype.startswith("float8"))
        if target in floats and (is_scaled or dtype.startswith("complex")):
            cause = f"'{name}' in {path.name} is {dtype}, and '{target}' of the factory's model takes floats."
            remedy = (
                "Save the weights as float32, from before a quantization, and choose an int8 recipe if you want one."
            )
            return ImporterError("STATE_DICT_MISMATCH", cause, remedy, "load")
    return None


def _quantized(file_kind: FileKind, given: Shapes) -> str:
    """What shows that weights are quantized: torchao's classes, quantized storages, or names that torch.ao gives."""
    classes = [name for name in file_kind.globals if name.startswith("torchao.") and name.endswith("Tensor")]
    if classes:
        return ", ".join(dict.fromkeys(name.rpartition(".")[2] for name in classes)) + " of torchao"
    dtypes = [name for name in file_kind.globals if name in ("torch.qint8", "torch.quint8", "torch.qint32")]
    if dtypes:
        return ", ".join(dtypes)
    marks = ("weight_fake_quant", "activation_post_process", "_packed_params")
    return next((name for name in given for mark in marks if mark in name), "")


def _notes(chosen: Choice, others: list[Choice], left_out: list[str], is_checkpoint: bool) -> list[str]:
    notes = []
    if is_checkpoint and chosen.place:
        notes.append(f"Took the weights from the checkpoint's '{place_text(chosen.place)}'.")
    if others:
        names = listed([choice.name for choice in others])
        notes.append(f"The weights are '{chosen.name}'; {names} would fit as well (option 'weights').")
    if chosen.match.stripped:
        notes.append(f"Took the prefix '{chosen.match.stripped}' off the names.")
    if chosen.match.unwrapped:
        notes.append(f"Took the names of wrappers out of {len(chosen.match.unwrapped)} names.")
    if chosen.match.added:
        notes.append(f"Put the prefix '{chosen.match.added}' before the names.")
    if left_out:
        notes.append(f"Left out weights that the model does not have: {listed(left_out)}.")
    return notes
