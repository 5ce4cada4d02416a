"""The stages of one conversion: read, load, export, lower, write, validate, store.

`convert` runs them in the calling process. importer/jobs runs `build` in a confined child: the code
before and after it neither parses the file nor runs anything. The written program runs in another child.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.atomic_files import write_atomically
from importer.cache.cache import Cache, storage_error
from importer.cache.cache_key import dependencies, external_file, hashed, make_key_from
from importer.cache.entry import EXTERNAL, METADATA, PAYLOAD, RESOURCE, VARIANT, Artifact
from importer.cache.entry_files import opened
from importer.cache.known_hashes import known_hash
from importer.errors import DISK_IS_FULL, ImporterError, broken_package
from importer.kernels import library
from importer.options import ImportOptions
from importer.program import metadata as describe
from importer.program import tres
from importer.program.delegation import THIS_SYSTEM, add_times, library_note, names_of, systems_of
from importer.program.program import read_program
from importer.progress import Listener, Stages
from importer.proof.child_runner import run_program
from importer.proof.trial import calls_of
from importer.sources.early_checks import check_options
from importer.sources.file_kind import FileKind, recognise
from importer.task_card import hugging_face, read_card
from importer.task_card.schema import Unusable
from importer.version import IMPORTER_VERSION

_OF_BUILD = (
    "recipe",
    "methods",
    "constants",
    "own_kernels",
    "parameters",
    "constant_bytes",
    "systems",
    "calibration",
    "accuracy",
    "evaluation",
    "layers",
    "notes",
    "task",
)
_OF_VARIANT = (
    "recipe",
    "methods",
    "own_kernels",
    "constant_bytes",
    "systems",
    "calibration",
    "accuracy",
    "evaluation",
    "timings",
    "notes",
)


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

    display_path: the name of the file in messages and in the metadata (`res://models/x.pt`).
    allow_pickle: this file may run the code that its pickle names.
    """
    stages = Stages(on_progress)
    source, project = _as_path(source), Path(project) if isinstance(project, str) else project
    if not isinstance(options, ImportOptions) or not isinstance(cache, Cache):
        raise _wrong_kind(options, cache)
    with staged(stages, cache.root):
        display = display_path or source.name
        stages.enter("read", display)
        file_kind = recognise(source)
        plan = prepare(source, options, project)
        if found := cache.find(plan.key):
            stages.enter("store", "in the cache")
            return found
        with cache.building(plan.key) as building:
            external = external_file(source)
            body = build(source, file_kind, building, project, options, allow_pickle, external, stages)
            stages.enter("store")
            return store(cache, plan, building, body, display, stages.elapsed())


def _as_path(source: Any) -> Path:
    if isinstance(source, (str, Path)) and "\0" not in str(source):
        return Path(source)
    if isinstance(source, (str, Path)):
        cause = f"{str(source)!r:.80} is not the path of a file: it contains a NUL character."
        raise ImporterError("FILE_NOT_READABLE", cause, "Give the path of the model file.", "read")
    cause = f"`convert` takes the path of a file; got {type(source).__name__}."
    remedy = "Save the model first, with torch.export.save(torch.export.export(model, example), path)."
    raise ImporterError("OPTION_INVALID", cause, remedy, "read")


def _wrong_kind(options: Any, cache: Any) -> ImporterError:
    if not isinstance(options, ImportOptions):
        cause = f"`convert` takes ImportOptions; got {type(options).__name__}."
        return ImporterError("OPTION_INVALID", cause, "Give ImportOptions.from_mapping({'recipe': 'auto'}).", "read")
    cause = f"`convert` takes a Cache; got {type(cache).__name__}."
    return ImporterError("OPTION_INVALID", cause, "Give Cache(folder).", "read")


@dataclass(frozen=True)
class Plan:
    """The facts of a conversion before it begins. sha256: of the source. keyed: the options as the key and the metadata
    have them. files: what the key depends on."""

    source: Path
    options: ImportOptions
    project: Path | None
    sha256: str
    key: str
    keyed: ImportOptions
    files: dict[str, Path]


def prepare(source: Path, options: ImportOptions, project: Path | None, keyed: ImportOptions | None = None) -> Plan:
    """The key, from hashes; nothing is parsed. Raises FILE_NOT_READABLE, FILE_TOO_LARGE and OPTION_INVALID.

    keyed: the options of the key and the metadata, when `options` name copies of the files at other places.
    """
    digest = hashed(source, known_hash)
    check_options(options, project)
    keyed = keyed or options.keyed(project)
    files = dependencies(source, options, project)
    key = make_key_from(digest, keyed, files, known_hash)
    return Plan(source, options, project, digest, key, keyed, files)


