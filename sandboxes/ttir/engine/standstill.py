"""Finds loops that will never end: those that come round with the same values and the same memory.

Programs run in the order of their ids, and those that leave a loop wait for the others of their chunk. While a loop
runs, nobody else changes memory, so a round that changes neither the loop's values nor memory will be followed by the
same round for ever. This is how a kernel ends whose programs wait for programs with a larger id: on a GPU they might
run at the same time (nothing promises it), here they can't.
"""

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Frame, Machine
from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.values import Addresses, Buffer, Conjunction, Descriptor, Pointer, RuntimeValue, Sum
from sandboxes.ttir.errors import EndlessLoop

FIRST = 16
"""Rounds before the first look."""
GROWTH = 4
"""How many times longer until each next one, so that looking costs little next to looping."""
PERIOD = 2
"""Rounds after which a loop may be back where it was."""
MAX_BYTES = 2**28
"""Written memory beyond which nobody looks, and the time limit has to end the loop."""


class Standstill:
    """Watches one loop of one set of programs. Memory is only copied once the loop's values have come round.

    Args:
        changing: Whether programs may change memory; if not, it is not looked at.
    """

    def __init__(self, *, changing: bool = True) -> None:
        self._changing = changing
        self._round = 0
        self._next = FIRST
        self._values: list[Tensor] | None = None
        self._memory: list[Tensor] | None = None
        self._until = 0
        self._frame: Frame | None = None

    def passed(self, machine: Machine, values: list[RuntimeValue], step: Step) -> None:
        """The active programs went round once and go round again with ``values``.

        Raises:
            EndlessLoop: nothing has changed.
        """
        self._round += 1
        if machine.frame is not self._frame:  # programs that leave may change what the others see
            self._frame = machine.frame
            self._values = self._memory = None
        if self._values is not None:
            if _same(self._values, _tensors(values)):
                memory = [_bytes(buffer) for buffer in machine.spaces.values() if buffer.written and self._changing]
                if self._memory is not None and _same(self._memory, memory):
                    raise EndlessLoop(machine.where(step.operation.location), waits=step.waits)
                if self._memory is None and sum(data.numel() for data in memory) <= MAX_BYTES:
                    self._memory = [data.clone() for data in memory]
                    self._until = self._round + PERIOD
            if self._round >= self._until:
                self._values = self._memory = None
        if self._round == self._next:
            self._next *= GROWTH
            self._values = _tensors(values)
            self._until = self._round + PERIOD


def _same(left: list[Tensor], right: list[Tensor]) -> bool:
    """Bit for bit, so that NaN equals itself."""
    return len(left) == len(right) and all(
        a is b or (a.shape == b.shape and torch.equal(_raw(a), _raw(b))) for a, b in zip(left, right, strict=True)
    )


def _raw(tensor: Tensor) -> Tensor:
    # a copy even of what counts as contiguous: a tensor of one element may have any stride
    return tensor.clone(memory_format=torch.contiguous_format).view(torch.uint8) if tensor.dim() else tensor


def _bytes(buffer: Buffer) -> Tensor:
    return buffer.data.view(torch.uint8)


def _tensors(values: list[RuntimeValue]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, Sum | Conjunction):
            found.extend(value.terms)
        elif isinstance(value, Pointer):
            found.append(torch.tensor([value.buffer.index]))
            found.extend(_tensors([value.offset]))
        elif isinstance(value, Addresses):
            found.append(value.bytes)
        elif isinstance(value, Descriptor):
            found.extend([*value.shape, *value.strides, *value.offsets, *_tensors([value.pointer])])
    return found
