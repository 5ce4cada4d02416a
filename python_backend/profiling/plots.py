"""The plots of the report, as SVG that follows the page's colours (CSS variables) and has exact numbers in tooltips."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from python_backend.profiling import latency
from python_backend.profiling.units import bytes_text, time_text

WIDTH = 960
_LEFT, _RIGHT = 72, 14
_MARGIN = 92
"""Space for the names of the percentiles, right of the time line."""
# Okabe and Ito's colours, which the colour-blind can distinguish too.
COLOURS = {"XnnpackBackend": "#0072b2", "kernels": "#e69f00", "method": "#999999"}
_OTHER = "#009e73"
_MOST_POINTS = 1500
_BINS = 60
_MARKS = (("p50", "#009e73"), ("p90", "#e69f00"), ("p99", "#d55e00"))


def colour(backend: str) -> str:
    return COLOURS.get(backend, _OTHER)


def time_line(samples: Sequence[float]) -> str:
    """Every call's time in order, with the percentiles as lines."""
    height, bottom, top, right = 240, 26, 12, WIDTH - _MARGIN
    ordered = sorted(samples)
    high = max(latency.percentile(ordered, 99.5) * 1.15, ordered[0] * 1.2, 1e-9)
    plot = height - bottom - top

    def y(value: float) -> float:
        return top + plot * (1 - min(value, high) / high)

    def x(index: int) -> float:
        return _LEFT + (right - _LEFT) * index / max(1, len(samples) - 1)

    parts = _grid(high, top, plot, right)
    groups = _groups(samples)
    line = " ".join(f"{x(index):.1f},{y(value):.1f}" for index, value in groups)
    parts.append(f'<polyline points="{line}" fill="none" stroke="var(--accent)" stroke-width="1.2"/>')
    for index, value in groups:
        if value > high:
            title = f"call {index + 1}: {time_text(value)}, above the scale"
            parts.append(f'<path d="M{x(index):.1f} {top} l4 7 h-8 z" fill="#d55e00"><title>{title}</title></path>')
    places: list[float] = []
    for name, stroke in _MARKS:
        value = latency.percentile(ordered, float(name[1:]))
        label_y = y(value) + 4
        while any(abs(label_y - place) < 13 for place in places):
            label_y -= 13
        places.append(label_y)
        parts.append(
            f'<line x1="{_LEFT}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="{stroke}" '
            f'stroke-dasharray="5 4"/><text x="{right + 7}" y="{label_y:.1f}" class="mark">'
            f"{name} {time_text(value)}</text>"
        )
    parts.append(_text(_LEFT, height - 8, "call 1"))
    parts.append(_text(right, height - 8, f"call {len(samples):,}", "end"))
    return _svg(height, parts, "Time of each call")


def histogram(samples: Sequence[float]) -> str:
    """How often which time was measured."""
    height, bottom, top = 200, 26, 12
    ordered = sorted(samples)
    begin, end = latency.histogram_range(ordered)
    counts = latency.histogram(ordered, _BINS, begin, end)
    edges = [begin + (end - begin) * index / _BINS for index in range(_BINS + 1)]
    most = max(counts)
    plot, step = height - bottom - top, (WIDTH - _LEFT - _RIGHT) / _BINS
    parts = []
    for index, count in enumerate(counts):
        tall = plot * count / most
        if count:
            upto = time_text(edges[index + 1]) if index < _BINS - 1 else "the longest"
            title = f"{time_text(edges[index])} to {upto}: {count} of {len(samples)} calls"
            parts.append(
                f'<rect x="{_LEFT + index * step:.1f}" y="{top + plot - tall:.1f}" width="{step - 1:.1f}" '
                f'height="{max(tall, 1):.1f}" rx="1" fill="var(--accent)"><title>{title}</title></rect>'
            )
    base = top + plot + 0.5
    parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{base}" y2="{base}" class="axis"/>')
    parts.append(_text(_LEFT - 8, top + 10, str(most), "end"))
    for index, anchor in ((0, "start"), (_BINS // 2, "middle"), (_BINS, "end")):
        parts.append(_text(_LEFT + index * step, height - 8, time_text(edges[index]), anchor))
    return _svg(height, parts, "Histogram of the calls' times")


def call_chart(events: list[dict[str, Any]]) -> str:
    """One call from left to right; nested events are below."""
    if not events:
        return ""
    row, top, bottom = 26, 8, 24
    whole = max(event["start_us"] + event["duration_us"] for event in events) or 1.0
    height = top + row * (1 + max(event["depth"] for event in events)) + bottom
    scale = (WIDTH - 2 * _RIGHT) / whole
    parts = []
    for event in events:
        x, wide = _RIGHT + event["start_us"] * scale, max(event["duration_us"] * scale, 0.8)
        y = top + event["depth"] * row
        name, fill = event["name"], colour(event["kind"])
        title = f"{escape(name)}: {time_text(event['duration_us'])}, {event['duration_us'] / whole:.1%} of the call"
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{row - 3}" rx="3" fill="{fill}">'
            f"<title>{title}</title></rect>"
        )
        letters = int((wide - 10) / 7)
        if letters >= 4:
            shown = name if len(name) <= letters else name[: letters - 1] + "…"
            parts.append(f'<text x="{x + 6:.1f}" y="{y + 16}" class="inside">{escape(shown)}</text>')
    parts.append(_text(_RIGHT, height - 6, "0"))
    parts.append(_text(WIDTH - _RIGHT, height - 6, time_text(whole), "end"))
    return _svg(height, parts, "One call of the method")


def bar(pieces: Sequence[tuple[str, float, str]]) -> str:
    """`(name, bytes, colour)` side by side, with a legend."""
    height, tall = 74, 30
    total = sum(size for _, size, _ in pieces) or 1.0
    x, legend = float(_RIGHT), float(_RIGHT)
    parts = []
    for name, size, fill in pieces:
        wide = (WIDTH - 2 * _RIGHT) * size / total
        title = f"{name}: {bytes_text(size)}, {size / total:.1%}"
        parts.append(
            f'<rect x="{x:.1f}" y="4" width="{max(wide - 1, 0):.1f}" height="{tall}" rx="3" fill="{fill}">'
            f"<title>{title}</title></rect>"
        )
        label = f"{name} {bytes_text(size)}"
        parts.append(f'<circle cx="{legend + 5:.0f}" cy="55" r="5" fill="{fill}"/>')
        parts.append(_text(legend + 16, 59, label))
        x, legend = x + wide, legend + 34 + 7.2 * len(label)
    return _svg(height, parts, "Memory")


def _groups(samples: Sequence[float]) -> list[tuple[int, float]]:
    """At most _MOST_POINTS points; the slowest call of each group, so that no spike is lost."""
    size = max(1, -(-len(samples) // _MOST_POINTS))
    starts = range(0, len(samples), size)
    return [max(((i, samples[i]) for i in range(s, min(s + size, len(samples)))), key=lambda p: p[1]) for s in starts]


def _grid(high: float, top: float, plot: float, right: float) -> list[str]:
    parts = []
    for step in range(5):
        y = top + plot * (1 - step / 4)
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" class="axis"/>')
        parts.append(_text(_LEFT - 8, y + 4, time_text(high * step / 4) if step else "0", "end"))
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{label}">{body}</svg>'
