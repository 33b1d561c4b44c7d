"""Replays programs that are too large to be replayed: launches see addresses without memory of their own.

What a kernel does at a shape can be counted from a few of its programs; for that, tensors need addresses, not values.
Every storage is a range of addresses behind which the same few pages lie again and again, so that no program can use
up this machine's memory. Operators of torch are skipped. Results mean nothing.

A number that is read back is 1, whatever it is computed from.
"""

import ctypes
import mmap
import os
import weakref
from typing import Final

import torch

from sandboxes.contracts import Launch, node_scalars
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.devices.device import Program
from sandboxes.replay import STAND_IN, LaunchFunction, Values

SHARED_BYTES: Final = 2**28
"""Memory behind all tensors of a program together, at most."""

MAP_FIXED: Final = 0x10
MAP_NORESERVE: Final = 0x4000
PROT_NONE: Final = 0
FAILED: Final = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


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
    file = os.memfd_create("hollow")
    try:
        os.ftruncate(file, SHARED_BYTES)
        memory = {storage: _addresses(size, file) for storage, size in sizes.items()}
    finally:
        os.close(file)
    values: Values = {}
    for id_, (spec, storage) in enumerate(zip(specs, storages, strict=True)):
        typed = torch.empty(0, dtype=getattr(torch, spec.dtype))
        values[id_] = typed.set_(memory[storage], spec.offset, spec.shape, spec.stride)
    for node in program.trace.nodes:
        for id_ in node_scalars(node) if isinstance(node, Launch) else ():
            values[id_] = torch.tensor(STAND_IN, dtype=getattr(torch, specs[id_].dtype))
    return values


def hollow_storage(size: int) -> torch.UntypedStorage:
    """Returns a storage of `size` bytes without memory of its own."""
    file = os.memfd_create("hollow")
    try:
        os.ftruncate(file, SHARED_BYTES)
        return _addresses(size, file)
    finally:
        os.close(file)


def _map(address: int | None, size: int, protection: int, flags: int, file: int) -> int:
    """Calls mmap(2).

    Raises:
        OSError: There is no such range of addresses.
    """
    found = _libc.mmap(address, size, protection, flags, file, 0)
    if found == FAILED:
        raise OSError(ctypes.get_errno(), f"{size} bytes of addresses can't be had")
    return int(found)


def _addresses(size: int, file: int) -> torch.UntypedStorage:
    """Returns a storage of `size` bytes that repeats the file's pages; it lives as long as a tensor uses it."""
    if size == 0:
        return torch.empty(0, dtype=torch.uint8).untyped_storage()
    start = _map(None, size, PROT_NONE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE, -1)
    for offset in range(0, size, SHARED_BYTES):
        part = min(SHARED_BYTES, size - offset)
        _map(start + offset, part, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED | MAP_FIXED, file)
    buffer = (ctypes.c_char * size).from_address(start)
    weakref.finalize(buffer, _libc.munmap, start, size).atexit = False
    return torch.frombuffer(buffer, dtype=torch.uint8).untyped_storage()
