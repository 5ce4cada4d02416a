"""From a source file to a proved program in a folder. Importing this module imports torch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from importer import describe_accuracy, lower, precision, samples
from importer import metadata as describe
from importer.accuracy import Accuracy
from importer.cache import PAYLOAD
from importer.calibration import real_inputs
from importer.delegation import slow_note
from importer.errors import ImporterError
from importer.export import export, restore, snapshot
from importer.load import load
from importer.lower import Step
from importer.model import Arguments, Method, Source
from importer.options import ImportOptions
from importer.paths import resolve
from importer.progress import Stages
from importer.pte import read_program
from importer.quantize import widen
from importer.recurrent import refuse_varying_state, rewrite_to_scan, rewrite_to_steps
from importer.runner import median_microseconds
from importer.sniff import Sniffed
from importer.validate import Call, run_program


def convert_source(
    path: Path,
    sniffed: Sniffed,
    building: Path,
    project: Path | None,
    options: ImportOptions,
    allow_pickle: bool,
    stages: Stages,
) -> dict[str, Any]:
    """Write model.pte (and model.ptd) into `building`; returns what the metadata says of it. With a factory, inside of
    its `neighbours`: its functions may import them until the end."""
    # torch and its parts warn of their own business, at length.
    warnings.filterwarnings("ignore")
    logging.getLogger("torch").setLevel(logging.ERROR)
    source = load(path, sniffed, options, project, allow_pickle)
    stages.enter("export")
    _step_by_step(source, options)
    methods = export(source, scan=options.recurrent == "scan")
    _scan_recurrent(methods, source, options)
    for method in methods:
        refuse_varying_state(method)
        method.program = widen(method)
    if told := precision.note(methods):
        source.notes.append(told)
    folder = resolve(options.calibration.strip(), project, "calibration") if options.calibration.strip() else None
    real = {method.name: real_inputs(folder, source.calibration, method) for method in methods}
    proof = Proof(methods, source, real)

    def calibration(method: Method) -> list[Arguments]:
        if not real[method.name]:
            source.notes.append("Calibrated with random inputs: give real ones in the option 'calibration'.")
        return real[method.name] or samples.samples(method, [])

    step, body = _down_the_ladder(methods, source, options, calibration, building, proof, stages)
    if told := slow_note(body):
        source.notes.append(told)
    tensors = _parameters(methods)
    body["recipe"] = step.recipe.name
    body["notes"] = list(dict.fromkeys(source.notes))
    body["parameters"] = {
        "count": sum(value.numel() for value in tensors),
        "bytes": sum(value.numel() * value.element_size() for value in tensors),
    }
    return body


class Proof:
    """What eager says to the samples, kept from before any recipe touches the model."""

    def __init__(self, methods: list[Method], source: Source, real: dict[str, list[Arguments]]) -> None:
        self.methods = methods
        self.calls: list[tuple[Method, Arguments]] = []
        self.loads: list[int] = []  # of each call: in which load of the program
        self.expected: list[list[torch.Tensor]] = []
        self.eager_microseconds: dict[str, float] = {}
        for method in methods:
            first = samples.samples(method, source.notes, real[method.name])
            for number, inputs in enumerate((first, samples.growing(method, real[method.name]))):
                self._ask_eager(method, inputs, number)
        self.inputs = self.loads.count(0)

    def _ask_eager(self, method: Method, inputs: list[Arguments], number: int) -> None:
        """What eager says to calls that begin with the model's first state."""
        saved = snapshot(method)
        try:
            with torch.no_grad():
                for arguments in inputs:
                    self.calls.append((method, arguments))
                    self.loads.append(number)
                    outputs = samples.flatten_outputs(self._call(method, arguments))
                    self.expected.append([value.detach().clone() for value in outputs])
                if number == 0:
                    self.eager_microseconds[method.name] = _eager_time(partial(self._call, method, method.example))
        finally:
            # The calls must not be seen in the program's first state.
            restore(method, saved)

    def check(self, building: Path, options: ImportOptions, step: Step, lowered: lower.Lowered) -> dict[str, Any]:
        """Run the written program in a child and compare. Raises ACCURACY_LOST with the worst output and, of a
        quantized program, the layers that lose most."""
        program = read_program(building / PAYLOAD)
        calls = [
            Call(method.name, samples.inputs_of(arguments), load=number)
            for (method, arguments), number in zip(self.calls, self.loads, strict=True)
        ]
        result = run_program(building / PAYLOAD, program, calls, deadline=options.deadline_seconds)
        accuracy = Accuracy()
        for index, ((method, _), expected, got) in enumerate(
            zip(self.calls, self.expected, result.outputs, strict=True)
        ):
            accuracy.add(index, [spec.name for spec in method.outputs], expected, got)
        relative = options.tolerance("max_relative_error", precision.tolerance(self.methods, step.recipe))
        absolute = options.tolerance("max_absolute_error", 0.0) if options.max_absolute_error.strip() else None
        if not accuracy.within(absolute, relative):
            raise describe_accuracy.lost(accuracy, self.calls, absolute, relative, step.title, lowered.prepared)
        inputs = {method.name: method.inputs for method in self.methods}
        outputs = {method.name: method.outputs for method in self.methods}
        first = self.methods[0].name
        return {
            **describe.of_program(program, inputs, outputs, result.nanoseconds),
            "accuracy": {**accuracy.metadata(absolute, relative), "samples": self.inputs},
            "timings": {
                "eager_us": round(self.eager_microseconds[first], 2),
                "executorch_us": round(result.microseconds.get(first, 0.0), 2),
            },
        }

    def _call(self, method: Method, arguments: Arguments) -> Any:
        try:
            return method.eager(*arguments[0], **arguments[1])
        except Exception as error:
            shapes = [list(value.shape) for value in samples.inputs_of(arguments)]
            cause = f"The model itself fails on inputs of {shapes}: {type(error).__name__}: {str(error)[:300]}"
            remedy = "The declared ranges may be too wide, or the example inputs wrong."
            raise ImporterError("MODEL_FAILS", cause, remedy, "export") from error


