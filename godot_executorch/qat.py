"""Quantization-aware training: a network that is trained with the roundings of its program."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.export import Dim, ExportedProgram

from godot_executorch.environment import with_errors_of_python
from godot_executorch.exported import exported, method_of
from importer.errors import ImporterError
from importer.exporting.torch_export import export_afresh
from importer.inputs.arguments import without_wrappers
from importer.inputs.samples import inputs_of, with_tensors
from importer.lowering import qat, recipes
from importer.lowering.quantize import int4, quantize_linear_layers
from importer.model import Arguments

_INT4 = "xnnpack_int8_int4"
RECIPES = (*(name for name, recipe in recipes.REGISTRY.items() if recipe.scheme), _INT4)


@with_errors_of_python
def prepare_qat(
    model: torch.nn.Module,
    example_inputs: Any,
    *,
    recipe: str = "xnnpack_int8_static",
    dynamic_shapes: Any = None,
    group_size: int = 32,
) -> torch.nn.Module:
    """A copy of a network that rounds weights and activations as the program of a recipe does, ready for training.

    Train it as usual, with your own loss, optimizer, `train()` and `eval()`, then give it to `convert`. It is called
    like the model, with batches of any size where the model allows that. Its parameters have the model's names.

    model: a module; begin with trained weights.
    example_inputs, dynamic_shapes: as for `convert`; the program will have these inputs.
    recipe: xnnpack_int8_static, xnnpack_int8_static_per_tensor, xnnpack_int8_dynamic or xnnpack_int8_int4.
    group_size: how many int4 weights share a scale.

    Raises ConversionError: QAT_RECIPE_UNSUITABLE, NOTHING_TO_QUANTIZE, OPTION_INVALID, and what the export raises.
    """
    model = without_wrappers(model)
    if recipe not in RECIPES:
        cause = f"A network cannot be trained for the recipe '{recipe}', which does not quantize to int8 or int4."
        raise ImporterError("QAT_RECIPE_UNSUITABLE", cause, f"There are: {', '.join(RECIPES)}.")
    if not isinstance(model, torch.nn.Module) or isinstance(model, (Trainable, torch.jit.ScriptModule)):
        cause = f"`prepare_qat` takes a float torch.nn.Module; got {type(model).__name__}."
        raise ImporterError("OPTION_INVALID", cause, "Give the module itself.", "read")
    before = exported(model, example_inputs, dynamic_shapes)
    if recipe == _INT4:
        return _Int4(model, example_inputs, dynamic_shapes, before, group_size)
    return _Int8(model, example_inputs, dynamic_shapes, before, recipe)


class Trainable(torch.nn.Module):
    """A network in training for a recipe. before: the float program of the untrained network. options: what the
    conversion needs beside the recipe. name: of the model's class. is_quantized: whether `trained` is int8 already, or
    the recipe quantizes it."""

    is_quantized = False

    def __init__(self, network: torch.nn.Module, recipe: str, before: ExportedProgram, name: str) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.before = before
        self.options: dict[str, Any] = {}
        self.name = name

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        return self.network(*arguments, **keywords)

    def trained(self) -> ExportedProgram:
        """The trained network as a program for the importer; the network stays as it is."""
        raise NotImplementedError

    def state_dict(self, *arguments: Any, **keywords: Any) -> Any:
        """Of the network, with the model's own names and those of the roundings."""
        return self.network.state_dict(*arguments, **keywords)

    def load_state_dict(self, *arguments: Any, **keywords: Any) -> Any:
        found = self.network.load_state_dict(*arguments, **keywords)
        self.train(self.training)
        return found


