"""The partitioners of Apple's backends. Importing this module imports torch.

Core ML programs can be made on Linux and run on macOS and iOS; MLX programs are made and run on macOS.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from importer.errors import ImporterError


def coreml() -> Any:
    """Takes what Core ML has operators for, in fp16, for macOS 14 and iOS 17. Raises PACKAGE_MISSING."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # coremltools draws progress bars
    try:
        import coremltools
        from executorch.backends.apple.coreml.compiler import CoreMLBackend
        from executorch.backends.apple.coreml.partition import CoreMLPartitioner
    except ImportError as error:
        raise _missing("coreml_fp16", "coremltools", "Install it: pip install coremltools.") from error
    _make_repeatable(CoreMLBackend)
    specs = CoreMLBackend.generate_compile_specs(
        compute_precision=coremltools.precision.FLOAT16, minimum_deployment_target=coremltools.target.iOS17
    )
    # Core ML would keep state in fp16, and only from iOS 18 and macOS 15 on.
    return CoreMLPartitioner(compile_specs=specs, take_over_mutable_buffer=False)


def mlx() -> Any:
    """Takes what MLX has operators for. Raises PACKAGE_MISSING where ExecuTorch's wheel has no MLX."""
    try:
        from executorch.backends.mlx.partitioner import MLXPartitioner
    except ImportError as error:
        remedy = "Import the model on a Mac with Apple silicon, where ExecuTorch has MLX, or choose coreml_fp16."
        raise _missing("mlx", "executorch.backends.mlx", remedy) from error
    return MLXPartitioner()


def _missing(recipe: str, package: str, remedy: str) -> ImporterError:
    cause = f"The recipe {recipe} needs the package {package}, which this Python does not have."
    return ImporterError("PACKAGE_MISSING", cause, remedy, "lower")


def _make_repeatable(backend: Any) -> None:
    """Equal input gives equal files: names that ExecuTorch and coremltools draw are made of the model's content. A
    device keeps compiled models by these names, so different models need different ones."""
    from coremltools.models import model as models
    from coremltools.models import utils
    from executorch.backends.apple.coreml.compiler import coreml_preprocess as module

    utils._ModelPackage = _Package
    models._shutil = SimpleNamespace(**{**vars(shutil), "copytree": _copy})
    if hasattr(backend.preprocess_model, "is_repeatable"):
        return
    original = backend.preprocess_model

    def preprocess_model(mlmodel: Any, model_type: Any) -> Any:
        name = uuid.UUID(bytes=_content(mlmodel)[:16])
        drawn, before = module.uuid, tempfile.tempdir
        with tempfile.TemporaryDirectory() as folder:
            module.uuid, tempfile.tempdir = SimpleNamespace(uuid4=lambda: name), folder
            try:
                return original(mlmodel, model_type)
            finally:
                module.uuid, tempfile.tempdir = drawn, before

    preprocess_model.is_repeatable = True  # type: ignore[attr-defined]
    backend.preprocess_model = staticmethod(preprocess_model)


def _content(mlmodel: Any) -> bytes:
    """The hash of a model and of its weights."""
    found = hashlib.sha256(mlmodel.get_spec().SerializeToString(deterministic=True))
    for path in sorted(Path(mlmodel.weights_dir).glob("*.bin")) if mlmodel.weights_dir else ():
        found.update(path.read_bytes())
    return found.digest()


def _copy(path: str, target: str) -> None:
    """Copy a file or a folder without its rights and times, which no confined process may set."""
    source = Path(path)
    for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
        if file.is_file():
            copy = Path(target) / file.relative_to(source) if source.is_dir() else Path(target)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


class _Package:
    """An `.mlpackage`: files below `Data`, and `Manifest.json`, which lists them under names of their own. In the place
    of coremltools' own class, which draws the names and changes rights of files, as no confined process may."""

    def __init__(self, path: str) -> None:
        self._folder = Path(path)
        file = self._folder / "Manifest.json"
        self._manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {
            "fileFormatVersion": "1.0.0", "itemInfoEntries": {},
        }  # fmt: skip

    def setRootModel(self, path: str, name: str, author: str, description: str) -> None:
        self._manifest["rootModelIdentifier"] = self.addItem(path, name, author, description)
        self._write()

    def addItem(self, path: str, name: str, author: str, description: str) -> str:
        place = f"{author}/{name}"
        identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, place)).upper()
        entry = {"author": author, "description": description, "name": name, "path": place}
        self._manifest["itemInfoEntries"][identifier] = entry
        _copy(path, str(self._folder / "Data" / place))
        self._write()
        return identifier

    def getRootModel(self) -> Any:
        entry = self._manifest["itemInfoEntries"][self._manifest["rootModelIdentifier"]]
        return SimpleNamespace(path=lambda: str(self._folder / "Data" / entry["path"]))

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "Manifest.json").write_text(json.dumps(self._manifest, indent=4), encoding="utf-8")
