"""Fits the names of a file's weights to those of a model. Standard library only."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

WRAPPERS = frozenset(
    ["module", "_orig_mod", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_flat_param"]
)
"""Parts of names that torch's own wrappers put anywhere: DataParallel, torch.compile, FSDP and their like."""
AVERAGED = ("ema", "averaged", "average", "avg", "swa", "shadow", "polyak")
"""Words in the names of averaged weights, which the authors' tools run."""
_SHOWN = 8
_MOST_PREFIXES = 12

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Match:
    """How a file's names fit a model's. renamed: the file's name -> the model's name. stripped: the prefix that was
    taken off; unwrapped: whether the names of wrappers were taken out of the middle; added: the prefix that only the
    model has. partial: parameters only (averages of a training), whose buffers other weights of the file have."""

    renamed: dict[str, str]
    missing: list[str]
    unexpected: list[str]
    reshaped: list[str]
    stripped: str = ""
    unwrapped: list[str] = field(default_factory=list)
    added: str = ""
    partial: bool = False

    @property
    def fits(self) -> bool:
        """Whether the file has all weights that the model needs; other weights are left out."""
        return not (self.missing or self.reshaped)


def match_names(given: Shapes, wanted: Shapes, optional: Iterable[str] = (), prefix: str | None = None) -> Match:
    """Fit names, prefixes and the names of wrappers taken off where that fits better. optional: names that may be
    missing. prefix: only this one."""
    return matches(given, wanted, optional, prefix)[0]


def matches(given: Shapes, wanted: Shapes, optional: Iterable[str] = (), prefix: str | None = None) -> list[Match]:
    """One match for each prefix that some names have, the best first: what is missing counts most, then what is left
    out; of equal ones averaged weights come first, then the shortest prefix."""
    allowed = set(optional)
    plain = {name: unwrapped(name) for name in given}
    if len(set(plain.values())) < len(plain):  # two names would become one
        plain = {name: name for name in given}
    targets = {unwrapped(name): name for name in wanted}
    if len(targets) < len(wanted):
        targets = {name: name for name in wanted}
    prefixes = [prefix] if prefix is not None else _prefixes(plain, targets)
    found = [_match(given, wanted, plain, targets, allowed, strip) for strip in prefixes]
    if prefix is None and not any(match.fits for match in found):
        for outer in _outer_prefixes(targets):
            inner = {name.removeprefix(outer): target for name, target in targets.items()}
            tried = [_match(given, wanted, plain, inner, allowed, strip) for strip in _prefixes(plain, inner)]
            found += [replace(match, added=outer) for match in tried if match.fits]
    return sorted(
        found,
        key=lambda match: (
            len(match.missing) + len(match.reshaped),
            not is_averaged(match.stripped),
            len(match.unexpected),
            len(match.stripped),
        ),
    )


def is_averaged(name: str) -> bool:
    """Whether a name is that of weights averaged over the training."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)  # emaModel
    return any(word in AVERAGED for word in re.split(r"[^a-z0-9]+", parted.lower()))


def unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def explain(match: Match, given: Shapes, wanted: Shapes) -> str:
    """The differences as text, with the nearest names; empty when the file has what the model needs."""
    lines = []
    if match.missing:
        near = {name: difflib.get_close_matches(name, match.unexpected, 1, 0.5) for name in match.missing[:_SHOWN]}
        shown = [f"'{name}'" + (f" (the file has '{found[0]}')" if found else "") for name, found in near.items()]
        lines.append(f"missing in the file: {', '.join(shown)}{more(match.missing)}")
        if match.unexpected:
            lines.append(f"unknown to the model: {listed(match.unexpected)}")
    for name in match.reshaped[:_SHOWN]:
        target = match.renamed[name]
        lines.append(f"'{name}' is {list(given[name])} in the file and {list(wanted[target])} in the model")
    return "; ".join(lines)


def listed(names: list[str]) -> str:
    """Names in quotes, not too many of them."""
    return ", ".join(f"'{name}'" for name in names[:_SHOWN]) + more(names)


def more(names: list[str]) -> str:
    return f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""


def _prefixes(plain: Mapping[str, str], targets: Mapping[str, str]) -> list[str]:
    """The prefixes of a model's names in the file, the most common first."""
    counts: dict[str, int] = {"": 0}
    by_end: dict[str, list[str]] = {}
    for name in plain.values():
        by_end.setdefault(name.rpartition(".")[2], []).append(name)
    for target in list(targets)[:64]:
        for name in by_end.get(target.rpartition(".")[2], []):
            if name == target or name.endswith(f".{target}"):
                prefix = name[: len(name) - len(target)]
                counts[prefix] = counts.get(prefix, 0) + 1
    return sorted(counts, key=lambda prefix: -counts[prefix])[:_MOST_PREFIXES]


def parameters_only(given: Shapes, parameters: Shapes, buffers: Iterable[str]) -> list[Match]:
    """Averages of a model's parameters that have no names of their own: a list in their order (`shadow_params`), or
    names without their dots (`model_ema.encoder0weight`). parameters: those of the model, in its order."""
    found = []
    if parameters and list(given) == [str(number) for number in range(len(parameters))]:
        found.append(dict(zip(given, parameters, strict=True)))
    joined = {name.replace(".", ""): name for name in parameters}
    first = next((name for name, full in joined.items() if name != full), "")
    for end in (name for name in given if first and name.endswith(first)):
        prefix = end.removesuffix(first)
        if is_averaged(prefix) and len(joined) == len(parameters) and all(prefix + name in given for name in joined):
            found.append({prefix + name: full for name, full in joined.items()})
    matches = []
    for renamed in found:
        if all(tuple(given[name]) == tuple(parameters[full]) for name, full in renamed.items()):
            others = [name for name in given if name not in renamed]
            prefix = next(iter(renamed)).removesuffix(first) if first and not next(iter(renamed)).isdigit() else ""
            matches.append(Match(renamed, list(buffers), others, [], prefix, partial=True))
    return matches


def _outer_prefixes(targets: Mapping[str, str]) -> list[str]:
    """The names of modules that stand before all names of a model: `net.`, `net.inner.`."""
    first = next(iter(targets), "").split(".")[:-1]
    prefixes = [".".join(first[: depth + 1]) + "." for depth in range(len(first))]
    return [prefix for prefix in prefixes if all(name.startswith(prefix) for name in targets)]


def _match(
    given: Shapes,
    wanted: Shapes,
    plain: Mapping[str, str],
    targets: Mapping[str, str],
    optional: set[str],
    strip: str,
) -> Match:
    renamed = {
        name: targets[short.removeprefix(strip)]
        for name, short in plain.items()
        if short.startswith(strip) and short.removeprefix(strip) in targets
    }
    found = set(renamed.values())
    return Match(
        renamed=renamed,
        missing=[name for name in wanted if name not in found and name not in optional],
        unexpected=[name for name in given if name not in renamed],
        reshaped=[name for name, target in renamed.items() if not _is_taken(given[name], wanted[target])],
        stripped=strip,
        unwrapped=[name for name in renamed if plain[name] != name],
    )


def _is_taken(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether torch loads a tensor into this shape: a scalar also from one element, as in old files."""
    return tuple(given) == tuple(wanted) or (tuple(given) == (1,) and tuple(wanted) == ())
