"""What programs access, in the order in which they do, as strided blocks or lists of offsets."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from sandboxes.ttir.engine.counters import Counters
from sandboxes.ttir.ir import Location
from sandboxes.ttir.memory.addressing import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One load, store or atomic of the text, through one argument."""

    kind: Literal["load", "store", "atomic"]
    argument: str
    """Parameter of the kernel."""
    location: Location
    element_bytes: int
    shape: tuple[int, ...]
    """Of the operation's tensor; () for a scalar."""
    whole: bool = False
    """Copied as a tile by the copy engine (tensor descriptors): threads and coalescing play no role."""
    dependent: bool = False
    """Addresses or masks depend on values that were loaded."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Access:
    """One execution of an operation by some of the programs, which walk in step."""

    operation: int
    """Index in `AddressLog.operations`."""
    programs: Tensor
    """int64 positions in `AddressLog.programs`, ascending: the rows of the request."""
    request: Request
    """Offsets in elements, masks; a first dimension of 1 is the same for every program."""
    repeats: int = 1
    """Iterations of a long loop that this one stands for; a whole number of them was not executed."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AddressLog:
    """The accesses of some programs of a launch."""

    programs: Tensor
    """int64 linear ids of the programs that ran, x fastest."""
    operations: tuple[Operation, ...]
    """In text order."""
    accesses: tuple[Access, ...]
    """In the order of time, as if all programs ran in step."""
    counters: Counters
    """Of these programs: bytes, arithmetic, lines. Their unique bytes stay 0: sectors are for whoever reads the log."""
    guessed: bool = False
    """Values that addresses depend on were not there, and others stood in."""
    computed: int = 0
    """Elements that this took, see `sandboxes.ttir.addresses.effort`."""
