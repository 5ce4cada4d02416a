"""TorchScript: through torch's own converter where it works, else by tracing the loaded module. Imports torch."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.export import ExportedProgram

from importer.errors import ImporterError
from importer.exporting.packed import packed_error
from importer.exporting.python_state import equal_results, python_state_error
from importer.exporting.recurrent import rewrite_graph
from importer.exporting.torch_export import dynamic_shapes, export_afresh, export_module
from importer.inputs.samples import copied, flatten_outputs
from importer.model import SourceMethod

_RECURRENT = ("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu")
_MOST_WORDS = 600


def export_script(
    script: torch.jit.ScriptModule, method: SourceMethod, recurrent: str = "unroll"
) -> tuple[ExportedProgram, str]:
    """An exported program and a note that says how it was made. The script's buffers keep their first values.

    recurrent: `kernel` or `scan` when recurrent layers of a number of steps that varies may become kernels or loops.
    """
    shapes = dynamic_shapes(method.declared, script, method.example)
    refuse_attributes(method.name, script, method.example)
    with _kept_state(script) as restore:
        if shapes is None and not _is_recurrent(script):
            converted = _convert(script, method)
            restore()
            if converted is not None:
                return converted, "TorchScript: converted with torch's own converter."
        traced = _trace(script, method, varies=shapes is not None)
        restore()
        if shapes is not None and recurrent in ("kernel", "scan"):
            rewrite_graph(traced, recurrent == "kernel")
        path = " with symbolic sizes" if shapes is not None else ""
        return export_module(traced, method, shapes), (
            f"TorchScript: traced the loaded module{path}; branches are fixed to the path of the example inputs."
        )


def refuse_attributes(name: str, script: torch.jit.ScriptModule, example: Any) -> None:
    """Raises PYTHON_STATE when results depend on a number that calls change (`self.steps += 1`)."""
    kept = [(owner, attribute, getattr(owner, attribute)) for owner, attribute in _changing_attributes(script)]
    if not kept:
        return
    with _kept_state(script) as restore:
        results = []
        try:
            for _ in range(2):
                restore()
                positional, keyword = copied(example)
                with torch.no_grad():
                    results.append([value.clone() for value in flatten_outputs(script(*positional, **keyword))])
        except Exception:  # the export reports it with its reason
            return
        finally:
            for owner, attribute, value in kept:
                setattr(owner, attribute, value)
    if not equal_results(*results):
        raise python_state_error(name, ", ".join(f"'{attribute}'" for _, attribute, _ in kept))


def _changing_attributes(script: torch.jit.ScriptModule) -> Iterator[tuple[Any, str]]:
    """Attributes other than buffers that a method sets."""
    for module in script.modules():
        code: Any = module._c
        names = {
            node.s("name")
            for method in code._method_names()
            for node in code._get_method(method).graph.findAllNodes("prim::SetAttr")
        }
        yield from ((module, name) for name in sorted(names) if hasattr(module, name))


@contextmanager
def _kept_state(script: torch.jit.ScriptModule) -> Iterator[Any]:
    """Returns a function that restores buffers and parameters; a trace runs the script."""
    tensors = [*script.buffers(), *script.parameters()]
    saved = [value.detach().clone() for value in tensors]

    def restore() -> None:
        with torch.no_grad():
            for value, old in zip(tensors, saved, strict=True):
                value.copy_(old)

    try:
        yield restore
    finally:
        restore()


def _is_recurrent(script: torch.jit.ScriptModule) -> bool:
    """Whether it has torch's own recurrent layers, of which the converter gets the sizes wrong."""
    text = str(script.inlined_graph)
    return any(f"{name}(" in text for name in _RECURRENT)


def _convert(script: torch.jit.ScriptModule, method: SourceMethod) -> ExportedProgram | None:
    from torch._export.converter import TS2EPConverter

    try:
        with torch.no_grad():
            converted = TS2EPConverter(script, *method.example).convert()
        # The converter lets every size vary without an upper bound; here they are fixed.
        return export_afresh(converted.module(), *method.example, None)
    except Exception:  # the converter knows few control structures and fails in many ways
        return None


def _trace(script: torch.jit.ScriptModule, method: SourceMethod, varies: bool) -> torch.fx.GraphModule:
    from torch.fx.experimental.proxy_tensor import make_fx

    positional, keyword = copied(method.example)
    # Before dispatch recurrent layers are still one operator, on any machine.
    how: dict[str, Any] = {"pre_dispatch": True}
    if varies:
        how |= {"tracing_mode": "symbolic", "_allow_non_fake_inputs": True}
    try:
        with torch.no_grad():
            return make_fx(script, **how)(*positional, **keyword)
    except Exception as error:
        if packed := packed_error(method.name, script, method.example, traceback.format_exc()):
            raise packed from error
        what = "exported with sizes that vary" if varies else "converted or traced"
        cause = f"The TorchScript module cannot be {what}: {_reason(error)}"
        if varies:
            remedy = "Declare fixed sizes in the option 'inputs', or export the original model with torch.export.save."
            raise ImporterError("DYNAMIC_SHAPE_REFUSED", cause, remedy, "export", traceback.format_exc()) from error
        remedy = "Export the original model with torch.export.save; the log has the script's own lines."
        raise ImporterError("EXPORT_FAILED", cause, remedy, "export", traceback.format_exc()) from error


def _reason(error: BaseException) -> str:
    """TorchScript puts the reason last, behind the lines of the script that led there."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reasons = [line for line in lines if line.startswith(("RuntimeError", "Error", "Expected")) or "Error:" in line]
    reasons = [line for line in reasons if not line.endswith("Error:")] or reasons
    chosen = reasons[-1] if reasons else lines[0] if lines else ""
    return f"{type(error).__name__}: {chosen[:_MOST_WORDS]}"
