"""Writes the metadata as a Godot text resource: an `ExecuTorchResource` beside its payload."""

from __future__ import annotations

from typing import Any

SCRIPT = "res://addons/executorch/runtime/executorch_resource.gd"
_HIGHEST, _LOWEST = 2**63 - 1, -(2**63)


def resource_text(
    metadata: dict[str, Any], payload_path: str = "model.pte", variant_paths: dict[str, str] | None = None
) -> str:
    """The whole `.tres`: properties `payload_path` (String), `metadata` (Dictionary), and with variants `variant_paths`
    (Dictionary of recipe to path)."""
    variants = f"variant_paths = {variant(variant_paths)}\n" if variant_paths else ""
    return (
        '[gd_resource type="Resource" script_class="ExecuTorchResource" load_steps=2 format=3]\n\n'
        f'[ext_resource type="Script" path={_text(SCRIPT)} id="1"]\n\n'
        "[resource]\n"
        'script = ExtResource("1")\n'
        "_file_format = 1\n"
        f"payload_path = {_text(payload_path)}\n"
        f"{variants}"
        f"metadata = {variant(metadata)}\n"
    )


def variant(value: Any) -> str:
    """A value in Godot's text syntax. Raises TypeError for types without a literal in Godot."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Larger numbers would wrap around silently.
        return str(value) if _LOWEST <= value <= _HIGHEST else _float(float(value))
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(variant, value))}]"
    if isinstance(value, dict):
        lines = ",\n".join(f"{_text(str(key))}: {variant(item)}" for key, item in value.items())
        return f"{{\n{lines}\n}}" if lines else "{}"
    raise TypeError(f"no Godot value for {type(value).__name__}")


def _float(value: float) -> str:
    if value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "inf_neg"
    text = repr(value)
    return text if any(mark in text for mark in ".en") else text + ".0"


def _text(value: str) -> str:
    # Godot reads \\ and \" and takes everything else as it stands; a NUL would end its string.
    clean = value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
