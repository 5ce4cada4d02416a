"""Compares a written program with eager PyTorch on the same inputs. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from importer.cache.entry import PAYLOAD
from importer.errors import ImporterError, broken_package
from importer.exporting.state import restore, snapshot
from importer.inputs import samples
from importer.lowering import lower, precision
from importer.lowering.lower import Step
from importer.model import Arguments, Method, Source
from importer.options import ImportOptions
from importer.program import metadata as describe
from importer.program.delegation import names_of
from importer.program.etdump import Longest
from importer.program.program import Program, read_program
from importer.proof import accuracy_error
from importer.proof.accuracy import Accuracy, Limits, share_of_numbers
from importer.proof.child_main import median_microseconds
from importer.proof.child_runner import Call, run_program
from importer.proof.index_outputs import index_outputs

_LOGARITHMS = ("aten.log.", "aten.log2.", "aten.log10.")
_QUIET_TIMES = 10  # on almost nothing fp16 may be further off by this factor


@dataclass(frozen=True)
class _Asked:
    """A call and the results of eager PyTorch. load: in which load of the program it is made. judged: it must be right;
    of others only a note is made. only_finite: its results must be numbers, near or not."""

    method: Method
    arguments: Arguments
    expected: list[torch.Tensor]
    load: int
    judged: bool
    only_finite: bool = False


class Proof:
    """The results of eager PyTorch for the samples, computed before a recipe changes the model.

    A program that is calibrated with real inputs is judged by some that were held out of the calibration; single
    values of them in any order are noise, of which a note is made.
    """

    def __init__(
        self, methods: list[Method], source: Source, real: dict[str, list[Arguments]], is_static: bool
    ) -> None:
        self.methods = methods
        self.asked: list[_Asked] = []
        self.eager_microseconds: dict[str, float] = {}
        self._calibration: dict[str, list[Arguments]] = {}
        self._notes: list[str] = []
        self.longest = Longest()
        """The longest instruction of the last program that was checked."""
        self.threads = 0
        """How many threads computed it."""
        self._refused: dict[str, str] = {}
        for method in methods:
            given = real[method.name]
            self._calibration[method.name], kept = samples.held_out(given) if is_static else (given, given)
            first = samples.samples(method, source.notes, kept)
            if is_static and given:
                first = [*map(samples.Sample, kept), *[sample for sample in first if sample.noise][:1]]
            taken, finite = self._ask_all(method, first, 0, judge_noise=not is_static)
            self._ask_all(method, samples.growing(method, kept), 1, judge_noise=True)
            self._calibration[method.name] = self._calibration[method.name] or finite
            if method.name in self._refused:
                source.notes.append(_refused_note(method, self._refused[method.name]))
            if names := samples.constant_inputs(method, taken):
                source.notes.append(_constant_note(method, names))

    def calibration(self, method: Method) -> list[Arguments]:
        """The calibration inputs of a static recipe: real ones without those that judge it, or else made-up ones."""
        return self._calibration[method.name]

    def check(self, building: Path, options: ImportOptions, step: Step, lowered: lower.Lowered) -> dict[str, Any]:
        """Run the written program in a child and compare. Raises ACCURACY_LOST with the worst output and, of a
        quantized program, the layers that lose most, and NOTHING_COMPARED. The notes describe what was not judged."""
        program = read_program(building / PAYLOAD)
        if not step.recipe.runs_here:
            return self._unchecked(program, step, lowered)
        calls = [Call(item.method.name, samples.inputs_of(item.arguments), load=item.load) for item in self.asked]
        result = run_program(building / PAYLOAD, program, calls, deadline=options.deadline_seconds)
        indices = {
            self._output_name(method, method.outputs[number].name)
            for method in self.methods
            for number in index_outputs(method.program)
        }
        accuracy, noise, quiet = (Accuracy(indices=indices) for _ in range(3))
        for index, (item, got) in enumerate(zip(self.asked, result.outputs, strict=True)):
            names = [self._output_name(item.method, spec.name) for spec in item.method.outputs]
            if item.only_finite:
                quiet.add(index, names, item.expected, got)
                got = [_near(left, right) for left, right in zip(item.expected, got, strict=False)]
            kept = accuracy if item.judged else noise
            kept.batches |= {value.shape[0] for value in samples.inputs_of(item.arguments) if value.dim() > 0}
            kept.add(index, names, item.expected, got)
        limits = self._limits(options, step)
        accuracy.judge(limits)
        if name := accuracy.nothing_compared():
            raise accuracy_error.nothing_compared(accuracy, name, self.methods)
        if not accuracy.within(limits):
            asked = [(item.method, item.arguments) for item in self.asked]
            raise accuracy_error.lost(accuracy, asked, limits, step, lowered.prepared, self.calibration)
        # fp32 differs there in the last bits, which a model may enlarge; fp16 has no such numbers at all.
        if step.recipe.name == "xnnpack_fp16" and not quiet.judge(limits).within(_loosened(limits)):
            raise accuracy_error.lost_when_quiet(quiet, step, self.methods[0])
        inputs = {method.name: method.inputs for method in self.methods}
        outputs = {method.name: method.outputs for method in self.methods}
        first = self.methods[0].name
        self._notes = _notes(accuracy, noise.judge(limits), limits, accuracy_error.reference(self.methods[0]))
        self.threads = result.threads
        self.longest = max(result.longest.values(), key=lambda found: found.nanoseconds, default=Longest())
        return {
            **describe.of_program(program, inputs, outputs, result.nanoseconds, lowered.names),
            "accuracy": {**accuracy.metadata(limits), "samples": self._count_samples(), **self._reference()},
            "timings": {
                "eager_us": round(self.eager_microseconds[first], 2),
                "executorch_us": round(result.microseconds.get(first, 0.0), 2),
            },
        }

    def _unchecked(self, program: Program, step: Step, lowered: lower.Lowered) -> dict[str, Any]:
        """What is known of a program that no ExecuTorch of this machine can run."""
        inputs = {method.name: method.inputs for method in self.methods}
        outputs = {method.name: method.outputs for method in self.methods}
        self._notes = [
            f"Not compared, measured or evaluated: {step.recipe.name} runs on {names_of(step.recipe.systems)} only."
        ]
        eager = self.eager_microseconds[self.methods[0].name]
        return {
            **describe.of_program(program, inputs, outputs, None, lowered.names),
            "timings": {"eager_us": round(eager, 2)},
        }

    def notes(self) -> list[str]:
        """The notes of the last check that succeeded."""
        return self._notes

    def _ask_all(
        self, method: Method, inputs: list[samples.Sample], load: int, judge_noise: bool
    ) -> tuple[list[Arguments], list[Arguments]]:
        """Runs calls in eager PyTorch from the model's first state on. Returns the arguments that were accepted, and
        those of them whose results are numbers, if there are any."""
        saved = snapshot(method)
        taken: list[Arguments] = []
        finite: list[Arguments] = []
        try:
            with torch.no_grad():
                limited = False
                for sample in inputs:
                    chosen, expected = self._accepted(method, sample)
                    limited = limited or chosen is not sample
                    self.asked.append(_Asked(method, chosen.arguments, expected, load, judge_noise or not chosen.noise))
                    taken.append(chosen.arguments)
                    if _share_of_numbers(expected) == 1:
                        finite.append(chosen.arguments)
                if load == 0 and (limited or _takes_logarithms(method)):
                    self._ask_quietly(method, samples.quiet(inputs[-1]), load)
                if load == 0 and taken:
                    self.eager_microseconds[method.name] = _eager_time(
                        partial(self._call, method, samples.copied(taken[0]))
                    )
        finally:
            # The calls must not be seen in the program's first state.
            restore(method, saved)
        return taken, finite or taken

    def _accepted(self, method: Method, sample: samples.Sample) -> tuple[samples.Sample, list[torch.Tensor]]:
        """A sample and eager's results; made-up values give way to others when the results are not numbers."""
        saved = snapshot(method)
        try:
            expected = self._answer(method, sample)
        except ImporterError:
            if not sample.made_up:
                raise
            restore(method, saved)
            sample, expected = self._acceptable(method, sample, saved)
        best = sample
        share = _share_of_numbers(expected)
        state = snapshot(method)
        for other in samples.accepted(sample) if sample.made_up and share < 1 else ():
            restore(method, saved)
            answer = self._answer(method, other)
            if _share_of_numbers(answer) > share:
                best, expected, share, state = other, answer, _share_of_numbers(answer), snapshot(method)
        restore(method, state)
        return best, expected

    def _acceptable(
        self, method: Method, sample: samples.Sample, saved: dict[str, torch.Tensor]
    ) -> tuple[samples.Sample, list[torch.Tensor]]:
        """In place of made-up values that the model refuses, others and eager's results; in the end the example's."""
        refused: ImporterError | None = None
        for other in samples.others(method, sample):
            try:
                expected = self._answer(method, other)
            except ImporterError as error:
                refused = error
                restore(method, saved)
                continue
            if refused is not None:  # the first ones only have the example's integers, which any index may need
                self._refused.setdefault(method.name, refused.cause)
            return other, expected
        assert refused is not None
        raise refused

    def _ask_quietly(self, method: Method, sample: samples.Sample, load: int) -> None:
        """Also runs a model of positive numbers on very small ones, if eager has a result. The last bits of the
        program's result may differ, but it must be a number."""
        saved = snapshot(method)
        try:
            expected = self._answer(method, sample)
        except ImporterError:  # such as an index that no table has
            restore(method, saved)
            return
        if _share_of_numbers(expected) == 1.0:
            self.asked.append(_Asked(method, sample.arguments, expected, load, judged=True, only_finite=True))
        else:
            restore(method, saved)

    def _answer(self, method: Method, sample: samples.Sample) -> list[torch.Tensor]:
        outputs = samples.flatten_outputs(self._call(method, samples.copied(sample.arguments)))
        if method.values is not None:
            positional, keyword = samples.copied(sample.arguments)
            outputs = [*outputs, *method.values(*positional, **keyword)]
        return [value.detach().clone() for value in outputs]

    def _call(self, method: Method, arguments: Arguments) -> Any:
        try:
            return method.eager(*arguments[0], **arguments[1])
        except Exception as error:
            if broken := broken_package(error, "validate"):
                raise broken from error
            shapes = [list(value.shape) for value in samples.inputs_of(arguments)]
            cause = f"The model itself fails on inputs of {shapes}: {type(error).__name__}: {str(error)[:300]}"
            remedy = "The declared ranges may be too wide, or the example inputs wrong."
            raise ImporterError("MODEL_FAILS", cause, remedy, "export") from error

    def _limits(self, options: ImportOptions, step: Step) -> Limits:
        relative = options.tolerance("max_relative_error", precision.tolerance(self.methods, step.recipe))
        absolute = options.tolerance("max_absolute_error", 0.0) if options.max_absolute_error.strip() else None
        differing = options.tolerance("max_relative_error", step.recipe.differing)
        return Limits(relative, absolute, max(differing, step.recipe.differing))

    def _output_name(self, method: Method, name: str) -> str:
        return name if len(self.methods) == 1 else f"{method.name}.{name}"

    def _reference(self) -> dict[str, str]:
        """The reference of the comparison, if it is not the model in eager PyTorch."""
        names = list(dict.fromkeys(method.reference for method in self.methods if method.reference))
        return {"reference": ", ".join(names)} if names else {}

    def _count_samples(self) -> int:
        return sum(item.judged and item.load == 0 and not item.only_finite for item in self.asked)


