"""From a source file to a proved program in a folder. Importing this module imports torch."""

from __future__ import annotations

import logging
import math
import random
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram

from importer.errors import OF_EVERY_RECIPE, ImporterError
from importer.exporting.also_outputs import add_outputs, graph_names
from importer.exporting.export import export
from importer.exporting.recurrent import refuse_varying_state, rewrite_recurrent, rewrite_to_steps
from importer.exporting.reexport import widen
from importer.exporting.rewrites.activations import rewrite_prelu
from importer.exporting.rewrites.attention import rewrite_attention
from importer.exporting.rewrites.borders import rewrite_borders
from importer.exporting.rewrites.embeddings import rewrite_embeddings
from importer.exporting.rewrites.nonzero import rewrite_nonzero
from importer.exporting.rewrites.norms import rewrite_norms
from importer.exporting.rewrites.other_kernels import rewrite_other_kernels
from importer.exporting.rewrites.single_pixel import rewrite_single_pixels
from importer.exporting.rewrites.sub_pixels import rewrite_transposed
from importer.exporting.rewrites.upsampling import rewrite_upsampling
from importer.exporting.rewrites.weights import rewrite_weights
from importer.fastest import convert_fastest
from importer.inputs import labelled
from importer.inputs.calibration import real_inputs
from importer.kernels import library
from importer.lowering import lower, precision, recipes
from importer.lowering.lower import Step
from importer.model import Arguments, Method, Source, left_out_note
from importer.options import FASTEST, ImportOptions
from importer.paths import resolve
from importer.program.delegation import SLICES, library_note, slow_note
from importer.program.etdump import DELEGATE_CALL
from importer.progress import Stages
from importer.proof import evaluation
from importer.proof.layer_errors import layer_errors
from importer.proof.proof import Proof
from importer.sources.file_kind import FileKind
from importer.sources.load import load
from importer.variants import convert_variants

_MOST_SLICINGS = 4
_SPARE = 1.2  # operators do not divide evenly
_FINE = 32  # into how many pieces a delegate is cut before it counts as one that cannot be cut
# A quantized program keeps its norms in float32, as one operator each.
_FLOAT = ("auto", "xnnpack_fp32")


def convert_source(
    path: Path,
    file_kind: FileKind,
    building: Path,
    project: Path | None,
    options: ImportOptions,
    allow_pickle: bool,
    stages: Stages,
) -> dict[str, Any]:
    """Write model.pte, model.ptd and the variants into `building`; returns what the metadata says of them. With a
    factory, inside of its `neighbours`: its functions may import them until the end."""
    # torch and its parts print long warnings that do not concern the person.
    warnings.filterwarnings("ignore")
    logging.getLogger("torch").setLevel(logging.ERROR)
    # A factory may draw its data: equal input gives equal files.
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)

    def convert_with(chosen: ImportOptions, folder: Path) -> dict[str, Any]:
        # Loaded anew for each: rewrites and quantization change a model.
        source = load(path, file_kind, chosen, project, allow_pickle, folder)
        return _convert(source, folder, project, chosen, stages)

    if options.recipe == FASTEST:
        body = convert_fastest(convert_with, options, building, stages)
    else:
        body = convert_with(options, building)
    if options.variant_recipes():
        body["variants"] = convert_variants(body, convert_with, options, building, stages)
    return body


