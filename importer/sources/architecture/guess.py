"""Which class or function of the project a state dict belongs to, by reading Python files without running them.

A guess is an offer: the person takes it with one click, and only then the file runs. Standard library only.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from importer.errors import Guess
from importer.inputs.first_layer import example_input, input_choices, takes_any_size
from importer.plain_files import read_plain
from importer.sources.architecture.layer_shapes import Definition, Layers, definitions, layers_of, parameters_of
from importer.sources.architecture.torch_layers import Unknown

Shapes = Mapping[str, tuple[int, ...]]

_MOST_GUESSES = 3
_MOST_FILES = 200
_MOST_BYTES = 256 * 1024
_SKIPPED = frozenset({"addons", "__pycache__", "node_modules", "site-packages"})


@dataclass(frozen=True)
class _Fit:
    """How well a definition fits. exact: every tensor was compared; else some only by the layer's name. named: nothing
    was compared, but the pickle names this very class."""

    exact: bool
    arguments: dict[str, int]
    named: bool = False


@dataclass(frozen=True)
class _Found:
    """A definition that fits. known: the definitions of its file."""

    path: Path
    definition: Definition
    fit: _Fit
    known: Mapping[str, Definition]


def guess_factories(
    source: Path,
    project: Path | None,
    tensors: Shapes,
    files: Sequence[Path] | None = None,
    named: Sequence[str] = (),
) -> list[Guess]:
    """Definitions whose state dict has the names and shapes of `tensors`, the surest first. files: what to look at when
    this process may not look for it. named: what a pickle names, such as `policy_net.Policy`."""
    found: list[tuple[tuple[bool, bool, bool, bool], _Found]] = []
    classes = {name.rpartition(".")[2] for name in named}
    for path in python_files(source, project) if files is None else files:
        tree = parse_python(path)
        known = definitions(tree) if tree is not None else {}
        for definition in known.values():
            if definition.is_training:
                continue
            fit = _fit(definition, known, tensors)
            if fit is None and any(_is_named(path, definition, name) for name in named):
                fit = _unread(definition, known)
            if fit is not None:
                rank = (
                    definition.name not in classes,
                    not fit.exact,
                    path.parent != source.parent,
                    definition.is_class,
                )
                found.append((rank, _Found(path, definition, fit, known)))
    found.sort(key=lambda item: item[0])
    best = [item for _, item in found[:_MOST_GUESSES]]
    calls = [(item.path.name, item.definition.name) for item in best]
    return [
        guess
        for item, call in zip(best, calls, strict=True)
        for guess in _guesses(item, project, tensors, is_alone=calls.count(call) == 1)
    ]


def file_of_class(
    source: Path, project: Path | None, named: Sequence[str], files: Sequence[Path] | None = None
) -> tuple[str, str] | None:
    """The first class that a pickle names of those in the project's files, and its file; nothing when there is none.
    `__main__.Net` is in the file that defines Net."""
    known = list(python_files(source, project) if files is None else files)
    for whole in named:
        module, _, name = whole.rpartition(".")
        top = module.partition(".")[0]
        if not top.isidentifier() or (top != "__main__" and find_spec(top) is not None):
            continue
        inside = f"/{module.replace('.', '/')}.py"
        for path in known:
            if module == "__main__" or path.as_posix().endswith(inside):
                tree = parse_python(path)
                if tree is not None and any(isinstance(item, ast.ClassDef) and item.name == name for item in tree.body):
                    return whole, _place(path, project)
    return None


def _place(path: Path, project: Path | None) -> str:
    inside = path.relative_to(project) if project is not None and path.is_relative_to(project) else None
    return f"res://{inside.as_posix()}" if inside is not None else str(path)


def _guesses(found: _Found, project: Path | None, tensors: Shapes, is_alone: bool) -> list[Guess]:
    """One guess, or one for each way to call the model whose inputs are known. is_alone: no other guess has the same
    name in a file of the same name, so that the file's name says which one it is."""
    path, definition, fit = found.path, found.definition, found.fit
    options = {"factory": f"{_place(path, project)}:{definition.name}"}
    if fit.arguments:
        options["factory_arguments"] = json.dumps(fit.arguments)
    how = "its names and shapes fit" if fit.exact else "the file names it" if fit.named else "its names fit"
    kind = "class" if definition.is_class else "function"
    file = path.name if is_alone else _place(path, project)
    reason = f"The {kind} {definition.name} in {file} may build the model: {how}."
    title = f"Use {definition.name} of {file}"
    choices = [] if "example_inputs" in found.known else input_choices(_inputs(definition, found.known, tensors))
    if not choices:
        return [Guess(title, reason, options)]
    return [
        Guess(f"{title}: {way.lower()}", f"{reason} {why}", {**options, "inputs": inputs})
        for way, why, inputs in choices
    ]


