"""What TMA asks of a tensor descriptor: a base and strides on 16 bytes, dense rows, rows of at least 16 bytes."""

from collections.abc import Iterator

import torch
from torch import Tensor

from sandboxes.ttir.engine.values import SPACE_BITS, Descriptor, Pointer, materialise

BYTES = 16

START = 2 ** (SPACE_BITS - 1)
"""Storages begin at virtual addresses that are multiples of this."""


def misalignment(descriptor: Descriptor, block: tuple[int, ...]) -> tuple[str, int] | None:
    """The first rule that a descriptor breaks, and the row of the program that does; None if it keeps all.

    Storages begin on 512 bytes on a GPU (torch's allocator), so a base is as aligned as its offset within the storage.

    Args:
        descriptor: strides in elements, one value for all programs or one per program.
        block: lanes of a block along each axis.
    """
    for values, broken, problem in _rules(descriptor, block):
        if bool(broken.any()):
            row = int(torch.nonzero(broken)[0])
            return problem.format(int(values[row])), row
    return None


def _rules(descriptor: Descriptor, block: tuple[int, ...]) -> Iterator[tuple[Tensor, Tensor, str]]:
    """Yields per rule a number per program, where it breaks the rule, and how to say so."""
    pointer = descriptor.pointer
    size = pointer.buffer.data.element_size() if isinstance(pointer, Pointer) else pointer.dtype.itemsize
    row = torch.tensor([block[-1] * size if block else 0])
    yield row, row < BYTES, f"blocks whose rows have {{}} bytes; TMA needs at least {BYTES}"
    base = materialise(pointer.offset) * size if isinstance(pointer, Pointer) else pointer.bytes % START
    base = base.reshape(-1)
    yield base, base % BYTES != 0, f"a base {{}} bytes into its storage; TMA needs a multiple of {BYTES}"
    for axis, stride in enumerate(descriptor.strides[:-1]):
        step = stride.reshape(-1) * size
        yield step, step % BYTES != 0, f"a stride of {{}} bytes along axis {axis}; TMA needs a multiple of {BYTES}"
    for stride in descriptor.strides[-1:]:
        yield stride.reshape(-1), stride.reshape(-1) != 1, "a stride of {} along its last axis; TMA needs 1"
