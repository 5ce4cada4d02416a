"""Which operators a model file may name: those that compute, by their schemas. Importing this module imports torch.

An operator that takes a text could be given the name of a file; so the texts that are known to be harmless are listed.
"""

from __future__ import annotations

import functools
import re

import torch


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The allowed names of text arguments in an operator's schema: modes, equations, messages, parts of texts.
_TEXTS = _words(
    "UPLO a activation algorithm api_name approximate assert_msg attr b chars cls device_type dict driver el "
    "equation fillchar idx ind indexing input inputs interpolation item key l mapping_type message mode msg new norm "
    "old ord p pad_mode padding padding_side reduce rounding_mode s self separator side string substr t to_add type "
    "unary_attr binary_attr unary_algorithm values"
)
_NAMESPACES = _words(
    "aten prims quantized _quantized quantized_decomposed quantization torchvision torchao executorch_prim "
    "dim_order_ops mkldnn mkldnn_prepacked sparse"
)
_PRIM = _words(
    "ModuleContainerIndex NumToTensor Print RaiseException StringIndex TupleIndex TupleUnpack Uninitialized abs data "
    "device dtype grad id index is_cpu is_cuda is_meta is_mkldnn is_mps is_nested is_quantized is_sparse "
    "is_sparse_csr is_vulkan is_xla is_xpu itemsize layout max min name nbytes rangelist requires_grad tolist type "
    "unchecked_cast unchecked_unwrap_optional isinstance shape"
)
_PYTHON = _words(
    "_operator.getitem _operator.add _operator.sub _operator.mul _operator.floordiv _operator.truediv _operator.mod "
    "_operator.pow _operator.neg _operator.pos _operator.abs _operator.eq _operator.ne _operator.le _operator.ge "
    "_operator.lt _operator.gt _operator.and_ _operator.or_ _operator.xor _operator.not_ _operator.invert "
    "_operator.lshift _operator.rshift math.trunc math.ceil math.floor math.sqrt math.pow math.log math.exp math.fabs "
    "math.fmod torch.sym_int torch.sym_float torch.sym_ite torch.sym_max torch.sym_min torch.sym_sqrt torch.sym_not "
    "torch.sym_sum torch._sym_sqrt torch._sym_cos torch._sym_cosh torch._sym_sin torch._sym_sinh torch._sym_tan "
    "torch._sym_tanh torch._sym_asin torch._sym_acos torch._sym_atan torch._sym_log2"
)
_HIGHER_ORDER = _words(
    "associative_scan auto_functionalized auto_functionalized_v2 cond flex_attention invoke_subgraph map_impl "
    "out_dtype scan strict_mode while_loop wrap wrap_with_autocast wrap_with_set_grad_enabled _export_tracepoint"
)
# Operators that come later are the project's own: its factory or its libraries register them.
_OF_TORCH = frozenset(schema.name.partition("::")[0] for schema in torch._C._jit_get_all_schemas())


_TARGET = re.compile(r"torch\.ops\.(\w+)\.(\w+)(?:\.(\w+))?", re.ASCII)


@functools.cache
def computes(operator: str) -> bool:
    """Whether every overload of `namespace::name` only computes. An operator that is not registered cannot run."""
    namespace, _, name = operator.partition("::")
    if namespace == "prim":
        return name in _PRIM
    schemas = torch._C._jit_get_schemas_for_operator(operator)
    known = namespace in _NAMESPACES or namespace not in _OF_TORCH
    return known and all(
        argument.name in _TEXTS for schema in schemas for argument in schema.arguments if "str" in str(argument.type)
    )


def is_target(target: str) -> bool:
    """Whether a node of an exported program may call this: `torch.ops.aten.add.Tensor`, `_operator.add`."""
    if target in _PYTHON:
        return True
    found = _TARGET.fullmatch(target)
    if not found:
        return False
    namespace, name, overload = found.groups()
    if namespace == "higher_order":
        return name in _HIGHER_ORDER and overload is None
    # Only registered names: others are attributes of Python's objects.
    return overload in _overloads(namespace, name) and namespace != "prim" and computes(f"{namespace}::{name}")


def undeclared(target: str) -> str:
    """The operator of a person's own that a node calls and that nothing has registered here; empty for others."""
    found = _TARGET.fullmatch(target)
    namespace, name, overload = found.groups() if found else ("", "", "")
    is_own = namespace not in (*_OF_TORCH, "higher_order", "")
    return f"{namespace}::{name}" if is_own and overload not in _overloads(namespace, name) else ""


def _overloads(namespace: str, name: str) -> list[str]:
    schemas = torch._C._jit_get_schemas_for_operator(f"{namespace}::{name}")
    return [schema.overload_name or "default" for schema in schemas]
