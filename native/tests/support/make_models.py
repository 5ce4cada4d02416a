"""Small programs for the doctest tests, made again when this file or the networks change.

Run from the top folder: `python -m native.tests.make_models FOLDER`.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

NETWORKS = Path(__file__).parents[3] / "tests" / "networks" / "zoo.py"


def main(folder: Path) -> None:
    stamp = hashlib.sha256(Path(__file__).read_bytes() + NETWORKS.read_bytes()).hexdigest()
    stamp_file = folder / "stamp"
    if stamp_file.exists() and stamp_file.read_text(encoding="utf-8") == stamp:
        return
    folder.mkdir(parents=True, exist_ok=True)
    _make(folder)
    stamp_file.write_text(stamp, encoding="utf-8")


def _make(folder: Path) -> None:
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig, to_edge_transform_and_lower
    from executorch.exir.passes.external_constants_pass import delegate_external_constants_pass_unlifted
    from executorch.exir.passes.init_mutable_pass import InitializedMutableBufferPass
    from torch import nn
    from torch.export import Dim, export

    from tests.networks.zoo import Counter, Named, Same, linear, policy

    torch.manual_seed(7)

    def lower(programs: object, name: str, partition: bool = True, constants: object = None, **config: object) -> None:
        edge = to_edge_transform_and_lower(
            programs,  # type: ignore[arg-type]
            partitioner=[XnnpackPartitioner()] if partition else None,
            constant_methods=constants,  # type: ignore[arg-type]
            compile_config=EdgeCompileConfig(_check_ir_validity=False),
        )
        program = edge.to_executorch(ExecutorchBackendConfig(**config))  # type: ignore[arg-type]
        (folder / name).write_bytes(program.buffer)
        if program._tensor_data:
            program.write_tensor_data_to_file(str(folder))

    one = torch.ones(1, 1)
    exported = export(linear(), (one,))
    lower(exported, "linear_xnnpack.pte")
    lower(exported, "linear_portable.pte", partition=False)
    pair = (torch.ones(2, 3), torch.ones(2, 3))
    methods = {"forward": exported, "pair": export(Named(), pair)}
    lower(methods, "methods.pte", partition=False, constants={"answer": 42, "scale": 0.5, "label": "digits"})
    lower({"first": exported, "second": exported}, "two_delegates.pte")
    counter = export(Counter(), (torch.ones(1),))
    lower(counter, "counter.pte", partition=False, passes=[InitializedMutableBufferPass(["total"])])
    batch = Dim("batch", min=1, max=64)
    lower(export(policy(), (torch.zeros(2, 8),), dynamic_shapes=({0: batch},)), "policy.pte")
    rows = Dim("rows", min=1, max=1 << 16)
    lower(export(Same(), (torch.zeros(2, 1024),), dynamic_shapes=({0: rows},)), "wide.pte", partition=False)
    pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    convnet = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), *pooled)
    convnet = convnet.eval().requires_grad_(False)
    lower(export(convnet, (torch.zeros(1, 3, 16, 16),)), "convnet.pte")
    lower(export(convnet, (torch.zeros(1, 3, 16, 16),)), "convnet_portable.pte", partition=False)

    class Waves(nn.Module):
        """A delegate, a kernel, and another delegate."""

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(768, 16)
            self.second = nn.Linear(16, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(x.reshape(1, 768)).cumsum(1))  # type: ignore[no-any-return]

    waves = Waves().eval().requires_grad_(False)
    lower(export(waves, (torch.zeros(1, 3, 16, 16),)), "waves.pte")
    channels_last = torch.zeros(1, 2, 2, 3).to(memory_format=torch.channels_last)
    lower(export(Same(), (channels_last,)), "channels_last.pte", partition=False)
    layers = [layer for _ in range(6) for layer in (nn.Linear(2048, 2048), nn.ReLU())]  # 6 x 16.8 MB
    big = nn.Sequential(*layers).eval().requires_grad_(False)
    lower(export(big, (torch.zeros(1, 2048),)), "big.pte")
    external = export(linear(), (one,)).module()
    delegate_external_constants_pass_unlifted(module=external, gen_tag_fn=lambda node: "weights")
    lower(export(external, (one,)), "external.pte")
    kinds = (
        *(torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.bool),
        *(torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.uint8, torch.uint16, torch.uint32, torch.uint64),
    )
    for kind in kinds:
        name = str(kind).removeprefix("torch.")
        try:
            lower(export(Same(), (torch.ones(4).to(kind),)), f"same_{name}.pte", partition=False)
        except Exception as error:  # a dtype that this torch cannot export has no program to test
            print(f"{name}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
