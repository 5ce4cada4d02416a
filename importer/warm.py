"""Imported once by the parent of all conversions: the first lowering in a process costs seconds more than the next."""

from __future__ import annotations

import os

# torch and its parts warn at length while they are imported; the children inherit this.
_NOWHERE = os.open(os.devnull, os.O_WRONLY)
os.dup2(_NOWHERE, 2)

import torch  # noqa: E402
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner  # noqa: E402
from executorch.exir import to_edge_transform_and_lower  # noqa: E402

import importer.conversion  # noqa: E402, F401  (so that children need not)


def warm_up() -> None:
    """Lower one tiny model."""
    threads = torch.get_num_threads()
    # A pool of threads would not survive the forks.
    torch.set_num_threads(1)
    program = torch.export.export(torch.nn.Linear(1, 1).eval(), (torch.zeros(2, 1),))
    to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()
    torch.set_num_threads(threads)


warm_up()