def python_files(source: Path, project: Path | None) -> Iterator[Path]:
    """The Python files beside the source, then those of the project; not those of environments and addons."""
    beside = sorted(source.parent.glob("*.py"))
    found = dict.fromkeys(path for path in beside if path.is_file())
    if project is not None:
        for folder, names, files in os.walk(project):
            names[:] = sorted(n for n in names if not n.startswith(".") and n not in _SKIPPED and _is_code(folder, n))
            found.update(dict.fromkeys(Path(folder) / name for name in sorted(files) if name.endswith(".py")))
            if len(found) >= _MOST_FILES:
                break
    for path in list(found)[:_MOST_FILES]:
        if not path.is_symlink() and path.is_file():
            yield path


def _is_code(folder: str, name: str) -> bool:
    return not (Path(folder) / name / "pyvenv.cfg").exists()


def parse_python(path: Path) -> ast.Module | None:
    """A Python file's syntax tree; nothing when it cannot be read."""
    try:
        return ast.parse(read_plain(path, _MOST_BYTES))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError):
        return None


def assigned_names(tree: ast.Module) -> set[str] | None:
    """The names that a file surely defines at its top; nothing when it may define others: by `from x import *`, inside
    of a condition."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif not isinstance(node, (ast.AnnAssign, ast.Expr)):
            return None
    return None if "*" in names else names


def _fit(definition: Definition, known: Mapping[str, Definition], tensors: Shapes) -> _Fit | None:
    layers = layers_of(definition, known)
    if layers is None or not layers.shapes:
        return None
    for strip in _prefixes(tensors):
        given = {name.removeprefix(strip): shape for name, shape in tensors.items()}
        bound = _bind(layers, given)
        if bound is not None:
            arguments = _arguments(definition, bound)
            if arguments is not None:
                return _Fit(not layers.open and not layers.has_unknown_shapes(), arguments)
    return None


def _is_named(path: Path, definition: Definition, whole: str) -> bool:
    module, _, name = whole.rpartition(".")
    return name == definition.name and module.rpartition(".")[2] in (path.stem, "__main__")


def _unread(definition: Definition, known: Mapping[str, Definition]) -> _Fit | None:
    """The fit of a class whose layers cannot be read from its source and that needs no arguments."""
    layers = layers_of(definition, known)
    needs_arguments = any(default is None for default in parameters_of(definition).values())
    return None if needs_arguments or (layers is not None and layers.shapes) else _Fit(False, {}, True)


def _prefixes(tensors: Shapes) -> list[str]:
    """The common prefixes of all names, part by part: "", "module.", "module._orig_mod.", ..."""
    found = [""]
    while tensors:
        rest = next(iter(tensors)).removeprefix(found[-1])
        following = f"{found[-1]}{rest.partition('.')[0]}."
        if not all(name.startswith(following) for name in tensors):
            break
        found.append(following)
    return found


def _bind(layers: Layers, given: Shapes) -> dict[str, int] | None:
    """The values of the definition's parameters that give these shapes; nothing when no values do."""
    bound: dict[str, int] = {}
    for name, shape in layers.shapes.items():
        if name not in given:
            if name in layers.optional:
                continue
            return None
        if shape is not None and not _unify(shape, given[name], bound):
            return None
    rest = [name for name in given if name not in layers.shapes]
    explained = not rest or (2 * len(rest) <= len(given) and all(name.startswith(tuple(layers.open)) for name in rest))
    return bound if explained else None


def _unify(shape: tuple[object, ...], actual: tuple[int, ...], bound: dict[str, int]) -> bool:
    if len(shape) != len(actual):
        return False
    for expected, size in zip(shape, actual, strict=True):
        if isinstance(expected, Unknown):
            if not expected.name:
                continue
            value, rest = divmod(size, expected.factor)
            if rest or bound.setdefault(expected.name, value) != value:
                return False
        elif expected != size:
            return False
    return True


def _arguments(definition: Definition, bound: Mapping[str, int]) -> dict[str, int] | None:
    """The arguments that must be given; nothing when one of them is not known."""
    given = {}
    for name, default in parameters_of(definition).items():
        if name in bound and bound[name] != default:
            given[name] = bound[name]
        elif name not in bound and default is None:
            return None
    return given


def _inputs(definition: Definition, known: Mapping[str, Definition], tensors: Shapes) -> str:
    """The option `inputs` for a model with one input, from its first layer; empty when that does not say it."""
    found = inputs_of(definition, known, tensors)
    return f"{found[0][0]}: {found[1]}" if found and len(found[0]) == 1 and found[1] else ""


def inputs_of(definition: Definition, known: Mapping[str, Definition], tensors: Shapes) -> tuple[list[str], str] | None:
    """The names of what forward takes, and what its first layer does; nothing when the source does not say it. No
    size of pictures is made up where a layer may need another one."""
    layers = layers_of(definition, known)
    if layers is None or not layers.forward:
        return None
    kind, name = layers.first or ("", "")
    weight = next((shape for key, shape in tensors.items() if name and key.endswith(name)), ())
    is_known = not kind.startswith("Conv") or takes_any_size(tensors.values())
    return layers.forward, example_input(kind, weight) if is_known else ""
