"""The task card of a model as Hugging Face's files beside it describe it. Standard library only.

`NAME.config.json`, `NAME.preprocessor_config.json` and `NAME.labels.txt` belong to `NAME.onnx` and so on; files without
`NAME.` belong to a model whose file has the name that Hugging Face gives it (`model.safetensors`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from importer.plain_files import read_plain
from importer.task_card.schema import Unusable, Wrong, check

FILES = ("config.json", "preprocessor_config.json", "labels.txt")
LARGEST = 4 << 20  # bytes
_OWN_NAME = re.compile(r"(pytorch_)?model(-[0-9]{5}-of-[0-9]{5})?")  # the addon has the same
_KINDS = {
    "ForImageClassification": "image_classification",
    "ForSemanticSegmentation": "image_segmentation",
    "ForAudioClassification": "audio_classification",
}


def files_beside(source: Path) -> dict[str, Path]:
    """Name in FILES -> file. A link is not followed: these are files of the project."""
    has_own_name = _OWN_NAME.fullmatch(source.stem) is not None
    found: dict[str, Path] = {}
    for name in FILES:
        for path in (source.with_name(f"{source.stem}.{name}"), *([source.with_name(name)] if has_own_name else [])):
            try:
                if name not in found and path.is_file() and not path.is_symlink():
                    found[name] = path
            except OSError:  # the model's name is so long that no other can be
                continue
    return found


def card_of(source: Path) -> dict[str, Any] | None:
    """The checked card with its defaults, or None when the files do not say what the model is for. Raises Unusable."""
    files = files_beside(source)
    config = _object(files.get("config.json"))
    architectures = config.get("architectures")
    names = architectures if isinstance(architectures, list) else []
    kinds = [kind for end, kind in _KINDS.items() if any(str(name).endswith(end) for name in names)]
    labels = _labels(files.get("labels.txt"), config)
    if not kinds and "config.json" not in files and labels:
        kinds = ["image_classification"]
    if not kinds:
        return None
    if not labels and kinds[0] != "image_segmentation":
        raise Unusable("there are no labels")
    preparation = _object(files.get("preprocessor_config.json"))
    taken = _sound(preparation) if kinds[0] == "audio_classification" else _picture(preparation)
    try:
        return check({"kind": kinds[0], "input": taken, "output": {"labels": labels}})
    except Wrong as wrong:
        raise Unusable(f"{wrong.name}: {wrong}") from wrong


def _object(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        found = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{path.name} is not JSON") from error
    if not isinstance(found, dict):
        raise Unusable(f"{path.name} is not an object")
    return found


def _text(path: Path) -> str:
    try:
        return read_plain(path, LARGEST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{path.name} cannot be read as a text of at most {LARGEST >> 20} MB") from error


def _labels(path: Path | None, config: Mapping[str, Any]) -> list[str]:
    """A label on each line, else `id2label`."""
    if path is not None:
        return [line.strip() for line in _text(path).splitlines() if line.strip()]
    names = config.get("id2label")
    if names is None:
        return []
    if not isinstance(names, dict) or set(names) != {str(number) for number in range(len(names))}:
        raise Unusable("'id2label' does not have a name for each number")
    return [names[str(number)] for number in range(len(names))]


def _picture(preparation: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `input` for a picture."""
    taken: dict[str, Any] = {}
    cut = preparation.get("crop_size") if preparation.get("do_center_crop") else None
    size = _size(cut if cut is not None else preparation.get("size"))
    if size:
        taken["size"] = size
    if cut is not None:
        taken["resize"] = "cover"
    if preparation.get("do_normalize", True):
        for field, key in (("mean", "image_mean"), ("deviation", "image_std")):
            if key in preparation:
                taken[field] = preparation[key]
    return taken


def _size(value: Any) -> list[int]:
    """[width, height] of a number, {height, width} or {shortest_edge}; empty when it is not known."""
    if isinstance(value, dict):
        sides: list[Any] = [
            value.get("width", value.get("shortest_edge")),
            value.get("height", value.get("shortest_edge")),
        ]
    else:
        sides = [value, value]
    return sides if all(type(side) is int for side in sides) else []


def _sound(preparation: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `input` for a sound."""
    taken: dict[str, Any] = {"scale": "window" if preparation.get("do_normalize") else "none"}
    if "sampling_rate" in preparation:
        taken["sample_rate"] = preparation["sampling_rate"]
    return taken
