"""TorchScript: through torch's own converter where it works, else by tracing the loaded module."""

from __future__ import annotations

import traceback

import torch
from torch.export import ExportedProgram

from importer.errors import ImporterError
from importer.model import SourceMethod
from importer.torch_export import dynamic_shapes, export_module


def export_script(script: torch.jit.ScriptModule, method: SourceMethod) -> tuple[ExportedProgram, str]:
    """An exported program and a note that says which way was gone."""
    positional, keyword = method.example
    shapes = dynamic_shapes(method.declared, script, method.example)
    try:
        if shapes is None:
            from torch._export.converter import TS2EPConverter

            with torch.no_grad():
                program = TS2EPConverter(script, positional, keyword).convert()
            return program, "TorchScript: converted with torch's own converter."
    except Exception:  # the converter knows few control structures and fails in many ways
        pass
    from torch.fx.experimental.proxy_tensor import make_fx

    try:
        with torch.no_grad():
            if shapes is not None:
                return export_module(_Call(script), method, (shapes,)), "TorchScript: exported the loaded module."
            traced = make_fx(script)(*positional, **keyword)
            return export_module(traced, method), (
                "TorchScript: traced the loaded module with the example inputs; branches are fixed to their path."
            )
    except ImporterError:
        if shapes is None:
            raise
    except Exception as error:
        cause = (
            f"The TorchScript module can neither be converted nor traced: {type(error).__name__}: {str(error)[:300]}"
        )
        remedy = "Export the original model with torch.export.save."
        raise ImporterError("EXPORT_FAILED", cause, remedy, "export", traceback.format_exc()) from error
    try:
        traced = make_fx(script, tracing_mode="symbolic", _allow_non_fake_inputs=True)(*positional)
        return export_module(traced, method, shapes), (
            "TorchScript: traced the loaded module with symbolic sizes; branches are fixed to the example's path."
        )
    except Exception as error:
        cause = (
            f"The TorchScript module cannot be exported with dynamic sizes: {type(error).__name__}: {str(error)[:300]}"
        )
        remedy = "Declare fixed sizes in the option 'inputs', or export the original model with torch.export.save."
        raise ImporterError("DYNAMIC_SHAPE_REFUSED", cause, remedy, "export", traceback.format_exc()) from error


class _Call(torch.nn.Module):
    """torch.export accepts no ScriptModule itself."""

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.script = script

    def forward(self, *arguments: torch.Tensor) -> object:
        return self.script(*arguments)
