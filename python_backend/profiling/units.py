"""Numbers as people read them."""

from __future__ import annotations


def time_text(microseconds: float) -> str:
    """`0.94 us`, `12.3 us`, `4.56 ms`, `1.20 s`."""
    if microseconds < 1000:
        return f"{microseconds:.{2 if microseconds < 10 else 1}f} us"
    if microseconds < 1_000_000:
        return f"{microseconds / 1000:.2f} ms"
    return f"{microseconds / 1e6:.2f} s"


def bytes_text(size: float) -> str:
    """`720 B`, `14.3 KB`, `90.35 MB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if abs(size) >= scale:
            return f"{size / scale:.{2 if unit != 'KB' else 1}f} {unit}"
    return f"{size:.0f} B"


def shape_text(tensor: dict[str, object]) -> str:
    """`float32[1, 3, 32, 32]`."""
    shape = tensor.get("shape")
    return f"{tensor.get('dtype')}{list(shape) if isinstance(shape, (list, tuple)) else []}"
