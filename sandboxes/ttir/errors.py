"""What a candidate's TTIR can do wrong. All of it is data about the candidate, never an infrastructure fault.

::

    TTIRError
    ├── TTIRSyntaxError (ValueError)         the text is not TTIR, or is larger than any honest kernel
    ├── UnsupportedOperation (NotImplementedError)  the executor has no meaning for an operation
    │   ├── TooMuchMemory                    one program holds more than the memory budget
    │   └── MadeUpPointer                    a pointer is made of an integer that is not one of the kernel's pointers
    ├── ArgumentMismatch (TypeError)         the arguments do not fit the kernel's parameters
    ├── MemoryFault (IndexError)             a lane that is not masked off left its buffer
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
    """A lane that is not masked off accessed memory outside its argument's storage.

    Args:
        kind: ``out-of-bounds load``, ``out-of-bounds store`` or ``out-of-bounds atomic``.
        argument: name of the pointer parameter.
        offset: element index counted from the pointer that was passed in.
        limit: elements of the storage from that pointer on.
        program_id: ``(x, y, z)`` of the first faulting program.
        lane: row-major index within the tensor of that program (0 for a scalar access).
        location: where in the source.
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
    ) -> None:
        super().__init__(kind, argument, offset, limit, program_id, lane, location)
        self.kind = kind
        self.argument = argument
        self.offset = offset
        self.limit = limit
        self.program_id = program_id
        self.lane = lane
        self.location = location

    def __str__(self) -> str:
        return (
            f"{self.kind}: program {self.program_id} at line {self.location.user_line()} accesses element "
            f"{self.offset} of argument '{self.argument}', which has {self.limit} elements (lane {self.lane})"
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
