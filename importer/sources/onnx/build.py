"""The module of an ONNX graph with an example of its inputs. Importing this module imports torch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from importer.inputs.made_up import example_shape, make_tensor
from importer.kernels import runtime
from importer.model import SourceMethod
from importer.signature import TensorSpec
from importer.sources.onnx.file.limits import is_small, largest_result, refuse_large_results
from importer.sources.onnx.file.model_file import Model
from importer.sources.onnx.inputs import Signature
from importer.sources.onnx.module import OnnxModule
from importer.sources.onnx.values import untraced


@dataclass(frozen=True)
class Built:
    """specs: the inputs that a call gives. values: those that are fixed. example: arguments of one call."""

    module: OnnxModule
    specs: list[TensorSpec]
    values: dict[str, Tensor]
    example: tuple[Tensor, ...]

    @property
    def names(self) -> list[str]:
        return [spec.name for spec in self.specs]

    def method(self, name: str, module: nn.Module, outputs: list[str]) -> SourceMethod:
        """A method of these inputs, which is compared with PyTorch."""
        method = SourceMethod(name, module, None, (self.example, {}), self.specs, None, True)
        method.input_names, method.output_names = self.names, outputs
        method.reference_name = f"PyTorch {torch.__version__}"
        return method


def build(model: Model, found: Signature, exact: bool = False) -> Built:
    """Run the graph once on an example, with limits. Raises the errors of ONNX files."""
    specs = [spec for spec in found.specs if spec.value is None]
    values = {spec.name: _filled(spec) for spec in found.specs if spec.value is not None}
    varies = any(dimension.is_dynamic for spec in specs for dimension in spec.dimensions)
    module = OnnxModule(model, not varies, values, exact).eval()
    example = tuple(make_tensor(spec, example_shape(spec)) for spec in specs)

    def search() -> None:
        # Another module: the first one's caches are for tensors with memory.
        again = OnnxModule(model, not varies, values, exact).eval()
        with untraced(), torch.no_grad():
            refuse_large_results(again, example, largest_result(model))

    if module.is_quantized:
        runtime.native()
        import executorch.kernels.quantized  # noqa: F401  (what XNNPACK does not take runs on its kernels)
    module.probe(example, search if is_small(model) else None)
    return Built(module, specs, values, example)


def _filled(spec: TensorSpec) -> Tensor:
    """An input that is fixed to a value."""
    dtype: torch.dtype = getattr(torch, spec.dtype)
    return torch.full(spec.shape, spec.value or 0.0, dtype=torch.float64).to(dtype)
