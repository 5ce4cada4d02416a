"""What the warm parent does once, so that every conversion forked from it starts in milliseconds.

Imported by multiprocessing's fork server (Linux), never by the backend itself.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

NICENESS = 19


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
    # The editor, and a game that runs from it, go first: every conversion inherits this.
    os.nice(NICENESS)
    # The packages' chatter at their import is of no use to anybody; a fault is met by the child, which has a log.
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with Path(os.devnull).open("wb") as nowhere:
        for descriptor in (1, 2):
            os.dup2(nowhere.fileno(), descriptor)
    try:
        warm_up()
    except Exception as error:
        os.write(kept[1], f"The warm parent could not be prepared: {type(error).__name__}: {error}\n".encode())
    finally:
        for stream, descriptor, own in zip((sys.stdout, sys.stderr), (1, 2), kept, strict=True):
            stream.flush()
            os.dup2(own, descriptor)
            os.close(own)
