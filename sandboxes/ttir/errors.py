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

To add one: subclass `TTIRError` and the stdlib type, hand every constructor argument to ``super().__init__`` (so that
pickle can rebuild it) and write ``__str__``.
"""

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


class UnsupportedOperation(TTIRError, NotImplementedError):
    """The executor has no meaning for an operation; the candidate is neither right nor wrong."""

    def __init__(self, op: str, location: Location = UNKNOWN) -> None:
        super().__init__(op, location)
        self.op = op
        self.location = location

    def __str__(self) -> str:
        return f"unsupported op {self.op} at line {self.location.user_line()}"


class TooMuchMemory(UnsupportedOperation):
    """One program holds more tensors at a time than `ExecutionOptions.memory_bytes`.

    Args:
        needed: bytes that it holds at most.
        budget: bytes that it may hold.
        location: of the kernel.
    """

    def __init__(self, needed: int, budget: int, location: Location = UNKNOWN) -> None:
        super().__init__("", location)
        self.args = (needed, budget, location)
        self.needed = needed
        self.budget = budget

    def __str__(self) -> str:
        return (
            f"one program needs {self.needed / 2**20:,.0f} MiB for its tensors, this device has "
            f"{self.budget / 2**20:,.0f} MiB: use smaller blocks"
        )


class MadeUpPointer(UnsupportedOperation):
    """A pointer is made of data, such as a table of addresses: where it leads can't be known from a trace."""

    def __str__(self) -> str:
        return f"a pointer is made of data at line {self.location.user_line()}"


class ArgumentMismatch(TTIRError, TypeError):
    """The arguments of a launch do not fit the kernel's parameters."""


class MemoryFault(TTIRError, IndexError):
    """A lane that is not masked off used memory in a way that a GPU would not forgive.

    Args:
        kind: ``out-of-bounds load``, ``out-of-bounds store`` or ``out-of-bounds atomic``; subclasses have their own.
        argument: name of the pointer parameter.
        offset: element index counted from the pointer that was passed in.
        limit: elements of the storage from that pointer on.
        program_id: ``(x, y, z)`` of the first faulting program.
        lane: row-major index within the tensor of that program (0 for a scalar access).
        location: where in the source.
        kernel: name of the kernel.
    """

    def __init__(
        self,
        kind: str,
        argument: str,
        offset: int,
        limit: int,
        program_id: tuple[int, int, int],
        lane: int,
        location: Location = UNKNOWN,
        kernel: str = "",
        *more: object,
    ) -> None:
        super().__init__(kind, argument, offset, limit, program_id, lane, location, kernel, *more)
        self.kind = kind
        self.argument = argument
        self.offset = offset
        self.limit = limit
        self.program_id = program_id
        self.lane = lane
        self.location = location
        self.kernel = kernel

    def __str__(self) -> str:
        return (
            f"{self._what()}: program {self.program_id} at line {self.location.user_line()} accesses element "
            f"{self.offset} of argument '{self.argument}', which has {self.limit} elements (lane {self.lane})"
        )

    def _what(self) -> str:
        return f"{self.kind} in kernel '{self.kernel}'" if self.kernel else self.kind


class UnwrittenMemory(MemoryFault):
    """A lane read an element of a buffer that was allocated without contents and that nothing has written.

    Args:
        written: how many of the ``limit`` elements have been written; the others as for `MemoryFault`.
    """

    def __init__(
        self,
        kind: str,
        argument: str,
        offset: int,
        limit: int,
        program_id: tuple[int, int, int],
        lane: int,
        location: Location = UNKNOWN,
        kernel: str = "",
        written: int = 0,
    ) -> None:
        super().__init__(kind, argument, offset, limit, program_id, lane, location, kernel, written)
        self.written = written

    def __str__(self) -> str:
        return (
            f"{self._what()}: program {self.program_id} at line {self.location.user_line()} reads element "
            f"{self.offset} of argument '{self.argument}' (lane {self.lane}); of its {self.limit} elements "
            f"{self.written} have been written"
        )


class Race(MemoryFault):
    """Two programs of one launch use one element, at least one of them changes it, and nothing orders them.

    Args:
        kind: ``race of two stores``, ``race of a store and a load`` and so on.
        action: what ``program_id`` does: ``stores``, ``loads`` or ``updates atomically``.
        other_id: the other program.
        other_action: what the other program does there.
        other_lines: lines of the source that may be where it does so; the rest as for `MemoryFault`.
    """

    def __init__(
        self,
        kind: str,
        argument: str,
        offset: int,
        limit: int,
        program_id: tuple[int, int, int],
        lane: int,
        location: Location = UNKNOWN,
        kernel: str = "",
        action: str = "",
        other_id: tuple[int, int, int] = (0, 0, 0),
        other_action: str = "",
        other_lines: tuple[int, ...] = (),
    ) -> None:
        more = (action, other_id, other_action, other_lines)
        super().__init__(kind, argument, offset, limit, program_id, lane, location, kernel, *more)
        self.action = action
        self.other_id = other_id
        self.other_action = other_action
        self.other_lines = other_lines

    def __str__(self) -> str:
        where = " or ".join(str(line) for line in self.other_lines)
        return (
            f"{self._what()}: program {self.program_id} at line {self.location.user_line()} {self.action} element "
            f"{self.offset} of argument '{self.argument}', which has {self.limit} elements (lane {self.lane}); "
            f"program {self.other_id} of the same launch {self.other_action} it, too"
            + (f" (line {where})" if where else "")
            + ("" if self.kind != STORE_RACE else ", with another value")
        )