class _Int8(Trainable):
    """Trained as a graph, because it has to round where the int8 program does."""

    is_quantized = True

    def __init__(self, model: torch.nn.Module, example: Any, shapes: Any, before: ExportedProgram, recipe: str) -> None:
        network = copy.deepcopy(model).train()
        call = method_of(network, example).example
        graph, self_batch = _graph(network, call, before)
        scheme = recipes.get(recipe).scheme
        assert scheme is not None
        super().__init__(qat.prepare(graph, scheme, _varies(before)), recipe, before, type(model).__name__.lower())
        self._example, self._shapes, self._batch = example, shapes, self_batch
        if scheme.dynamic:  # it needs no ranges: what cannot be quantized is told before the training
            self._quantized()
        self.train()

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        sizes = {value.shape[0] for value in inputs_of((arguments, keywords)) if value.dim()}
        if self._batch and sizes != {self._batch}:
            cause = f"The network's own code fixes the batch at {self._batch}; got {sorted(sizes)}."
            raise ImporterError("INPUTS_MISMATCH", cause, f"Train it with batches of {self._batch}.")
        return self.network(*arguments, **keywords)

    def train(self, mode: bool = True) -> _Int8:
        self.training = mode
        qat.set_mode(self.network, mode)
        return self

    def trained(self) -> ExportedProgram:
        if not qat.has_ranges(self.network):
            cause = "The network has not run in training mode, so that the ranges of its activations are not known."
            raise ImporterError("QAT_NOT_TRAINED", cause, "Train it, or load the state of one that was trained.")
        return exported(self._quantized(), self._example, self._shapes)

    def _quantized(self) -> torch.fx.GraphModule:
        network = copy.deepcopy(self.network).cpu()
        qat.set_mode(network, False)
        return qat.finish(network)


class _Int4(Trainable):
    """Trained as the module that it was, with other linear layers."""

    def __init__(
        self, model: torch.nn.Module, example: Any, shapes: Any, before: ExportedProgram, group_size: int
    ) -> None:
        from torchao.quantization.qat import QATConfig

        network = copy.deepcopy(model).train()
        quantize_linear_layers(network, QATConfig(int4(group_size), step="prepare"), group_size)
        super().__init__(network, _INT4, before, type(model).__name__.lower())
        self.options = {"group_size": group_size}
        self._example, self._shapes = example, shapes

    def trained(self) -> ExportedProgram:
        from torchao.quantization.qat import QATConfig
        from torchao.quantization.quant_api import quantize_

        network = copy.deepcopy(self.network).cpu()
        quantize_(network, QATConfig(step="convert"))
        return exported(network, self._example, self._shapes)


def _graph(network: torch.nn.Module, call: Arguments, before: ExportedProgram) -> tuple[torch.fx.GraphModule, int]:
    """The graph in training mode, and the batch that it is fixed to; 0: any. An axis varies if the program's does, and
    the first if all inputs have it: the program may take one sample where training takes many."""
    values = inputs_of(call)
    firsts = {value.shape[0] if value.dim() else 0 for value in values}
    has_batch = len(firsts) == 1 and 0 not in firsts
    axes = _axes(before)
    if has_batch:
        # torch.export takes a size of 1 for a constant.
        larger = [value if value.shape[0] > 1 else value.repeat(2, *[1] * (value.dim() - 1)) for value in values]
        graph, batch = _exported(network, with_tensors(call, larger), [{0, *item} for item in axes])
        if batch is None:
            return graph, 0
    graph, batch = _exported(network, call, axes)
    return graph, (firsts.pop() if has_batch and batch is not None else 0)


def _exported(
    network: torch.nn.Module, call: Arguments, axes: list[set[int]]
) -> tuple[torch.fx.GraphModule, int | None]:
    """The graph, and the first size of its first input when that does not vary."""
    shapes: list[Any] = [dict.fromkeys(item, Dim.AUTO) or None for item in axes]
    positional, keywords = with_tensors(call, shapes)
    program = export_afresh(network, *call, (*positional, *keywords.values()))
    module = program.module(check_guards=False)
    first = next((item for item in _inputs(program) if item.dim()), None)
    is_fixed = first is not None and isinstance(first.shape[0], int)
    return module, int(first.shape[0]) if first is not None and is_fixed else None


def _inputs(program: ExportedProgram) -> list[torch.Tensor]:
    names = set(program.graph_signature.user_inputs)
    values = [node.meta.get("val") for node in program.graph.nodes if node.name in names]
    return [value for value in values if isinstance(value, torch.Tensor)]


def _axes(program: ExportedProgram) -> list[set[int]]:
    """The axes of each input whose sizes vary."""
    return [
        {axis for axis, size in enumerate(value.shape) if isinstance(size, torch.SymInt)} for value in _inputs(program)
    ]


def _varies(program: ExportedProgram) -> bool:
    return any(_axes(program))
