"""Lowers exported methods with a recipe; lists the recipes that AUTO tries. Imports torch."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from importer.errors import ImporterError, broken_package
from importer.kernels import library
from importer.lowering import precision, recipes
from importer.lowering.recipes import Recipe
from importer.lowering.value_names import handle_names, value_names
from importer.model import Arguments, Method
from importer.options import ImportOptions

EXTERNAL_NAME = "model"
_MOST_TRIES = 5
_LARGE_BYTES = 64 << 20


@dataclass(frozen=True)
class Step:
    """One attempt: a recipe, the XNNPACK configurations that are left out, and in how many pieces delegates are cut."""

    recipe: Recipe
    without: frozenset[str] = frozenset()
    pieces: int = 1

    @property
    def title(self) -> str:
        on_kernels = " on portable kernels" if self.recipe is recipes.AS_QUANTIZED_PORTABLE else ""
        left_out = f"{on_kernels} without {', '.join(sorted(self.without))}" if self.without else on_kernels
        cut = f" in {self.pieces} pieces" if self.pieces > 1 else ""
        return f"{self.recipe.name}{left_out}{cut}"


@dataclass
class Lowered:
    """A program in memory, until it is written."""

    manager: Any
    external: bool = False
    prepared: dict[str, Any] = field(default_factory=dict)  # method -> its program as the recipe changed it
    names: dict[str, Any] = field(default_factory=dict)  # method -> value_names()

    def write(self, folder: Path) -> None:
        """Put model.pte, and model.ptd when there is one, into a folder. Frees the program, whose weights take the
        memory that the proof needs."""
        with (folder / "model.pte").open("wb") as file:
            self.manager.write_to_file(file)
        if self.external:
            self.manager.write_tensor_data_to_file(str(folder))
        size = sum(path.stat().st_size for path in folder.iterdir())
        self.manager = None
        if size < _LARGE_BYTES:
            return  # looking through all objects takes half a second
        from executorch.exir.backend.utils import is_same_node
        from torch._subclasses.fake_tensor import FakeTensorMode

        # Both remember nodes with their delegates, whose weights would stay; and graphs refer to themselves.
        is_same_node.cache_clear()
        FakeTensorMode.cache_clear()
        gc.collect()


def steps(options: ImportOptions, is_quantized: bool = False) -> Iterator[Step]:
    """The recipes to try, in order; when lowering fails, `breakers` names configurations to leave out.

    is_quantized: the program is quantized already, which the recipes that change no numbers keep.
    """
    if is_quantized and options.recipe in ("auto", "portable", "xnnpack_fp32"):
        if options.recipe != "portable":
            yield Step(recipes.AS_QUANTIZED)
        if options.recipe != "xnnpack_fp32":
            yield Step(recipes.AS_QUANTIZED_PORTABLE)
        return
    if options.recipe != "auto":
        yield Step(recipes.get(options.recipe))
        return
    yield Step(recipes.get("xnnpack_fp32"))
    yield Step(recipes.get("portable"))


def lower(
    methods: list[Method],
    step: Step,
    options: ImportOptions,
    constants: dict[str, Any],
    calibration: Callable[[Method], Iterable[Arguments]],
) -> Lowered:
    """Lower all methods into one program. Raises LOWERING_FAILED with the innermost reason."""
    recipe = step.recipe
    try:
        programs = {}
        prepared = {}
        for method in methods:
            program = method.program
            precision.check(method, recipe)
            if recipe.prepare:
                given = calibration(method) if recipe.needs_calibration else [method.example]
                program = prepared[method.name] = recipe.prepare(method, given, options)
            programs[method.name] = _tag_external(program) if options.external_weights else program
        with torch.no_grad():  # weights that could be trained must not stop a write to state
            lowered = _lower(methods, programs, step, options, constants)
        return replace(lowered, prepared=prepared)
    except ImporterError:
        raise
    except Exception as error:
        raise broken_package(error, "lower") or lowering_error(error, step) from error


def breakers(error: ImporterError, methods: list[Method]) -> list[str]:
    """XNNPACK configurations that may have broken the lowering, the most suspicious first."""
    targets = {
        str(node.target).removeprefix("aten.").partition(".")[0].strip("_")
        for method in methods
        for node in method.program.graph.nodes
        if node.op == "call_function"
    }
    present = []
    for config in recipes.xnnpack_configurations():
        name = str(getattr(config, "target_name", "")).partition(".")[0].strip("_")
        word = config.__name__.removesuffix("Config").lower()
        if name in targets or word in targets:
            present.append((config.__name__, word))
    text = (error.cause + error.log).lower()
    # PReLU is known to break the layout pass; then what the message names; then the rest.
    present.sort(key=lambda item: (item[0] != "PreluConfig", item[1] not in text))
    return [name for name, _ in present][:_MOST_TRIES]


def lowering_error(error: BaseException, step: Step) -> ImporterError:
    """Any exception of the lowering as an ImporterError; the innermost cause has the reason."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 20:
        chain.append(inner)
    texts = [f"{type(item).__name__}: {str(item).strip()}" for item in chain if str(item).strip()]
    log = traceback.format_exc()
    joined = "\n".join(texts)
    if "Missing out variants" in joined:
        names = joined.partition("Missing out variants")[2].splitlines()[0]
        cause = f"ExecuTorch has no kernel for some operators of the model: {names.strip(' :')}."
        remedy = "Write the model without these operators."
        if "_batch_norm_legit" in names:  # only training writes to the running statistics
            remedy = "It is in training mode: call model.eval() before torch.export.export."
        elif "quantized_decomposed" in names and step.recipe.scheme:
            remedy = "Choose another recipe, or name the layer that it cannot quantize in the option 'float_layers'."
        return ImporterError("OPERATOR_MISSING", cause, remedy, "lower", log)
    if "SpecViolationError" in joined or "not Core ATen" in joined or "is not an instance of" in joined:
        first = next((t for t in texts if "SpecViolation" in t or "Core ATen" in t), texts[0])
        cause = f"The model uses an operator or a mixture of dtypes that ExecuTorch does not accept: {_short(first)}"
        return ImporterError(
            "OPERATOR_NOT_SUPPORTED", cause, "Write this part of the model with other operators.", "lower", log
        )
    reason = _short(texts[-1] if texts else type(error).__name__)
    cause = f"ExecuTorch could not lower the model with {step.title}: {reason}"
    other = "Try the recipe 'portable'" if step.recipe.backend else "Write this part of the model with other operators"
    return ImporterError("LOWERING_FAILED", cause, f"{other}; the log has the details.", "lower", log)


