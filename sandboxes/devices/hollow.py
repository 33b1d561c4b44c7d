"""Replays programs that are too large to be replayed: launches see memory that is never touched but for a few pages.

What a kernel does at a shape can be counted from a few of its programs; for that, tensors need addresses, not values.
Every storage is mapped but not filled: a page comes into being, full of zeros, when a sampled program touches it.
Operators of torch are skipped. Results mean nothing.
"""

import mmap

import torch

from sandboxes.contracts import Launch
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.devices.device import Program
from sandboxes.replay import LaunchFunction, Values

NO_RESERVE = 0x4000
"""`MAP_NORESERVE` of Linux, which Python's `mmap` does not name."""


def replay_hollow(program: Program, launch_function: LaunchFunction) -> None:
    """Calls `launch_function` for every launch, in order, with all tensors of the trace."""
    values = _values(program)
    for index, node in enumerate(program.trace.nodes):
        if isinstance(node, Launch):
            launch_function(index, node, values)


def _values(program: Program) -> Values:
    specs, storages = program.trace.values, program.flow.storage
    sizes: dict[int, int] = {}
    for spec, storage in zip(specs, storages, strict=True):
        sizes[storage] = max(sizes.get(storage, 0), spec.extent * DTYPE_BYTES[spec.dtype])
    memory = {storage: _untouched(size) for storage, size in sizes.items()}
    values: Values = {}
    for id_, (spec, storage) in enumerate(zip(specs, storages, strict=True)):
        typed = torch.empty(0, dtype=getattr(torch, spec.dtype))
        values[id_] = typed.set_(memory[storage], spec.offset, spec.shape, spec.stride)
    return values


def _untouched(size: int) -> torch.UntypedStorage:
    if size == 0:
        return torch.empty(0, dtype=torch.uint8).untyped_storage()
    flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | NO_RESERVE
    return torch.frombuffer(mmap.mmap(-1, size, flags=flags), dtype=torch.uint8).untyped_storage()
