"""`convert --config models.toml`: many models in one file, converted in its order.

output = "build"                      # beside this file; `-o` is used in its place
[defaults]                            # import options for all
recipe = "auto"
[[models]]
source = "digits.pt2"
name = "digits"                       # default: the source's name
recipe = "xnnpack_int8_static"        # any import option (docs/architecture.md, "Options")
calibration = "images"                # paths start in the file's folder
"""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from importer.cli.output import did_you_mean
from importer.errors import ImporterError
from importer.options import ImportOptions, metric_file, split_factory
from importer.plain_files import open_plain
from importer.sources.early_checks import check_options

_MOST_BYTES = 1 << 20
_OWN = ("source", "name")
_KNOWN = {item.name for item in fields(ImportOptions)}


@dataclass(frozen=True)
class Work:
    """A model to convert. target: where its `.pte` goes."""

    source: Path
    options: ImportOptions
    target: Path


def read(path: Path, output: Path | None) -> list[Work]:
    """The models of a file, in its order. Raises MODELS_FILE_INVALID, FILE_NOT_READABLE and OPTION_INVALID."""
    found = _parse(path)
    if unknown := sorted(set(found) - {"output", "defaults", "models"}):
        raise _invalid(path, f"it has {', '.join(unknown)}; there are output, defaults and models")
    defaults, models = found.get("defaults", {}), found.get("models", [])
    if not isinstance(defaults, dict) or not isinstance(models, list) or not models:
        raise _invalid(path, "it has no [[models]]")
    if unknown := sorted(set(defaults) - _KNOWN):
        raise _unknown(path, "[defaults]", unknown[0])
    folder = output or _beside(path, found.get("output", "build"))
    work = [_work(path, item, defaults, folder) for item in models]
    for target, count in Counter(item.target for item in work).items():
        if count > 1:
            raise _invalid(path, f"two models would both become {target.name}; give one of them another name")
    return work


def _beside(path: Path, output: Any) -> Path:
    """The folder of the programs. The file may be somebody else's, so that it does not choose any folder."""
    try:
        if isinstance(output, str) and (path.parent / output).resolve().is_relative_to(path.parent.resolve()):
            return path.parent / output
    except (OSError, ValueError, RuntimeError):  # too long a name, a NUL, a link to itself
        pass
    raise _invalid(path, f"its output {output!r:.200} is not a folder beside it; with -o the programs go to any folder")


def _work(path: Path, item: Any, defaults: dict[str, Any], folder: Path) -> Work:
    if not isinstance(item, dict) or not isinstance(item.get("source"), str):
        raise _invalid(path, "an entry of [[models]] has no source")
    if unknown := sorted(set(item) - _KNOWN - set(_OWN)):
        raise _unknown(path, item["source"], unknown[0])
    values = {**defaults, **{name: value for name, value in item.items() if name not in _OWN}}
    options = ImportOptions.from_mapping({name: _placed(path.parent, name, value) for name, value in values.items()})
    check_options(options, None, f"{path.name}, {item['source']}")
    source = path.parent / item["source"]
    name = item.get("name", source.stem)
    if not isinstance(name, str) or Path(name).name != name or not name.isprintable():
        raise _invalid(path, f"the name of {item['source']} is not a file name")
    return Work(source, options, folder / f"{name}.pte")


def _placed(folder: Path, name: str, value: Any) -> Any:
    """An option's value; its path starts in the file's folder."""
    if not isinstance(value, str) or not value.strip() or value.startswith("res://"):
        return value
    if name in ("calibration", "evaluate"):
        return str(folder / value)
    if name == "factory":
        place, function = split_factory(value)
        return f"{folder / place}:{function}"
    return f"{folder / value}" if name == "metric" and metric_file(value) else value


def _parse(path: Path) -> dict[str, Any]:
    if sys.version_info < (3, 11):
        cause = f"{path.name} cannot be read: Python 3.10 does not come with a reader of TOML."
        raise ImporterError("PYTHON_UNSUPPORTED", cause, "Use Python 3.11 or newer for --config.", "read")
    tomllib = importlib.import_module("tomllib")
    try:
        with open_plain(path) as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise _invalid(path, "it is larger than 1 MB")
        return dict(tomllib.loads(content.decode()))
    except OSError as error:
        cause = f"{path} cannot be read: {error.strerror or error}."
        raise ImporterError("FILE_NOT_READABLE", cause, "Check the path.", "read") from error
    except (ValueError, RecursionError) as error:
        raise _invalid(path, str(error)) from error


def _unknown(path: Path, where: str, name: str) -> ImporterError:
    return _invalid(path, f"{where} has {name}, which is not an import option", did_you_mean(name, _KNOWN))


def _invalid(path: Path, reason: str, hint: str = "") -> ImporterError:
    cause = f"{path.name} does not describe models: {reason}."
    remedy = (
        'Each model begins with a line [[models]], then source = "NAME.pt2" and its options; docs/python.md has more.'
    )
    return ImporterError("MODELS_FILE_INVALID", cause, f"{hint} {remedy}".strip(), "read")
