"""What can be refused without torch, whose start takes seconds. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.pt2_scan import check_archive
from importer.sniff import Sniffed, sniff


def refuse_early(
    source: Path,
    project: Path | None,
    options: ImportOptions,
    allow_pickle: bool,
    go_on: Callable[[], bool] = lambda: True,
) -> None:
    """Raises what `convert` would raise anyway for files of no use, archives with code, pickled modules without
    permission, weights without a factory, and options that are wrong. Returns when torch is needed to say more, or
    when `go_on` says no."""
    sniffed = sniff(source)
    check_options(options, project)
    if sniffed.kind == "exported_program":
        check_archive(source, go_on)
    elif sniffed.kind == "module" and not allow_pickle:
        raise pickle_needs_permission(source, sniffed)
    elif sniffed.kind in ("state_dict", "checkpoint", "safetensors") and not options.factory.strip():
        raise state_dict_needs_factory(source, sniffed)


def check_options(options: ImportOptions, project: Path | None) -> None:
    """Raises OPTION_INVALID for the first option that is wrong."""
    if problems := options.check(project):
        first = problems[0]
        raise ImporterError("OPTION_INVALID", f"Option '{first.option}': {first.cause}", first.remedy, "read")


def pickle_needs_permission(path: Path, sniffed: Sniffed) -> ImporterError:
    cause = f"{path.name} is a pickled module; loading it runs code. It names {named(sniffed)}."
    remedy = "Save it with torch.export.save, or allow this very file in the import dock if you trust where it is from."
    return ImporterError("PICKLE_NEEDS_PERMISSION", cause, remedy, "load")


def state_dict_needs_factory(path: Path, sniffed: Sniffed) -> ImporterError:
    layers = ", ".join(f"{name} {list(info.shape)}" for name, info in list(sniffed.tensors.items())[:4])
    what = "a training checkpoint" if sniffed.kind == "checkpoint" else "a state dict"
    cause = f"{path.name} is {what}: it has {len(sniffed.tensors)} tensors ({layers}, ...) but no architecture."
    remedy = "Name the Python function that builds the model in the option 'factory': res://models/net.py:build."
    return ImporterError("STATE_DICT_NEEDS_FACTORY", cause, remedy, "load")


def named(sniffed: Sniffed) -> str:
    """The classes that a pickle names."""
    more = f" and {len(sniffed.globals) - 10} more" if len(sniffed.globals) > 10 else ""
    return ", ".join(sniffed.globals[:10]) + more