def _convert(
    source: Source, building: Path, project: Path | None, options: ImportOptions, stages: Stages
) -> dict[str, Any]:
    stages.enter("export")
    _step_by_step(source, options)
    recurrent = _recurrent_form(options)
    methods = export(source, recurrent)
    if further := options.further_outputs():
        source.notes.append(add_outputs(methods, further))
    for method in methods:
        method.graph_names = graph_names(method)
    _rewrite_recurrent(methods, source, recurrent)
    if library.path() is None and any("as a loop (scan)" in note for note in source.notes):
        source.notes.append("The addon has no kernel library for this machine, so a recurrent layer runs as a loop.")
    tensors = {method.name: _tensors(method.program) for method in methods}  # without what rewrites of layers add
    for method in methods:
        refuse_varying_state(method)
        method.program = rewrite_embeddings(method)
        method.program = rewrite_weights(method)
        method.program = rewrite_nonzero(method)
        method.program = rewrite_other_kernels(method)
        method.program = rewrite_attention(method)
        method.program = rewrite_prelu(method)
        if options.recipe in _FLOAT:
            method.program = rewrite_borders(method)
            method.program = rewrite_norms(method)
            method.program = rewrite_single_pixels(method)
            method.program = rewrite_upsampling(method)
            method.program = rewrite_transposed(method)
        method.program = widen(method)
    if note := precision.note(methods):
        source.notes.append(note)
    methods, step, body = _with_optional_methods(methods, source, options, building, project, stages)
    if (options.evaluate.strip() or source.evaluation) and step.recipe.runs_here:
        stages.enter("validate", "evaluation")
        body |= _evaluation(methods[0], building, options, project, step, source)
    if names := body.get("own_kernels"):
        source.notes.append(
            f"The program runs in Godot ExecuTorch only: it calls {', '.join(names)}. For another ExecuTorch, import "
            "with kernels 'stock'."
        )
    if note := library_note(body, [path.name for path in library.of_game()]):
        source.notes.append(note)
    if note := slow_note(body):
        source.notes.append(note)
    if source.task is not None:
        body["task"] = source.task
    body["recipe"] = step.recipe.name
    if step.recipe.systems:
        body["systems"] = step.recipe.systems
    body["notes"] = list(dict.fromkeys(source.notes))
    counted = {key: sizes for method in methods for key, sizes in tensors[method.name].items()}
    body["parameters"] = {
        "count": sum(count for count, _ in counted.values()),
        "bytes": sum(size for _, size in counted.values()),
    }
    return body


def _with_optional_methods(
    methods: list[Method],
    source: Source,
    options: ImportOptions,
    building: Path,
    project: Path | None,
    stages: Stages,
) -> tuple[list[Method], Step, dict[str, Any]]:
    """The program with the methods that it may do without, when the first recipe works for them too; else without."""
    needed = [method for method in methods if not method.is_optional]
    if len(needed) < len(methods):
        before = list(source.notes)
        try:
            return methods, *_lowered_and_proved(methods, source, options, building, project, stages, most_steps=1)
        except ImporterError as error:
            if error.code in OF_EVERY_RECIPE:
                raise
            reason = f"It cannot be converted together with the others: {error.cause}"
            left_out = [left_out_note(method.name, reason) for method in methods if method.is_optional]
            source.notes[:] = before + left_out
    return needed, *_lowered_and_proved(needed, source, options, building, project, stages)


def _lowered_and_proved(
    methods: list[Method],
    source: Source,
    options: ImportOptions,
    building: Path,
    project: Path | None,
    stages: Stages,
    most_steps: int | None = None,
) -> tuple[Step, dict[str, Any]]:
    folder = _calibration_folder(options, project)
    real = {method.name: real_inputs(folder, source.calibration, method) for method in methods}
    is_static = options.recipe != "auto" and recipes.get(options.recipe).needs_calibration
    proof = Proof(methods, source, real, is_static)
    step, body = _first_that_works(methods, source, options, building, proof, stages, most_steps)
    source.notes += proof.notes()
    if is_static:
        body["calibration"] = _calibration(methods, source, real, proof)
    return step, body


