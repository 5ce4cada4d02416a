"""What the warm parent does once, so that every conversion forked from it starts in milliseconds.

Imported by multiprocessing's fork server (Linux), never by the backend itself.
"""

from __future__ import annotations

import os
import sys


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


if os.environ.get("EXECUTORCH_BACKEND_WARM") == "1":
    try:
        warm_up()
    except Exception as error:  # the child meets the same fault and reports it with its log
        print(f"The warm parent could not be prepared: {type(error).__name__}: {error}", file=sys.stderr)
