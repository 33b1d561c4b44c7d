"""What a candidate's TTIR can do wrong. All of it is data about the candidate, never an infrastructure fault.

::

    TTIRError
    ├── TTIRSyntaxError (ValueError)         the text is not TTIR, or is larger than any honest kernel
    ├── UnsupportedOperation (NotImplementedError)  the executor has no meaning for an operation
    │   ├── TooMuchMemory                    one program holds more than the memory budget
    │   └── MadeUpPointer                    a pointer is made of an integer that is not one of the kernel's pointers
    ├── ArgumentMismatch (TypeError)         the arguments do not fit the kernel's parameters
    ├── MemoryFault (IndexError)             a lane that is not masked off left its buffer
    │   ├── UnwrittenMemory                  it read an element that nobody has written
    │   └── Race                             two programs of one launch depend on who comes first
    ├── MisalignedDescriptor (ValueError)    a tensor descriptor that TMA refuses
    ├── InvalidAddress (ValueError)          a lane that is not masked off used a number that is no address
    ├── DeviceAssertion (AssertionError)     ``tl.device_assert`` failed
    └── ExecutionTimeout (TimeoutError)      the budget of operations or time is spent
        └── EndlessLoop                      a loop that would spend any budget

All that happen in a kernel are a `KernelError`, which knows `Where`: kernel, program, lane and line.

To add one: subclass `KernelError` and the stdlib type, hand every constructor argument to ``super().__init__`` in order
(so that pickle can rebuild it) and write ``__str__``.
"""

from dataclasses import dataclass, replace
from typing import Any

from sandboxes.ttir.ir import UNKNOWN, Location


class TTIRError(Exception):
    """Root of everything `sandboxes.ttir` raises."""


class TTIRSyntaxError(TTIRError, ValueError):
    """The text is not TTIR of a supported Triton, or exceeds a limit."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message, line)
        self.message = message
        self.line = line
        """1-based line of the TTIR text."""

    def __str__(self) -> str:
        return f"{self.message} (line {self.line} of the TTIR)"


@dataclass(frozen=True, slots=True)
class Where:
    """The place where a kernel went wrong, as far as it is known."""

    kernel: str = ""
    program_id: tuple[int, int, int] | None = None
    """``(x, y, z)`` of the first such program; None where no program is to blame more than others."""
    lane: int = 0
    """Row-major index within the tensor of that program (0 for a scalar)."""
    location: Location = UNKNOWN
    grid: tuple[int, int, int] = (1, 1, 1)
    """Programs of the launch along x, y and z."""

    @property
    def line(self) -> int:
        """Line of the candidate's source, 0 if it is unknown."""
        return self.location.user_line()

    @property
    def in_kernel(self) -> str:
        """`` in kernel 'name'``, or nothing if nobody knows the kernel."""
        return f" in kernel '{self.kernel}'" if self.kernel else ""

    @property
    def program(self) -> str:
        """The program and its line, as text."""
        return f"program {self.program_id} at line {self.line}"

    @property
    def last(self) -> bool:
        """Whether the program is the last one along some axis of the grid, counting those with several programs."""
        if self.program_id is None or self.grid == (1, 1, 1):
            return True
        return any(size > 1 and at == size - 1 for at, size in zip(self.program_id, self.grid, strict=True))


class KernelError(TTIRError):
    """An error at some place of a kernel.

    Args:
        where: The place; only the line where whoever raises it knows no more, see `within`.
        details: Whatever else the subclass takes.
    """

    def __init__(self, where: Where | Location, *details: Any) -> None:
        if isinstance(where, Location):
            where = Where(location=where)
        super().__init__(where, *details)
        self.where = where

    @property
    def location(self) -> Location:
        """Where in the source."""
        return self.where.location

    @property
    def kernel(self) -> str:
        """Name of the kernel, empty if nobody knows it yet."""
        return self.where.kernel

    @property
    def program_id(self) -> tuple[int, int, int] | None:
        """The first program that went wrong."""
        return self.where.program_id

    @property
    def lane(self) -> int:
        """Its first lane that did."""
        return self.where.lane

    def within(self, kernel: str) -> None:
        """Fills in the kernel if it is not known yet: operations do not know whose they are, the launch does."""
        if not self.where.kernel:
            self.where = replace(self.where, kernel=kernel)
            self.args = tuple(self.where if isinstance(value, Where) else value for value in self.args)


