"""Small models in the forms that people have them, made once by torch and kept under .cache/."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
NETWORKS = [ROOT / "tests" / "networks" / name for name in ("zoo.py", "picture_networks.py", "sound_networks.py")]


def ensure() -> Path:
    """The folder with the models, made again when this file or the networks have changed."""
    files = [Path(__file__), *NETWORKS]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = CACHE / "test_models" / digest
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes of pytest ask at once; one makes them
        if not folder.exists():
            building = folder.with_name(f"{digest}.new")
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir()
            # torch stays out of the pytest process: it costs seconds and 300 MB.
            subprocess.run([sys.executable, "-m", "tests.model_sources", str(building)], cwd=ROOT, check=True)
            building.rename(folder)
    return folder


def artifact_cache() -> Path:
    """Where the artifacts of these models are kept between runs."""
    folder = CACHE / "test_artifacts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _make(folder: Path) -> None:
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig, to_edge_transform_and_lower
    from executorch.exir.passes.external_constants_pass import delegate_external_constants_pass_unlifted
    from executorch.exir.passes.init_mutable_pass import InitializedMutableBufferPass
    from torch import nn
    from torch.export import Dim, export

    from tests.networks.picture_networks import Detector, Painter, Segmenter
    from tests.networks.sound_networks import Loudness, Sounds, Tones, Voice, VoiceLength
    from tests.networks.text_networks import Speller, TextFinder, Turner
    from tests.networks.zoo import Counter, Named, Same, linear, policy

    torch.manual_seed(7)

    class Integers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 4)

        def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return self.table(tokens).sum(-1) * mask

    class Number(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[float, torch.Tensor]:
            return 2.5, x.clone()

    class NoRows(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(2, 2)[0:0].clone()

    convnet = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    ).eval()
    one = torch.tensor([[1.0]])
    exported = export(linear(), (one,))
    torch.export.save(exported, folder / "linear.pt2")
    shutil.copy(folder / "linear.pt2", folder / "linear.pt")
    torch.jit.trace(linear(), one).save(folder / "linear_torchscript.pt")
    torch.save(linear().state_dict(), folder / "linear_state_dict.pth")
    torch.save(linear(), folder / "linear_module.pt")
    pair = (torch.ones(2, 3), torch.ones(2, 3))
    torch.export.save(export(Named(), pair), folder / "two_inputs.pt2")
    rows = ({0: Dim("rows", min=1, max=8)},) * 2
    torch.export.save(export(Named(), pair, dynamic_shapes=rows), folder / "rows.pt2")
    integers = (torch.zeros(1, 6, dtype=torch.int64), torch.ones(1, 6))
    torch.export.save(export(Integers().eval(), integers), folder / "integers.pt2")
    batch = Dim("batch", min=1, max=1024)
    dynamic = export(policy(), (torch.zeros(2, 8),), dynamic_shapes=({0: batch},))
    torch.export.save(dynamic, folder / "policy.pt2")
    torch.export.save(export(convnet, (torch.zeros(1, 3, 32, 32),)), folder / "convnet.pt2")
    picture = (torch.zeros(1, 3, 64, 96),)
    torch.export.save(export(Detector().eval(), picture), folder / "detector.pt2")
    torch.export.save(export(Segmenter().eval(), picture), folder / "segmenter.pt2")
    sides = ({2: Dim("height", min=8, max=128), 3: Dim("width", min=8, max=128)},)
    torch.export.save(export(Painter().eval(), picture, dynamic_shapes=sides), folder / "painter.pt2")
    torch.export.save(export(TextFinder(), picture), folder / "text_finder.pt2")
    strip = (torch.zeros(1, 3, 8, 64),)
    torch.export.save(export(Speller(), strip), folder / "speller.pt2")
    torch.export.save(export(Turner(), strip), folder / "turner.pt2")
    torch.export.save(export(Loudness(), (torch.zeros(1, 160), torch.zeros(1, 1))), folder / "loudness.pt2")
    torch.export.save(export(Tones(), (torch.zeros(1, 1024),)), folder / "tones.pt2")
    torch.export.save(export(Sounds().eval(), (torch.zeros(1, 800),)), folder / "sounds.pt2")
    for parameter in convnet.parameters():
        parameter.requires_grad_(False)

    def lower(programs: object, partition: bool, name: str, **config: object) -> None:
        partitioner = [XnnpackPartitioner()] if partition else None
        # Its check does not know that kernels take uint16 and uint32.
        checks = EdgeCompileConfig(_check_ir_validity=False)
        edge = to_edge_transform_and_lower(programs, partitioner=partitioner, compile_config=checks)  # type: ignore[arg-type]
        program = edge.to_executorch(ExecutorchBackendConfig(**config))  # type: ignore[arg-type]
        (folder / name).write_bytes(program.buffer)
        if program._tensor_data:
            program.write_tensor_data_to_file(str(folder))

    lower(exported, True, "linear_xnnpack.pte")
    lower(exported, False, "linear_portable.pte")
    lower(export(convnet, (torch.zeros(1, 3, 32, 32),)), True, "convnet_xnnpack.pte")
    with torch.no_grad():
        counter = export(Counter(), (torch.ones(1),))
    lower(counter, False, "counter.pte", passes=[InitializedMutableBufferPass(["total"])])
    lower(export(Number(), (torch.ones(4),)), False, "number.pte")
    lower(export(NoRows(), (torch.ones(4),)), False, "no_rows.pte")
    methods = {"forward": exported, "double": export(Named(), pair)}
    lower(methods, False, "two_methods.pte")
    ids, speed, frames = torch.zeros(1, 5, dtype=torch.int64), torch.ones(1), torch.zeros(7, dtype=torch.uint8)
    symbols = {1: Dim("symbols", min=3, max=16)}
    voice = export(Voice(), (ids, speed, frames), dynamic_shapes=(symbols, None, {0: Dim("frames", min=2, max=64)}))
    length = export(VoiceLength(), (ids, speed), dynamic_shapes=(symbols, None))
    lower({"forward": voice, "length": length}, False, "voice.pte")
    # Every dtype that a program can hold; ExecuTorch's memory planning does not know uint64.
    floats = ("float32", "float64", "float16", "bfloat16")
    integers_and_bool = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool")
    dtypes = floats + integers_and_bool
    same = {f"same_{name}": export(Same(), (torch.ones(4).to(getattr(torch, name)),)) for name in dtypes}
    lower({"forward": exported, **same}, False, "dtypes.pte")
    # Weights in a .ptd, of portable kernels and of XNNPACK.
    lower(exported, False, "external_weights.pte", external_constants=lambda _: "external_weights")
    tagged = export(linear(), (one,)).module()
    delegate_external_constants_pass_unlifted(module=tagged, gen_tag_fn=lambda _: "external_xnnpack")
    lower(export(tagged, (one,)), True, "external_xnnpack.pte")


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