def _down_the_ladder(
    methods: list[Method],
    source: Source,
    options: ImportOptions,
    calibration: Any,
    building: Path,
    proof: Proof,
    stages: Stages,
) -> tuple[Step, dict[str, Any]]:
    """Try the recipes in order; says in the notes what was tried and why the next one was taken."""
    waiting = list(lower.ladder(options))
    automatic = options.recipe == "auto"
    failed: ImporterError | None = None
    while waiting:
        step = waiting.pop(0)
        try:
            stages.enter("lower", step.title)
            lowered = lower.lower(methods, step, options, source.constant_methods, calibration)
            stages.enter("write")
            for old in building.iterdir():
                old.unlink()
            lowered.write(building)
            stages.enter("validate")
            body = proof.check(building, options, step, lowered)
        except ImporterError as error:
            if not automatic or error.code in ("DISK_FULL", "DEADLINE_EXCEEDED", "CALIBRATION_EMPTY"):
                raise
            source.notes.append(f"AUTO: {step.title} did not work ({error.cause})")
            if failed is None and error.code == "LOWERING_FAILED":
                waiting[:0] = [Step(step.recipe, frozenset([name])) for name in lower.breakers(error, methods)]
            failed = failed or error
            continue
        if automatic:
            source.notes.append(f"AUTO chose {step.title}.")
        return step, body
    assert failed is not None
    raise failed


def _eager_time(call: Callable[[], Any]) -> float:
    """Microseconds of a call with one thread: torch's pool would measure what else the machine does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return median_microseconds(call)
    finally:
        torch.set_num_threads(threads)


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


def _scan_recurrent(methods: list[Method], source: Source, options: ImportOptions) -> None:
    if options.recurrent != "scan":
        return
    for method in methods:
        method.program, count = rewrite_to_scan(method)
        if count:
            source.notes.append(f"Recurrent operators of '{method.name}' that run as a loop (scan): {count}.")


def _parameters(methods: list[Method]) -> list[torch.Tensor]:
    """The tensors of the original, each storage once."""
    found: dict[int, torch.Tensor] = {}
    for method in methods:
        for value in [*method.program.state_dict.values(), *method.program.constants.values()]:
            if isinstance(value, torch.Tensor):
                found[value.data_ptr() or id(value)] = value
    return list(found.values())