class UnsupportedOperation(KernelError, NotImplementedError):
    """The executor has no meaning for an operation; the candidate is neither right nor wrong."""

    def __init__(self, op: str, where: Where | Location = UNKNOWN) -> None:
        super().__init__(where)
        self.args = (op, self.where)
        self.op = op

    def __str__(self) -> str:
        return f"unsupported op {self.op}{self.where.in_kernel} at line {self.where.line}"


class TooMuchMemory(UnsupportedOperation):
    """One program holds more tensors at a time than `ExecutionOptions.memory_bytes`.

    Args:
        needed: bytes that it holds at most.
        budget: bytes that it may hold.
        where: the kernel.
    """

    def __init__(self, needed: int, budget: int, where: Where | Location = UNKNOWN) -> None:
        super().__init__("", where)
        self.args = (needed, budget, self.where)
        self.needed = needed
        self.budget = budget

    def __str__(self) -> str:
        return (
            f"one program needs {self.needed / 2**20:,.0f} MiB for its tensors{self.where.in_kernel}, this device has "
            f"{self.budget / 2**20:,.0f} MiB: use smaller blocks"
        )


class MadeUpPointer(UnsupportedOperation):
    """A pointer is made of data, such as a table of addresses: where it leads can't be known from a trace."""

    def __str__(self) -> str:
        return f"a pointer is made of data{self.where.in_kernel} at line {self.where.line}"


class ArgumentMismatch(TTIRError, TypeError):
    """The arguments of a launch do not fit the kernel's parameters."""


class MemoryFault(KernelError, IndexError):
    """A lane that is not masked off used memory in a way that a GPU would not forgive.

    Args:
        where: the first faulting program, its lane and line.
        kind: ``out-of-bounds load``, ``out-of-bounds store`` or ``out-of-bounds atomic``; subclasses have their own.
        argument: name of the pointer parameter.
        offset: element index counted from the pointer that was passed in.
        limit: elements of the storage from that pointer on.
    """

    def __init__(self, where: Where, kind: str, argument: str, offset: int, limit: int, *more: object) -> None:
        super().__init__(where, kind, argument, offset, limit, *more)
        self.kind = kind
        self.argument = argument
        self.offset = offset
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"{self._what()} accesses element {self.offset} of argument '{self.argument}', which has {self.limit} "
            f"elements (lane {self.where.lane})"
        )

    def _what(self) -> str:
        return f"{self.kind}{self.where.in_kernel}: {self.where.program}"


class UnwrittenMemory(MemoryFault):
    """A lane read an element of a buffer that was allocated without contents and that nothing has written.

    Args:
        written: how many of the ``limit`` elements have been written; the others as for `MemoryFault`.
    """

    def __init__(self, where: Where, kind: str, argument: str, offset: int, limit: int, written: int = 0) -> None:
        super().__init__(where, kind, argument, offset, limit, written)
        self.written = written

    def __str__(self) -> str:
        return (
            f"{self._what()} reads element {self.offset} of argument '{self.argument}' (lane {self.where.lane}); of "
            f"its {self.limit} elements {self.written} have been written"
        )


class Race(MemoryFault):
    """Two programs of one launch use one element, at least one of them changes it, and nothing orders them.

    Args:
        kind: ``race of two stores``, ``race of a store and a load`` and so on.
        action: what the program does: ``stores``, ``loads`` or ``updates atomically``.
        other_id: the other program.
        other_action: what the other program does there.
        other_lines: lines of the source that may be where it does so; the rest as for `MemoryFault`.
    """

    def __init__(
        self,
        where: Where,
        kind: str,
        argument: str,
        offset: int,
        limit: int,
        action: str = "",
        other_id: tuple[int, int, int] = (0, 0, 0),
        other_action: str = "",
        other_lines: tuple[int, ...] = (),
    ) -> None:
        super().__init__(where, kind, argument, offset, limit, action, other_id, other_action, other_lines)
        self.action = action
        self.other_id = other_id
        self.other_action = other_action
        self.other_lines = other_lines

    def __str__(self) -> str:
        lines = " or ".join(str(line) for line in self.other_lines)
        return (
            f"{self._what()} {self.action} element {self.offset} of argument '{self.argument}', which has {self.limit} "
            f"elements (lane {self.where.lane}); program {self.other_id} of the same launch {self.other_action} it, too"
            + (f" (line {lines})" if lines else "")
            + ("" if self.kind != STORE_RACE else ", with another value")
        )


STORE_RACE = "race of two stores"
"""`Race.kind` where both programs store."""