def _lower(
    methods: list[Method], programs: dict[str, Any], step: Step, options: ImportOptions, constants: dict[str, Any]
) -> Lowered:
    from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower

    from importer.lowering.elu import name_alpha
    from importer.lowering.passes.constants import FoldConstants
    from importer.lowering.passes.equal_expands import remove_equal_expands
    from importer.lowering.passes.layer_norm import use_layer_norm_kernel
    from importer.lowering.passes.rows import use_row_kernels
    from importer.lowering.passes.views import use_views

    recipe = step.recipe
    # XNNPACK does not look into loops, so what is in them runs on ExecuTorch's kernels.
    keep = recipe.preserve_linear or any(has_scan(program) for program in programs.values())
    preserve = [torch.ops.aten.linear.default] if keep else []
    kernels = [use_row_kernels, use_layer_norm_kernel] if may_use_kernels(options) else []
    # What makes a graph fast on the processor hides layers from the backends of other devices.
    for_processor = [] if recipe.systems else [remove_equal_expands, use_views, name_alpha, *kernels]
    edge = to_edge_transform_and_lower(
        programs,
        transform_passes=[FoldConstants(), *for_processor],
        partitioner={name: recipe.partitioners(step.without, step.pieces) for name in programs},
        constant_methods=constants or None,
        compile_config=EdgeCompileConfig(_check_ir_validity=False, preserve_ops=preserve),
    )
    # Only the functional form of a program lists the buffers that it changes.
    config = backend_config({name: edge.exported_program(name) for name in programs})
    if options.external_weights:
        config = replace(config, external_constants=lambda _: EXTERNAL_NAME)
    handles = {method.name: handle_names(method, edge.exported_program(method.name)) for method in methods}
    manager = edge.to_executorch(config)
    instructions = manager.debug_handle_map
    names = {
        method.name: value_names(method, handles[method.name], instructions.get(method.name, {})) for method in methods
    }
    return Lowered(manager, options.external_weights, names=names)


def may_use_kernels(options: ImportOptions) -> bool:
    """Whether a program may call our own kernels: an addon without their library could not prove it."""
    return options.kernels == "own" and library.path() is not None


def backend_config(programs: dict[str, Any]) -> Any:
    """Keeps the first values of mutable buffers, which ExecuTorch otherwise drops without an error."""
    from executorch.exir import ExecutorchBackendConfig
    from executorch.exir.passes.init_mutable_pass import InitializedMutableBufferPass

    mutated: list[str] = []
    for program in programs.values():
        signature = program.graph_signature
        names = {target: placeholder for placeholder, target in signature.inputs_to_buffers.items()}
        mutated += [names[target] for target in signature.buffers_to_mutate.values() if target in names]
    loops = any(has_scan(program) for program in programs.values())
    # Views cannot be taken out of a scan's body.
    return ExecutorchBackendConfig(
        passes=[InitializedMutableBufferPass(mutated)] if mutated else [], remove_view_copy=not loops
    )


def has_scan(program: Any) -> bool:
    return any("scan" in str(node.target) for node in program.graph.nodes)


def _tag_external(program: Any) -> Any:
    """XNNPACK serializes its weights before ExecuTorch sees them, so they are marked in the graph."""
    inputs = set(program.graph_signature.user_inputs)
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name not in inputs:
            node.meta.setdefault("custom", {})["delegate_constant_tag"] = EXTERNAL_NAME
    return program


def _short(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[:2])[:400]
