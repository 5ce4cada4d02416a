"""The recipes: how a program is quantized and lowered. A new backend is one entry here and one test.

An entry says what the program becomes (`prepare`), who may take parts of it (`partitioners`) and how far its results
may be from eager fp32. Importing this module imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from importer.errors import ImporterError
from importer.program.delegation import THIS_SYSTEM, systems_of


@dataclass(frozen=True)
class Scheme:
    """How PT2E quantizes to int8. per_channel: each channel of a weight has a scale. dynamic: activations are quantized
    as they come, else by ranges that are known before."""

    per_channel: bool
    dynamic: bool


@dataclass(frozen=True)
class Recipe:
    """relative: the largest error allowed, as a part of the output's largest value. differing: the share of an output's
    classes, masks or indices that may differ. backend: who runs it.

    prepare(method, calibration, options) -> program; None keeps the exported program. scheme: of int8, if it is that.
    keeps_numbers: `prepare` writes the same computation in another way.
    partitioners(without, pieces) -> the partitioners; `without` names XNNPACK configurations to leave out, and a
    delegate computes at most 1/`pieces` of a method.
    """

    name: str
    summary: str
    backend: str
    relative: float
    partitioners: Callable[[frozenset[str], int], list[Any]]
    prepare: Callable[..., Any] | None = None
    needs_calibration: bool = False
    preserve_linear: bool = False
    differing: float = 1e-3
    scheme: Scheme | None = None
    keeps_numbers: bool = False

    @property
    def systems(self) -> list[str]:
        """Godot's feature tags of the systems that the backend is for; none when it is for all."""
        return systems_of([self.backend])

    @property
    def runs_here(self) -> bool:
        """Whether this machine's ExecuTorch has the backend, so that a program can be proved and measured."""
        return not self.systems or THIS_SYSTEM in self.systems

    @property
    def changes_numbers(self) -> bool:
        return self.prepare is not None and not self.keeps_numbers


REGISTRY: dict[str, Recipe] = {}


def register(recipe: Recipe) -> Recipe:
    REGISTRY[recipe.name] = recipe
    return recipe


def get(name: str) -> Recipe:
    """A recipe by name. Raises RECIPE_UNKNOWN."""
    if name not in REGISTRY:
        remedy = f"There are: {', '.join(REGISTRY)}."
        raise ImporterError("RECIPE_UNKNOWN", f"There is no recipe '{name}'.", remedy, "lower")
    return REGISTRY[name]


def that_run_here() -> list[str]:
    """The recipes whose programs this machine can run, in their order."""
    return [recipe.name for recipe in REGISTRY.values() if recipe.runs_here]


def _none(_: frozenset[str], __: int) -> list[Any]:
    return []


def xnnpack_configurations() -> list[Any]:
    """What XNNPACK may take, an operator each. Imports torch."""
    from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS

    from importer.lowering.elu import PlainEluConfig
    from importer.lowering.products import PlainAddmmConfig, PlainMMConfig

    own = [PlainEluConfig, PlainAddmmConfig, PlainMMConfig]
    return [config for config in ALL_PARTITIONER_CONFIGS if not any(issubclass(ours, config) for ours in own)] + own


def _xnnpack(without: frozenset[str], pieces: int) -> list[Any]:
    from importer.lowering.partitioners import SlicingPartitioner, StatePartitioner

    configs = [config for config in xnnpack_configurations() if config.__name__ not in without]
    return [SlicingPartitioner(pieces, configs=configs) if pieces > 1 else StatePartitioner(configs=configs)]


def _xnnpack_dynamic(without: frozenset[str], pieces: int) -> list[Any]:
    """Dynamically quantized layers one by one, as XNNPACK needs them; then everything else."""
    from importer.lowering.partitioners import DynamicLayersPartitioner

    others = _xnnpack(without, pieces)
    return [DynamicLayersPartitioner(others, xnnpack_configurations()), *others]


def _coreml(_: frozenset[str], __: int) -> list[Any]:
    from importer.lowering.apple import coreml

    return [coreml()]


def _mlx(_: frozenset[str], __: int) -> list[Any]:
    from importer.lowering.apple import mlx

    return [mlx()]


def _half(*arguments: Any) -> Any:
    from importer.lowering.quantize import to_half

    return to_half(*arguments)


def _pt2e(*arguments: Any, scheme: Scheme) -> Any:
    from importer.lowering.quantize import pt2e

    return pt2e(*arguments, scheme=scheme)


def _int8(name: str, summary: str, relative: float, scheme: Scheme) -> Recipe:
    partitioners = _xnnpack_dynamic if scheme.dynamic else _xnnpack
    return Recipe(
        name,
        summary,
        "XnnpackBackend",
        relative,
        partitioners,
        partial(_pt2e, scheme=scheme),
        needs_calibration=not scheme.dynamic,
        differing=0.1,
        scheme=scheme,
    )


def _int4(*arguments: Any) -> Any:
    from importer.lowering.quantize import int4_weights

    return int4_weights(*arguments)


def _plain_affine(*arguments: Any, keep_layers: bool) -> Any:
    from importer.exporting.rewrites.affine import plain

    return plain(*arguments, keep_layers=keep_layers)


_STEPS_OFF = 6  # of 255: kernels round at other places than PyTorch's quantize and dequantize
AS_QUANTIZED = Recipe(
    "as_quantized",
    "a program that was quantized before",
    "XnnpackBackend",
    _STEPS_OFF * 2 / 255,
    _xnnpack_dynamic,
    partial(_plain_affine, keep_layers=True),
    differing=0.1,
    keeps_numbers=True,
)
AS_QUANTIZED_PORTABLE = Recipe(
    "as_quantized",
    "the same on ExecuTorch's own kernels",
    "",
    _STEPS_OFF * 2 / 255,
    _none,
    partial(_plain_affine, keep_layers=False),
    preserve_linear=True,
    differing=0.1,
    keeps_numbers=True,
)
register(Recipe("portable", "ExecuTorch's own kernels", "", 1e-3, _none, preserve_linear=True))
register(Recipe("xnnpack_fp32", "XNNPACK in fp32", "XnnpackBackend", 1e-3, _xnnpack))
register(Recipe("xnnpack_fp16", "XNNPACK with fp16 weights", "XnnpackBackend", 2e-2, _xnnpack, _half, differing=2e-2))
register(_int8("xnnpack_int8_dynamic", "int8 weights, activations quantized as they come", 0.1, Scheme(True, True)))
register(_int8("xnnpack_int8_static", "int8, calibrated, a scale for each channel", 0.2, Scheme(True, False)))
register(
    _int8("xnnpack_int8_static_per_tensor", "int8, calibrated, a scale for each tensor", 0.2, Scheme(False, False))
)
register(
    Recipe("xnnpack_int8_int4", "int8 activations, 4-bit weights of linear layers", "XnnpackBackend", 0.4,
           _xnnpack, _int4, differing=0.2)
)  # fmt: skip
register(
    Recipe("coreml_fp16", "Core ML in fp16: GPU and Neural Engine of Apple's systems", "CoreMLBackend", 2e-2, _coreml,
           differing=2e-2)
)  # fmt: skip
register(Recipe("mlx", "MLX: the GPU of a Mac with Apple silicon", "MLXBackend", 2e-2, _mlx, differing=2e-2))
