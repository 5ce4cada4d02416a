"""Published ONNX files out of packages of the registry. They are fetched once; without a network, skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importer.conftest import Convert
from tests.importer.test_real_models import print_numbers
from tests.networks.published import OCR, SILERO, unpacked

PITCH, TONE, SPEECH = "basic-pitch==0.4.0", "swift-f0==0.3.0", "hibari-tts==0.2.1"
STEP = "input: float32[1,576]; state: float32[2,1,128]"
FILES: list[tuple[str, str, str]] = [
    (OCR, "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", "x: float32[1,3,320,320]"),
    (OCR, "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", "x: float32[1,3,48,320]"),
    (OCR, "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx", "x: float32[1,3,48,192]"),
    (PITCH, "basic_pitch/saved_models/icassp_2022/nmp.onnx", ""),
    (TONE, "swift_f0/model.onnx", "audio: float32[1,16000]; fmin: float32[] = 50; fmax: float32[] = 900"),
    (SILERO, "silero_vad/data/silero_vad.onnx", f"{STEP}; sr: int64[] = 16000"),
    (SILERO, "silero_vad/data/silero_vad_16k_op15.onnx", f"{STEP}; sr: int64[] = 16000"),
    (SILERO, "silero_vad/data/silero_vad_16k_sequence.onnx", ""),
    (SILERO, "silero_vad/data/silero_vad_half.onnx", STEP),
    (SILERO, "silero_vad/data/silero_vad_op18_ifless.onnx", f"{STEP}; sr: int64[] = 16000"),
    (SILERO, "silero_vad/data/silero_vad_openvino_16k.onnx", ""),
    (SPEECH, "hibari/assets/oov.onnx", "chars: int64[1,16]"),
    (SPEECH, "hibari/assets/oov_gb.onnx", "chars: int64[1,16]"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("package", "name", "inputs"), FILES, ids=[Path(name).stem for _, name, _ in FILES])
def test_a_published_file_is_as_onnxruntime_says(package: str, name: str, inputs: str, convert_file: Convert) -> None:
    meta = convert_file(unpacked(package) / name, inputs=inputs).metadata
    print_numbers(meta)
    assert meta["accuracy"]["reference"].startswith("onnxruntime")
    assert meta["accuracy"]["max_relative"] <= meta["accuracy"]["tolerance"]["relative"]