def build(
    source: Path,
    file_kind: FileKind,
    building: Path,
    project: Path | None,
    options: ImportOptions,
    allow_pickle: bool,
    external: Path | None,
    stages: Stages,
) -> dict[str, Any]:
    """Write model.pte (and model.ptd) into `building`; returns what the metadata says of it. external: the `.ptd` of a
    finished program."""
    found: dict[str, Any] = {"kind": file_kind.kind}
    if card := read_card(source):
        found["task"] = card
    described, note = _described_beside(source)
    if file_kind.kind == "pte":
        return {**described, **found, **_take_program(source, external, building, options, stages)}
    stages.enter("load", "starting torch" if "torch" not in sys.modules else "")
    from importer.conversion import convert_source
    from importer.sources.factory import neighbours

    with neighbours(options, project):
        body = convert_source(source, file_kind, building, project, options, allow_pickle, stages)
    body["notes"] += [note] if note else []
    # The card beside the file takes precedence over what the file or the factory says, and that over Hugging Face's
    # files.
    return {**described, **body, **found}


def _described_beside(source: Path) -> tuple[dict[str, Any], str]:
    """What Hugging Face's files beside a model say of its task, and a note on what cannot be used."""
    try:
        card = hugging_face.card_of(source)
    except Unusable as error:
        return {}, f"There are files of Hugging Face beside the model, but they do not make a task card: {error}."
    return ({"task": card} if card else {}), ""


def store(cache: Cache, plan: Plan, building: Path, body: dict[str, Any], display: str, seconds: float) -> Artifact:
    """Make what `build` has made the entry of the plan's key. The files are checked again: a model's code may have
    written them. Raises KEY_DIFFERS and CONVERSION_INCOMPLETE."""
    _check_unchanged(plan)
    made = _variants(body, plan.options)
    files = _take_files(cache, building, [VARIANT.format(item["recipe"]) for item in made])
    payload: dict[str, Any] = {**files[PAYLOAD], "external": []}
    if EXTERNAL in files:
        payload["external"] = [{"file": EXTERNAL, **files[EXTERNAL]}]
    timings = body.get("timings")
    described = {
        "format": describe.FORMAT,
        "name": Path(display).stem,
        "source": {
            "path": display,
            "kind": str(body.get("kind", "")),
            "sha256": plan.sha256,
            "size": plan.source.stat().st_size,
        },
        "payload": payload,
        **{name: body[name] for name in _OF_BUILD if name in body},
        **({"variants": [_described(item, files) for item in made]} if made else {}),
        "timings": {**(timings if isinstance(timings, dict) else {}), "convert_seconds": round(seconds, 3)},
        "provenance": {
            "importer": IMPORTER_VERSION,
            **describe.versions(),
            "options": plan.keyed.decisive(),
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        },
    }
    try:
        text = json.dumps(described, indent=1, allow_nan=False)
        places = {item["recipe"]: item["payload"]["file"] for item in described.get("variants", [])}
        resource = tres.resource_text(described, variant_paths=places)
    except (ValueError, TypeError, RecursionError) as error:
        raise _incomplete(f"its metadata cannot be written: {error}") from error
    write_atomically(building / METADATA, text.encode(errors="replace"))
    write_atomically(building / RESOURCE, resource.encode())
    return cache.store(plan.key, building)


@contextlib.contextmanager
def staged(stages: Stages, place: Path) -> Iterator[None]:
    """Raise exceptions from inside as ImporterErrors of the current stage."""
    try:
        yield
    except ImporterError as error:
        error.stage = stages.current
        raise
    except OSError as error:
        failure = broken_package(error) or _of_system(error, place)
        failure.stage = stages.current
        raise failure from error
    except MemoryError as error:
        remedy = "Close other programs, use a smaller model, or raise the option 'memory_limit_megabytes'."
        raise ImporterError("OUT_OF_MEMORY", "The conversion ran out of memory.", remedy, stages.current) from error
    except Exception as error:
        import traceback

        if broken := broken_package(error, stages.current):
            raise broken from error
        cause = f"The importer failed at {stages.current}: {type(error).__name__}: {str(error)[:300]}"
        remedy = "This is a fault of the importer; please report it with the log."
        raise ImporterError("INTERNAL_ERROR", cause, remedy, stages.current, traceback.format_exc()) from error


def _of_system(error: OSError, place: Path) -> ImporterError:
    named = Path(str(error.filename)) if error.filename else place
    if named.is_relative_to(place) or error.errno in DISK_IS_FULL:
        return storage_error(error, named)
    cause = f"{named} cannot be used: {error.strerror or error}."
    return ImporterError("FILE_NOT_READABLE", cause, "Check that it exists, and its permissions.")


def _variants(body: dict[str, Any], options: ImportOptions) -> list[dict[str, Any]]:
    """What the child says of the variants that the options ask for; it may have answered anything."""
    found = body.get("variants", [])
    items = found if isinstance(found, list) else [None]
    recipes = [item.get("recipe") if isinstance(item, dict) else None for item in items]
    if any(recipe not in options.variant_recipes() or recipes.count(recipe) > 1 for recipe in recipes):
        raise _incomplete("its variants are not those of the option 'variants'")
    return list(items)


