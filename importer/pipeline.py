"""The whole way of one file: read, load, export, lower, write, validate, store.

`convert` runs in the calling process and is meant for a child of something that can end it: a deadline and a memory
limit are the caller's (importer/limits.py for the command line). The written program runs in a child of its own.
"""

from __future__ import annotations

import datetime
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from importer import metadata as describe
from importer import tres
from importer.cache import EXTERNAL, METADATA, PAYLOAD, RESOURCE, Artifact, Cache, storage_error, write_atomically
from importer.delegation import add_times
from importer.errors import ImporterError
from importer.key import dependencies, external_file, hash_file, make_key, make_key_from
from importer.known_hashes import known_hash
from importer.options import ImportOptions
from importer.progress import Listener, Stages
from importer.pte import Program, read_program
from importer.refusal import check_options
from importer.sniff import Sniffed, sniff
from importer.validate import Call, run_program
from importer.version import IMPORTER_VERSION


def convert(
    source: Path,
    *,
    project: Path | None = None,
    cache: Cache,
    options: ImportOptions,
    display_path: str = "",
    allow_pickle: bool = False,
    on_progress: Listener | None = None,
) -> Artifact:
    """Convert one file, or take the finished artifact from the cache. Raises ImporterError only.

    display_path: what people call the file (`res://models/x.pt`); it goes into the metadata.
    allow_pickle: this very file may run the code that its pickle names.
    """
    stages = Stages(on_progress)
    try:
        return _convert(source, project, cache, options, display_path or source.name, allow_pickle, stages)
    except ImporterError as error:
        error.stage = stages.current
        raise
    except OSError as error:
        raise _staged(storage_error(error, Path(error.filename or str(cache.root))), stages) from error
    except MemoryError as error:
        remedy = "Close other programs, use a smaller model, or raise the option 'memory_limit_megabytes'."
        raise ImporterError("OUT_OF_MEMORY", "The conversion ran out of memory.", remedy, stages.current) from error
    except Exception as error:
        import traceback

        cause = f"The importer failed at {stages.current}: {type(error).__name__}: {str(error)[:300]}"
        remedy = "This is a fault of the importer; please report it with the log."
        raise ImporterError("INTERNAL_ERROR", cause, remedy, stages.current, traceback.format_exc()) from error


def _staged(error: ImporterError, stages: Stages) -> ImporterError:
    error.stage = stages.current
    return error


def _convert(
    source: Path,
    project: Path | None,
    cache: Cache,
    options: ImportOptions,
    display: str,
    allow_pickle: bool,
    stages: Stages,
) -> Artifact:
    stages.enter("read", display)
    sniffed = sniff(source)
    check_options(options, project)
    digest = known_hash(source)
    key = make_key_from(digest, options, dependencies(source, options, project), known_hash)
    if found := cache.find(key):
        stages.enter("store", "in the cache")
        return found
    with cache.building(key) as building:
        head = {
            "format": describe.FORMAT,
            "name": Path(display).stem,
            "source": {"path": display, "kind": sniffed.kind, "sha256": digest, "size": sniffed.size},
        }
        if sniffed.kind == "pte":
            body = _take_program(source, building, options, stages)
        else:
            stages.enter("load", "starting torch" if "torch" not in sys.modules else "")
            from importer.conversion import convert_source
            from importer.factory import neighbours

            with neighbours(options, project):
                body = convert_source(source, sniffed, building, project, options, allow_pickle, stages)
        stages.enter("store")
        _check_unchanged(key, source, project, options)
        described = _describe(head, body, building, options, stages)
        write_atomically(building / METADATA, json.dumps(described, indent=1, allow_nan=False).encode())
        write_atomically(building / RESOURCE, tres.resource_text(described).encode())
        return cache.store(key, building)


def _check_unchanged(key: str, source: Path, project: Path | None, options: ImportOptions) -> None:
    """Raises KEY_DIFFERS when a file was written while it was converted: the key is that of what was there before."""
    if make_key(source, options, project, known_hash) != key:
        cause = f"{source.name}, or a file that it depends on, changed while it was converted."
        raise ImporterError("KEY_DIFFERS", cause, "Convert it again.", "store")


def _describe(
    head: dict[str, Any], body: dict[str, Any], building: Path, options: ImportOptions, stages: Stages
) -> dict[str, Any]:
    payload: dict[str, Any] = {"sha256": hash_file(building / PAYLOAD), "size": (building / PAYLOAD).stat().st_size}
    external = [path for path in sorted(building.iterdir()) if path.suffix == ".ptd"]
    payload["external"] = [
        {"file": path.name, "sha256": hash_file(path), "size": path.stat().st_size} for path in external
    ]
    timings = {**body.pop("timings", {}), "convert_seconds": round(stages.elapsed(), 3)}
    provenance = {
        "importer": IMPORTER_VERSION,
        **describe.versions(),
        "options": options.changed(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    return {**head, "payload": payload, **body, "timings": timings, "provenance": provenance}


def _take_program(source: Path, building: Path, options: ImportOptions, stages: Stages) -> dict[str, Any]:
    """A finished program: copied, and tried in a child process because unknown bytes can crash the runtime."""
    program = read_program(source)
    stages.enter("write")
    shutil.copyfile(source, building / PAYLOAD)
    external = external_file(source) if program.external_keys else None
    if program.external_keys and not external:
        cause = f"The program needs {len(program.external_keys)} external weights, but there is no .ptd file beside it."
        raise ImporterError("EXTERNAL_WEIGHTS_MISSING", cause, f"Put {source.stem}.ptd beside {source.name}.", "read")
    if external:
        shutil.copyfile(external, building / EXTERNAL)
    stages.enter("validate")
    body = describe.of_program(program)
    body["recipe"] = "as_is"
    body["notes"] = []
    calls, note = _calls(program, body)
    if note:
        body["notes"].append(note)
    began = time.monotonic()
    if not _has_runtime():
        body["notes"].append("Not tried: there is no executorch in this Python.")
        return body
    result = run_program(building / PAYLOAD, program, calls, deadline=options.deadline_seconds)
    body["timings"] = {"validate_seconds": round(time.monotonic() - began, 3)}
    for described in body["methods"]:
        add_times(described["delegation"], result.nanoseconds.get(described["name"], {}))
    if times := result.microseconds:
        body["timings"]["executorch_us"] = round(times.get("forward", next(iter(times.values()))), 2)
    return body


def _calls(program: Program, body: dict[str, Any]) -> tuple[list[Call], str]:
    from importer.signature import DTYPES

    calls, left_out = [], []
    for method in body["methods"]:
        if all(item["dtype"] in DTYPES for item in method["inputs"]):
            calls.append(Call(method["name"], inputs=method["inputs"]))
        else:
            left_out.append(method["name"])
    return calls, f"Not run: {', '.join(left_out)} takes more than tensors." if left_out else ""


def _has_runtime() -> bool:
    import importlib.util

    return all(importlib.util.find_spec(name) is not None for name in ("torch", "executorch"))


__all__ = ["Artifact", "Sniffed", "convert"]
