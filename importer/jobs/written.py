"""Texts that name files of a job, when the job works on copies of them at other places."""

from __future__ import annotations

from typing import Any

from importer.options import ImportOptions, metric_file, split_factory


def as_written(value: Any, options: ImportOptions, written: ImportOptions) -> Any:
    """JSON with the paths of `options` replaced by those that a person wrote."""
    pairs = [
        (split_factory(options.factory)[0], split_factory(written.factory)[0]),
        (metric_file(options.metric), metric_file(written.metric)),
        (options.calibration.strip(), written.calibration.strip()),
        (options.evaluate.strip(), written.evaluate.strip()),
    ]
    return _replaced(value, [pair for pair in pairs if pair[0]])


def _replaced(value: Any, pairs: list[tuple[str, str]]) -> Any:
    if isinstance(value, str):
        for text, other in pairs:
            value = value.replace(text, other)
        return value
    if isinstance(value, list):
        return [_replaced(item, pairs) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item, pairs) for key, item in value.items()}
    return value
