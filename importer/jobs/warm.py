"""The preparation of the warm parent, so that a job forked from it starts in milliseconds."""

from __future__ import annotations

import os


def warm_up() -> None:
    """Import torch and executorch and lower one tiny model: the first lowering in a process costs 4 seconds more."""
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    import importer.conversion
    import importer.pipeline  # noqa: F401

    # One thread: a pool of threads would not survive the forks.
    torch.set_num_threads(1)
    program = torch.export.export(torch.nn.Linear(1, 1).eval(), (torch.zeros(2, 1),))
    to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()
    torch.set_num_threads(os.cpu_count() or 1)