def _first_that_works(
    methods: list[Method],
    source: Source,
    options: ImportOptions,
    building: Path,
    proof: Proof,
    stages: Stages,
    most_steps: int | None = None,
) -> tuple[Step, dict[str, Any]]:
    """Try the recipes in order; the notes say what was tried and why the next one was taken."""
    waiting = list(lower.steps(options, precision.is_quantized(methods)))[:most_steps]
    automatic = options.recipe == "auto"
    failed: ImporterError | None = None
    while waiting:
        step = waiting.pop(0)
        try:
            body = _made(methods, step, source, options, building, proof, stages)
        except ImporterError as error:
            if not automatic or most_steps == 1 or error.code in (*OF_EVERY_RECIPE, "CALIBRATION_EMPTY"):
                raise
            source.notes.append(f"AUTO: {step.title} did not work ({error.cause})")
            if failed is None and error.code == "LOWERING_FAILED":
                waiting[:0] = [Step(step.recipe, frozenset([name])) for name in lower.breakers(error, methods)]
            failed = failed or error
            continue
        if automatic:
            source.notes.append(f"AUTO chose {step.title}.")
        if options.slice_nanoseconds() and not step.recipe.systems:
            body = _sliced(methods, step, body, source, options, building, proof, stages)
        return step, body
    assert failed is not None
    if automatic and "recipe" in failed.remedy:  # AUTO tried them; any other remedy says what to do
        other = "write this part of the model with other operators."
        if failed.code == "ACCURACY_LOST":
            other = f"raise max_relative_error, or {other}"
        failed.remedy = f"AUTO tried XNNPACK and the portable kernels: {other}"
    raise failed


def _sliced(
    methods: list[Method],
    step: Step,
    body: dict[str, Any],
    source: Source,
    options: ImportOptions,
    building: Path,
    proof: Proof,
    stages: Stages,
) -> dict[str, Any]:
    """Cut the delegates into more pieces until no instruction takes longer than the option `slice`, in a few tries."""
    limit, pieces, is_as_before = options.slice_nanoseconds(), 1.0, False
    for _ in range(_MOST_SLICINGS):
        longest = proof.longest
        # Operators do not take what they are thought to cost: only fine pieces show that there is nothing to cut.
        is_fine = is_as_before and pieces * longest.nanoseconds > _FINE * longest.delegates
        if longest.nanoseconds <= limit or longest.label != DELEGATE_CALL or is_fine:
            break
        # Pieces divide the method, of which the longest delegate may be a small part.
        pieces = _SPARE * (longest.delegates / limit if pieces == 1.0 else pieces * longest.nanoseconds / limit)
        before = _count_delegates(body)
        body = _made(methods, replace(step, pieces=math.ceil(pieces)), source, options, building, proof, stages)
        is_as_before = _count_delegates(body) == before
    operator, taken, _ = proof.longest
    on = "1 thread" if proof.threads == 1 else f"{proof.threads} threads"
    found = f"the longest instruction takes {taken / 1e6:.2f} ms on {on}"
    if taken > limit:
        times = f"was cut {_MOST_SLICINGS} times, each time into more pieces, and no further"
        reason = "has an operator that cannot be cut" if is_as_before else times
        what = f"its delegate {reason}" if operator == DELEGATE_CALL else f"{operator} cannot be cut"
        found += f", over the {options.slice.strip()} ms of the option 'slice': {what}"
    source.notes.append(f"{SLICES}{found}.")
    return body


def _count_delegates(body: dict[str, Any]) -> int:
    return sum(len(method["delegates"]) for method in body["methods"])


def _made(
    methods: list[Method],
    step: Step,
    source: Source,
    options: ImportOptions,
    building: Path,
    proof: Proof,
    stages: Stages,
) -> dict[str, Any]:
    """Lower with one step, write the program in place of what is in `building`, and prove it."""
    stages.enter("lower", step.title)
    lowered = lower.lower(methods, step, options, source.constant_methods, proof.calibration)
    stages.enter("write")
    for old in building.iterdir():
        old.unlink()
    lowered.write(building)
    stages.enter("validate")
    return proof.check(building, options, step, lowered)


