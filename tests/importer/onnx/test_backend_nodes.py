"""ONNX's own tests of single operators: which share of those that are claimed passes, and why others do not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from importer.errors import ImporterError
from importer.sources.onnx.file.graph_checks import check_model
from importer.sources.onnx.file.model_file import read_model
from importer.sources.onnx.module import OnnxModule
from importer.sources.onnx.registry import OPERATORS

ROUGH = {torch.bfloat16: 2e-2, torch.float16: 4e-3}


def array(value: Any) -> np.ndarray[Any, Any]:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def tensor(value: Any) -> torch.Tensor:
    values = np.ascontiguousarray(array(value)).reshape(array(value).shape)
    if values.dtype.name == "bfloat16":
        return torch.from_numpy(values.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(values)


def reason_to_leave_out(case: Any) -> str:
    """Why a test asks for something that no program of ExecuTorch has; empty when it does not."""
    if not all(("", node.op_type) in OPERATORS for node in case.model.graph.node):
        return "an operator that is not claimed"
    ports = [*case.model.graph.input, *case.model.graph.output]
    if not all(port.type.HasField("tensor_type") for port in ports):
        return "a sequence or an optional value goes in or out"
    dtypes = {port.type.tensor_type.elem_type for port in ports}
    if onnx.TensorProto.STRING in dtypes:
        return "texts"
    if dtypes & {14, 15, *range(17, 29)}:
        return "a dtype of less than 8 bits, of floats of 8 bits, or of complex numbers"
    if case.model.opset_import[0].version < 7:
        return "an opset before 7"
    return ""


def run(case: Any, path: Path) -> None:
    """Raises what is wrong with the results."""
    onnx.save(case.model, path)
    model = read_model(path)
    check_model(model)
    for inputs, outputs in case.data_sets:
        given = tuple(map(tensor, inputs))
        try:
            got = OnnxModule(model, True).probe(given)
        except ImporterError as error:
            if error.code != "ONNX_VALUE_NEEDED":
                raise
            names = [item.name for item in model.graph.inputs]
            got = OnnxModule(model, True, dict(zip(names, given, strict=False))).probe(())
        for result, item in zip(got, outputs, strict=True):
            expected = tensor(item)
            assert result.shape == expected.shape and result.dtype == expected.dtype
            rough = ROUGH.get(result.dtype, 0.0)
            np.testing.assert_allclose(
                result.double().numpy(), expected.double().numpy(),
                rtol=max(case.rtol, 1e-3, rough), atol=max(case.atol, 1e-5, rough),
            )  # fmt: skip


@pytest.mark.slow
def test_the_node_tests_of_claimed_operators(tmp_path: Path) -> None:
    left_out: Counter[str] = Counter()
    failed: dict[str, str] = {}
    passed = 0
    for case in collect_testcases(None):
        if reason := reason_to_leave_out(case):
            left_out[reason] += 1
            continue
        try:
            run(case, tmp_path / "case.onnx")
            passed += 1
        except Exception as error:
            failed[case.name] = f"{getattr(error, 'code', type(error).__name__)}: {' '.join(str(error).split())[:160]}"
    for name, reason in failed.items():
        print(f"  {name}: {reason}")
    for reason, count in left_out.items():
        print(f"  left out, {reason}: {count}")
    share = passed / (passed + len(failed))
    print(f"{len(OPERATORS)} operators; {passed} of {passed + len(failed)} node tests pass: {share:.1%}")
    assert len(OPERATORS) >= 180 and share > 0.95