def _loosened(limits: Limits) -> Limits:
    return Limits(_QUIET_TIMES * limits.relative, None, _QUIET_TIMES * limits.differing)


def _takes_logarithms(method: Method) -> bool:
    """Whether values near 0 matter, also to a model whose example is positive."""
    return any(str(node.target).startswith(_LOGARITHMS) for node in method.program.graph.nodes)


def _share_of_numbers(outputs: list[torch.Tensor]) -> float:
    """The smallest share of an output's values that are numbers."""
    floats = [value for value in outputs if value.is_floating_point() and value.numel()]
    return min((share_of_numbers([value]) for value in floats), default=1.0)


def _near(expected: torch.Tensor, got: torch.Tensor) -> torch.Tensor:
    """The program's result with eager's values where both are finite."""
    if expected.shape != got.shape:
        return got
    return torch.where(expected.isfinite() & got.isfinite(), expected, got)


def _refused_note(method: Method, cause: str) -> str:
    return (
        f"'{method.name}' was compared on few values: small or positive ones, or the example's, because made-up inputs "
        f"are refused. {cause} Give example_inputs() or calibration data."
    )


def _constant_note(method: Method, names: list[str]) -> str:
    return (
        f"All samples of '{method.name}' have one and the same value of {', '.join(names)}: nothing was compared on "
        "others. Give example_inputs() or calibration data."
    )


def _notes(accuracy: Accuracy, noise: Accuracy, limits: Limits, judge: str) -> list[str]:
    notes = []
    if accuracy.compared < 1.0:
        share = f"{1 - accuracy.compared:.0%}"
        notes.append(f"Not compared: {share} of the values of '{accuracy.least_compared}' are NaN in {judge}.")
    if accuracy.faint:
        notes.append(accuracy.faint)
    if not noise.within(limits):
        notes.append(
            f"On noise, which is unlike the calibration data, '{noise.worst_channel}' is off by relative "
            f"{noise.max_relative:.2g}; the program was judged by calibration data that was held out."
        )
    return notes


def _eager_time(call: Callable[[], Any]) -> float:
    """Microseconds of a call with one thread: torch's pool would measure what else the machine does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return median_microseconds(call)
    finally:
        torch.set_num_threads(threads)