class MisalignedDescriptor(KernelError, ValueError):
    """A tensor descriptor that the hardware (TMA) would refuse.

    Args:
        where: the first program that makes it; no program if the host did.
        problem: which rule is broken, with the number that breaks it.
        argument: name of the pointer or descriptor parameter that it describes.
    """

    def __init__(self, where: Where, problem: str, argument: str) -> None:
        super().__init__(where, problem, argument)
        self.problem = problem
        self.argument = argument

    def __str__(self) -> str:
        maker = f"the host at line {self.where.line}" if self.where.program_id is None else self.where.program
        return (
            f"misaligned tensor descriptor{self.where.in_kernel}: {maker} describes argument '{self.argument}' with "
            f"{self.problem}"
        )


class InvalidAddress(KernelError, ValueError):
    """A lane that is not masked off used an address that belongs to no argument, or is not aligned to its elements.

    Args:
        where: the first such program, its lane and line.
        kind: what was tried, e.g. ``misaligned load``.
        itemsize: bytes of the element that was asked for.
        argument: name of the pointer parameter whose memory the address lies in or next to, empty if in none.
        distance: bytes from where that argument points, or, without an argument, the number that is no address.
        limit: bytes of the storage from that pointer on.
    """

    def __init__(
        self, where: Where, kind: str, itemsize: int, argument: str = "", distance: int = 0, limit: int = 0
    ) -> None:
        super().__init__(where, kind, itemsize, argument, distance, limit)
        self.kind = kind
        self.itemsize = itemsize
        self.argument = argument
        self.distance = distance
        self.limit = limit

    @property
    def misaligned(self) -> bool:
        """Whether the address is an argument's, and only falls between two elements."""
        return self.kind.startswith("misaligned")

    def __str__(self) -> str:
        start = f"{self.kind}{self.where.in_kernel}: {self.where.program} (lane {self.where.lane})"
        if not self.argument:
            number = f"the number {self.distance}" if abs(self.distance) < FIRST_ADDRESS else "an address"
            return (
                f"{start} uses {number} as a pointer to {self.itemsize} bytes; it is in none of the kernel's arguments"
            )
        side = "past" if self.distance >= 0 else "before"
        place = (
            f"{abs(self.distance)} bytes {side} the start of argument '{self.argument}', which has {self.limit} bytes"
        )
        if self.misaligned:
            return f"{start} uses a pointer {place}; that is no multiple of its elements' {self.itemsize} bytes"
        return f"{start} uses a pointer {place}, but the kernel did not compute it from '{self.argument}'"


FIRST_ADDRESS = 2**40
"""Numbers below it are addresses of nothing, so that a message may show them."""


class DeviceAssertion(KernelError, AssertionError):
    """A ``tl.device_assert`` of the candidate's own kernel failed.

    Args:
        where: the first program and lane for which it did not hold.
        message: the kernel's own, empty if it has none.
    """

    def __init__(self, where: Where, message: str) -> None:
        super().__init__(where, message)
        self.message = message

    def __str__(self) -> str:
        text = f": {self.message}" if self.message.strip('"') else ""
        return f"device assertion failed{self.where.in_kernel}: {self.where.program} (lane {self.where.lane}){text}"


class ExecutionTimeout(KernelError, TimeoutError):
    """The kernel spent `ExecutionOptions.max_operations` or `ExecutionOptions.max_seconds`.

    Args:
        spent: what is used up, e.g. ``30 s``.
        where: the innermost loop that was running, else the operation.
        in_loop: whether it is a loop's.
    """

    def __init__(self, spent: str, where: Where | Location = UNKNOWN, in_loop: bool = False) -> None:
        super().__init__(where)
        self.args = (spent, self.where, in_loop)
        self.spent = spent
        self.in_loop = in_loop

    def __str__(self) -> str:
        name = f"kernel '{self.where.kernel}'" if self.where.kernel else "kernel"
        place = "in the loop at" if self.in_loop else "at"
        return f"{name} still running after {self.spent} {place} line {self.where.line}"


class EndlessLoop(ExecutionTimeout):
    """A loop came round with nothing changed, so it would never end.

    Args:
        where: the first program in the loop, and the loop.
        waits: whether the loop may be there to wait for another program.
    """

    def __init__(self, where: Where, waits: bool = False) -> None:
        super().__init__("", where, in_loop=True)
        self.args = (self.where, waits)
        self.waits = waits

    def __str__(self) -> str:
        return (
            f"endless loop{self.where.in_kernel}: program {self.where.program_id} loops for ever at line "
            f"{self.where.line}: neither its values nor memory change any more"
            + (
                "; programs run in the order of their ids, so that one may wait for earlier programs only (a GPU does "
                "not promise more)"
                if self.waits
                else ""
            )
        )
