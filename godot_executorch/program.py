"""A converted program, run with ExecuTorch's own runtime in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from godot_executorch import limits, trial
from godot_executorch.artifact import Artifact, TensorMetadata, tensor
from importer.cache.cache_key import external_file
from importer.errors import ImporterError, broken_package
from importer.jobs import game_libraries
from importer.program.unchanged import unchanged


class Program:
    """A loaded `.pte`. State that the program keeps between calls is kept by this object.

    Not safe for calls from several threads at once.
    """

    def __init__(self, program: str | Path | Artifact, *, deadline_seconds: float = 300) -> None:
        """Load a program. A file is read and run once in a confined process first, for at most `deadline_seconds`.

        Raises ConversionError: FILE_NOT_READABLE, PTE_INVALID, EXTERNAL_WEIGHTS_MISSING, PROGRAM_FAILED,
        PROGRAM_CRASHED, OPERATOR_MISSING, FILE_CHANGED.
        """
        deadline_seconds = limits.seconds(deadline_seconds, 300)
        self.path = Path(program.path if isinstance(program, Artifact) else program).absolute()
        if not self.path.is_file():
            raise ImporterError("FILE_NOT_READABLE", f"There is no file {self.path}.", "Give the path of a .pte file.")
        with unchanged([self.path]):
            self._open(program, deadline_seconds)
        self._methods: dict[str, Any] = {}

    def _open(self, program: str | Path | Artifact, deadline_seconds: float) -> None:
        if isinstance(program, Artifact):  # its proof has run it
            methods = program.metadata.as_dict["methods"]
        else:
            methods = trial.describe(self.path, deadline_seconds)["methods"]
        self.inputs: dict[str, tuple[TensorMetadata, ...]] = _tensors(methods, "inputs")
        self.outputs: dict[str, tuple[TensorMetadata, ...]] = _tensors(methods, "outputs")
        if not self.inputs:
            cause = f"{self.path.name} has no method that runs."
            raise ImporterError("PTE_INVALID", cause, "Convert the model again.")
        try:
            self._program = _load(self.path)
        except (ImportError, OSError, RuntimeError) as error:
            if broken := broken_package(error):
                raise broken from error
            cause = f"ExecuTorch refused {self.path.name}: {str(error).splitlines()[0][:300]}"
            raise ImporterError("PROGRAM_FAILED", cause, "Convert the model again.") from error

    def __call__(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Run `forward`, or the only method; see `run`."""
        return self.run("forward" if "forward" in self.inputs else next(iter(self.inputs)), *arguments, **named)

    def run(self, method: str, *arguments: Any, **named: Any) -> dict[str, Any]:
        """The outputs of a method by their names.

        Inputs are arrays or tensors, by position or by name; numbers and lists are converted to the input's dtype.
        Outputs are torch tensors when an input is one, else arrays. Raises ConversionError: METHOD_NOT_IN_PROGRAM,
        INPUTS_MISMATCH, PROGRAM_FAILED.
        """
        if method not in self.inputs:
            remedy = f"There are: {', '.join(self.inputs)}."
            raise ImporterError("METHOD_NOT_IN_PROGRAM", f"The program has no method '{method}'.", remedy)
        specs = self.inputs[method]
        values = _in_order(specs, arguments, named)
        given = [_as_tensor(value, spec) for value, spec in zip(values, specs, strict=True)]
        try:
            if method not in self._methods:
                self._methods[method] = self._program.load_method(method)
            results = self._methods[method].call(given)
        except RuntimeError as error:
            cause = f"ExecuTorch refused the call of '{method}': {str(error).splitlines()[0][:300]}"
            raise ImporterError("PROGRAM_FAILED", cause, "Check the inputs' values against the model.") from error
        as_torch = any(isinstance(value, torch.Tensor) for value in values)
        tensors = [value.clone() for value in results if isinstance(value, torch.Tensor)]  # they lie in its memory
        names = [spec.name or f"output_{index}" for index, spec in enumerate(self.outputs[method])]
        return {name: value if as_torch else value.numpy() for name, value in zip(names, tensors, strict=False)}


def load_library(path: str | Path) -> None:
    """Register the operators of a kernel library for conversions and programs of this process from now on.

    The game must ship the library and name it in its project setting `executorch/runtime/libraries`. Raises
    ConversionError: OPTION_INVALID when there is no such file.
    """
    game_libraries.use([path])


def _load(path: Path) -> Any:
    from importer.kernels import library, runtime
    from importer.proof.child_main import shipped_operators

    native = runtime.native()
    library.load_all()
    shipped_operators()  # registers the quantized kernels
    external = external_file(path)
    further = {"data_path": str(external)} if external else {}
    return native._load_program(
        str(path), enable_etdump=False, program_verification=native.Verification.InternalConsistency, **further
    )


def _tensors(methods: list[Mapping[str, Any]], side: str) -> dict[str, tuple[TensorMetadata, ...]]:
    return {str(method["name"]): tuple(tensor(item) for item in method[side]) for method in methods}


def _in_order(specs: tuple[TensorMetadata, ...], arguments: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
    names = [spec.name or f"input_{index}" for index, spec in enumerate(specs)]
    if len(arguments) == 1 and isinstance(arguments[0], Mapping):
        cause = f"A dictionary was given by position; the inputs are {', '.join(names)}."
        raise ImporterError("INPUTS_MISMATCH", cause, "Give its values as keywords: program(**inputs).")
    values = dict(zip(names, arguments, strict=False))
    twice, unknown = [name for name in named if name in values], [name for name in named if name not in names]
    values |= named
    missing = [name for name in names if name not in values]
    if len(arguments) > len(names) or twice or unknown or missing:
        wrong = (
            f"{len(arguments)} were given by position" if len(arguments) > len(names)
            else f"given twice: {', '.join(twice)}" if twice
            else f"unknown: {', '.join(unknown)}" if unknown
            else f"missing: {', '.join(missing)}"
        )  # fmt: skip
        raise ImporterError("INPUTS_MISMATCH", f"The inputs are {', '.join(names)}; {wrong}.", "Give each input once.")
    return [values[name] for name in names]


def _as_tensor(value: Any, spec: TensorMetadata) -> torch.Tensor:
    dtype: torch.dtype = getattr(torch, spec.dtype)
    remedy = f"Give '{spec.name}' as {spec.dtype} of the shape {_shape(spec)}."
    try:
        given = value if isinstance(value, torch.Tensor) else torch.from_numpy(np.asarray(value, order="C"))
    except (TypeError, ValueError) as error:
        raise ImporterError("INPUTS_MISMATCH", f"'{spec.name}' is not an array: {error}", remedy) from error
    if given.is_floating_point() and not dtype.is_floating_point:
        cause = f"'{spec.name}' has floats ({str(given.dtype).removeprefix('torch.')}), but the input is {spec.dtype}."
        raise ImporterError("INPUTS_MISMATCH", cause, remedy)
    given = given.detach().cpu().to(dtype).contiguous()
    fits = given.dim() == len(spec.ranges) and all(
        low <= size <= high for size, (low, high) in zip(given.shape, spec.ranges, strict=True)
    )
    if not fits:
        cause = f"'{spec.name}' has the shape {list(given.shape)}."
        raise ImporterError("INPUTS_MISMATCH", cause, remedy)
    return given


def _shape(spec: TensorMetadata) -> str:
    return "[" + ", ".join(str(low) if low == high else f"{low}..{high}" for low, high in spec.ranges) + "]"