def _step_by_step(source: Source, options: ImportOptions) -> None:
    if options.recurrent != "step":
        return
    for method in source.methods:
        if method.module is None or isinstance(method.module, torch.jit.ScriptModule):
            cause = "The option recurrent 'step' needs the model's layers, but this file holds a finished graph."
            remedy = "Use 'scan', or import the state dict with a factory."
            raise ImporterError("RECURRENT_STEP_NOT_POSSIBLE", cause, remedy, "export")
        names = rewrite_to_steps(method.module)
        if names:
            source.notes.append(f"One step with each call; the state of {', '.join(names)} is kept in buffers.")


def _recurrent_form(options: ImportOptions) -> str:
    """The option `recurrent`, but for what our kernels cannot do here: they compute in float32."""
    cannot = not lower.may_use_kernels(options) or options.recipe == "xnnpack_fp16"
    return "scan" if options.recurrent == "kernel" and cannot else options.recurrent


def _rewrite_recurrent(methods: list[Method], source: Source, recurrent: str) -> None:
    if recurrent not in ("kernel", "scan"):
        return
    for method in methods:
        method.program, rewritten = rewrite_recurrent(method, recurrent == "kernel")
        source.notes += [note for note in [rewritten.note(method.name)] if note]


def _calibration(
    methods: list[Method], source: Source, real: dict[str, list[Arguments]], proof: Proof
) -> dict[str, Any]:
    """What the program was calibrated with, for the metadata; `made_up`: with inputs that no person gave."""
    made_up = [method.name for method in methods if not real[method.name]]
    if made_up:
        source.notes.append(
            "Not calibrated: the ranges of its int8 values are those of made-up inputs, so real ones may be far off. "
            "Give real inputs in the option 'calibration'."
        )
    counts = {method.name: len(proof.calibration(method)) if real[method.name] else 0 for method in methods}
    spared = {name: len(given) - counts[name] for name, given in real.items() if given}
    for name, given in real.items():
        if given and not spared[name]:
            source.notes.append(
                f"Judged by the calibration data itself, as there are only {len(given)} calls of it; give at least 4."
            )
    return {"made_up": bool(made_up), "samples": sum(counts.values()), "held_out": sum(spared.values())}


def _evaluation(
    method: Method, building: Path, options: ImportOptions, project: Path | None, step: Step, source: Source
) -> dict[str, Any]:
    """The metadata's `evaluation`, and of int8 `layers`."""
    if text := options.evaluate.strip():
        data = labelled.read(resolve(text, project, "evaluate"), method.inputs, method.outputs)
    else:
        data = labelled.of_batches(source.evaluation() if source.evaluation else (), method.inputs, method.outputs)
    source.notes += [text for text in [labelled.note(data)] if text]
    place = partial(resolve, project=project, option="metric")
    found = evaluation.evaluate(method, building, data, options.metric.strip(), place, options.deadline_seconds)
    numbers = [item for item in data if not item.has_nan]
    if step.recipe.scheme is None or options.kept_in_float() or not numbers:
        return {"evaluation": found}
    calls = real_inputs(_calibration_folder(options, project), source.calibration, method) or [method.example]
    try:
        return {"evaluation": found, "layers": layer_errors(method, calls, options, step.recipe.scheme, numbers)}
    except Exception as error:  # it does not concern the program, which is proved
        source.notes.append(
            f"The errors of single layers were not measured: {type(error).__name__}: {str(error)[:200]}"
        )
        return {"evaluation": found}


def _calibration_folder(options: ImportOptions, project: Path | None) -> Path | None:
    text = options.calibration.strip()
    return resolve(text, project, "calibration") if text else None


def _tensors(program: ExportedProgram) -> dict[int, tuple[int, int]]:
    """The number of values and of bytes of each storage."""
    values = [*program.state_dict.values(), *program.constants.values()]
    return {
        value.data_ptr() or id(value): (value.numel(), value.numel() * value.element_size())
        for value in values
        if isinstance(value, torch.Tensor)
    }
