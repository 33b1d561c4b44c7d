"""The log while it grows: what is kept of each access, and how much of it there may be."""

from dataclasses import dataclass
from typing import Final, Literal

from torch import Tensor

from sandboxes.ttir.addresses.log import Access, Operation
from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.errors import ExecutionTimeout
from sandboxes.ttir.memory.addressing import Request

MAX_LOG_BYTES: Final = 2**29
"""Of all offsets and masks together: some thousand accesses of tiles whose addresses follow no pattern. Regular ones
take a hundredth."""

MAX_ACCESSES: Final = 200_000
"""A second or more of executing, whatever is accessed."""

Path = tuple[int, ...]
"""When something happens: numbers of steps and of iterations, outer ones first."""


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    time: Path
    step: Step
    argument: str
    rows: Tensor
    request: Request
    repeats: int


class Recorder:
    """Takes down the accesses of programs that run chunk by chunk, and puts them in order.

    Args:
        dependent: Numbers of the steps whose addresses depend on values from memory.
    """

    def __init__(self, dependent: frozenset[int]) -> None:
        self._dependent = dependent
        self._entries: list[_Entry] = []
        self._kinds: dict[tuple[int, str], Operation] = {}
        self._bytes = 0
        self._held: set[int] = set()
        self.first = 0
        """Position of the chunk's first program among all."""
        self._chunks: set[int] = set()

    def accessed(
        self,
        machine: Machine,
        step: Step,
        request: Request,
        kind: Literal["load", "store", "atomic"],
        time: Path,
        repeats: int,
    ) -> None:
        """The active programs access memory.

        Raises:
            ExecutionTimeout: the log is full.
        """
        argument = request.buffer.name
        self._hold(step, *request.terms, *request.masks)
        self._chunks.add(self.first)
        if (step.number, argument) not in self._kinds:
            self._kinds[step.number, argument] = Operation(
                kind=kind,
                argument=argument,
                location=step.operation.location,
                element_bytes=request.buffer.data.element_size(),
                shape=request.shape,
                whole=step.operation.name.startswith("tt.descriptor"),
                dependent=step.number in self._dependent,
            )
        rows = machine.frame.slots + self.first if self.first else machine.frame.slots
        self._entries.append(_Entry((*time, step.number), step, argument, rows, request, repeats))

    def log(self) -> tuple[tuple[Operation, ...], tuple[Access, ...]]:
        """Operations in text order, accesses in the order of time."""
        order = sorted(self._kinds)
        positions = {key: position for position, key in enumerate(order)}
        entries = self._entries
        if len(self._chunks) > 1:  # within a chunk they are in order already
            entries = sorted(entries, key=lambda entry: entry.time)
        accesses = tuple(
            Access(
                operation=positions[entry.step.number, entry.argument],
                programs=entry.rows,
                request=entry.request,
                repeats=entry.repeats,
            )
            for entry in entries
        )
        return tuple(self._kinds[key] for key in order), accesses

    def _hold(self, step: Step, *tensors: Tensor) -> None:
        """Counts memory that the log keeps alive, whatever views of it there are."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in self._held:
                self._held.add(storage.data_ptr())
                self._bytes += storage.nbytes()
        if self._bytes > MAX_LOG_BYTES:
            raise ExecutionTimeout(f"{MAX_LOG_BYTES / 2**20:g} MiB of addresses", step.operation.location)
        if len(self._entries) >= MAX_ACCESSES:
            raise ExecutionTimeout(f"{MAX_ACCESSES:,} accesses", step.operation.location)