def _described(variant: dict[str, Any], files: dict[str, dict[str, Any]]) -> dict[str, Any]:
    name = VARIANT.format(variant["recipe"])
    known = {key: variant[key] for key in _OF_VARIANT if key in variant}
    return {**known, "payload": {"file": name, **files[name]}}


def _take_files(cache: Cache, building: Path, variants: list[str]) -> dict[str, dict[str, Any]]:
    """Name -> `{sha256, size}` of the programs and the weights; everything else that is there is removed."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(building.iterdir()):
        if path.name not in (PAYLOAD, EXTERNAL, *variants):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            continue
        digest = hashlib.sha256()
        try:
            with opened(cache.root, *path.relative_to(cache.root).parts) as file:
                status = os.fstat(file.fileno())
                if status.st_nlink != 1:
                    raise OSError("it has a second hard link")
                while block := file.read(1 << 20):
                    digest.update(block)
        except (OSError, ImporterError) as error:
            raise _incomplete(f"{path.name} is not a plain file: {error}") from error
        found[path.name] = {"sha256": digest.hexdigest(), "size": status.st_size}
    if missing := next((name for name in (PAYLOAD, *variants) if name not in found), ""):
        raise _incomplete(f"there is no {missing}")
    return found


def _incomplete(reason: str) -> ImporterError:
    cause = f"The conversion did not write a complete program: {reason}."
    remedy = "Code of the model or its factory may be the cause: use files from people you trust. Otherwise report it."
    return ImporterError("CONVERSION_INCOMPLETE", cause, remedy, "store")


def _check_unchanged(plan: Plan) -> None:
    """Raises KEY_DIFFERS when a file was written while it was converted: the key is that of what was there before."""
    found = dependencies(plan.source, plan.options, plan.project)
    # What a trusted factory names and writes itself was not there before.
    files = {name: path for name, path in found.items() if name in plan.files or not name.startswith("read/")}
    if make_key_from(hashed(plan.source, known_hash), plan.keyed, files, known_hash) != plan.key:
        cause = f"{plan.source.name}, or a file that it depends on, changed while it was converted."
        raise ImporterError("KEY_DIFFERS", cause, "Convert it again.", "store")


def _take_program(
    source: Path, external: Path | None, building: Path, options: ImportOptions, stages: Stages
) -> dict[str, Any]:
    """A finished program: copied, and run in a child process, because an unknown program can crash the runtime."""
    if options.evaluate.strip() or options.metric.strip():
        cause = f"{source.name} is a finished program, which has no eager PyTorch to be evaluated beside."
        remedy = f"Leave out the option 'evaluate', and run `godot-executorch evaluate {source.name} --inputs DATA`."
        raise ImporterError("OPTION_INVALID", cause, remedy, "read")
    program = read_program(source)
    stages.enter("write")
    shutil.copyfile(source, building / PAYLOAD)
    if program.external_keys and not external:
        cause = f"The program needs {len(program.external_keys)} external weights, but there is no .ptd file beside it."
        raise ImporterError("EXTERNAL_WEIGHTS_MISSING", cause, f"Put {source.stem}.ptd beside {source.name}.", "read")
    if external and program.external_keys:
        shutil.copyfile(external, building / EXTERNAL)
    stages.enter("validate")
    body = describe.of_program(program)
    body["recipe"] = "as_is"
    note = library_note(body, [path.name for path in library.of_game()])
    body["notes"] = [note] if note else []
    if unused := [f"'{name}'" for name in options.decisive()]:
        word = "option" if len(unused) == 1 else "options"
        why = "a finished program cannot be lowered again"
        body["notes"].append(f"Not used, because {why}: the {word} {', '.join(unused)}.")
    calls, note = calls_of(body)
    if note:
        body["notes"].append(note)
    if systems := systems_of(item.backend for method in program.methods for item in method.delegates):
        body["systems"] = systems
        if THIS_SYSTEM not in systems:
            body["notes"].append(f"Not run: the program runs on {names_of(systems)} only.")
            return body
    began = time.monotonic()
    if not _has_runtime():
        body["notes"].append("Not run: this Python does not have the package executorch.")
        return body
    result = run_program(building / PAYLOAD, program, calls, deadline=options.deadline_seconds)
    body["timings"] = {"validate_seconds": round(time.monotonic() - began, 3)}
    for described in body["methods"]:
        add_times(described["delegation"], result.nanoseconds.get(described["name"], {}))
    if times := result.microseconds:
        body["timings"]["executorch_us"] = round(times.get("forward", next(iter(times.values()))), 2)
    return body


def _has_runtime() -> bool:
    import importlib.util

    return all(importlib.util.find_spec(name) is not None for name in ("torch", "executorch"))


__all__ = ["Artifact", "FileKind", "convert"]