STORE_RACE = "race of two stores"
"""`Race.kind` where both programs store."""


class MisalignedDescriptor(TTIRError, ValueError):
    """A tensor descriptor that the hardware (TMA) would refuse.

    Args:
        problem: which rule is broken, with the number that breaks it.
        argument: name of the pointer or descriptor parameter that it describes.
        program_id: the first program that makes it; None if the host did.
        location: where in the source.
        kernel: name of the kernel.
    """

    def __init__(
        self,
        problem: str,
        argument: str,
        program_id: tuple[int, int, int] | None,
        location: Location = UNKNOWN,
        kernel: str = "",
    ) -> None:
        super().__init__(problem, argument, program_id, location, kernel)
        self.problem = problem
        self.argument = argument
        self.program_id = program_id
        self.location = location
        self.kernel = kernel

    def __str__(self) -> str:
        maker = "the host" if self.program_id is None else f"program {self.program_id}"
        return (
            f"misaligned tensor descriptor in kernel '{self.kernel}': {maker} at line {self.location.user_line()} "
            f"describes argument '{self.argument}' with {self.problem}"
        )


class InvalidAddress(TTIRError, ValueError):
    """A lane that is not masked off used an address that belongs to no argument, or is not aligned to its elements.

    Args:
        kind: what was tried, e.g. ``misaligned load``.
        address: virtual address; storages start at multiples of 512.
        argument: name of the pointer parameter it lies in, empty if in none.
        itemsize: bytes of an element.
        program_id: ``(x, y, z)`` of the first such program.
        lane: row-major index within the tensor of that program.
        location: where in the source.
    """

    def __init__(
        self,
        kind: str,
        address: int,
        argument: str,
        itemsize: int,
        program_id: tuple[int, int, int],
        lane: int,
        location: Location = UNKNOWN,
    ) -> None:
        super().__init__(kind, address, argument, itemsize, program_id, lane, location)
        self.kind = kind
        self.address = address
        self.argument = argument
        self.itemsize = itemsize
        self.program_id = program_id
        self.lane = lane
        self.location = location

    def __str__(self) -> str:
        what = (
            f"in argument '{self.argument}', which is no multiple of its elements' {self.itemsize} bytes"
            if self.argument
            else "of no argument that the kernel computes such an address from"
        )
        return (
            f"{self.kind}: program {self.program_id} at line {self.location.user_line()} uses the address "
            f"{self.address:#x} {what} (lane {self.lane})"
        )


class DeviceAssertion(TTIRError, AssertionError):
    """A ``tl.device_assert`` of the candidate's own kernel failed."""

    def __init__(self, message: str, program_id: tuple[int, int, int], location: Location = UNKNOWN) -> None:
        super().__init__(message, program_id, location)
        self.message = message
        self.program_id = program_id
        self.location = location

    def __str__(self) -> str:
        where = f"program {self.program_id} at line {self.location.user_line()}"
        return f"device assertion failed in {where}: {self.message}"


class ExecutionTimeout(TTIRError, TimeoutError):
    """The kernel spent `ExecutionOptions.max_operations` or `ExecutionOptions.max_seconds`.

    Args:
        spent: what is used up, e.g. ``30 s``.
        location: of the innermost loop that was running, else of the operation.
        in_loop: whether it is a loop's.
    """

    def __init__(self, spent: str, location: Location = UNKNOWN, in_loop: bool = False) -> None:
        super().__init__(spent, location, in_loop)
        self.spent = spent
        self.location = location
        self.in_loop = in_loop

    def __str__(self) -> str:
        where = "in the loop at" if self.in_loop else "at"
        return f"kernel still running after {self.spent} {where} line {self.location.user_line()}"


class EndlessLoop(ExecutionTimeout):
    """A loop came round with nothing changed, so it would never end.

    Args:
        program_id: ``(x, y, z)`` of the first program in the loop.
        location: where in the source.
    """

    def __init__(self, program_id: tuple[int, int, int], location: Location = UNKNOWN) -> None:
        super().__init__("", location)
        self.program_id = program_id

    def __reduce__(self) -> tuple[type["EndlessLoop"], tuple[tuple[int, int, int], Location]]:
        return type(self), (self.program_id, self.location)

    def __str__(self) -> str:
        return (
            f"program {self.program_id} loops for ever at line {self.location.user_line()}: neither its values nor "
            "memory change any more; programs run in the order of their ids, so that one may wait for earlier "
            "programs only (a GPU does not promise more)"
        )
