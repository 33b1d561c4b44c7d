"""A module made ready to run: per operation the function that executes it, per block the values that die where."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.ir import Function, Operation, Value

Run: TypeAlias = "Callable[[Machine, Step], None]"
Compute: TypeAlias = Callable[..., Any]
"""``(step, *operands) -> result``: an operation that needs no machine state."""


@dataclass(slots=True, eq=False)
class Step:
    """One operation, bound to what executes it."""

    number: int
    operation: Operation
    run: Run
    compute: Compute | None
    operands: tuple[int, ...]
    results: tuple[int, ...]
    shape: tuple[int, ...]
    """Shape of the first result (or of the first operand if there is none)."""
    dtype: torch.dtype | None
    """Element dtype of the first result, None for pointers."""
    regions: tuple[tuple["BlockPlan", ...], ...] = ()
    frees: tuple[int, ...] = ()
    captured: frozenset[int] = frozenset()
    """Values that its regions use and that are defined outside it."""
    waits: bool = False
    """It, or what it holds or calls, may be there to see what another program does."""
    touches: bool = False
    """It, or what it holds or calls, uses memory."""
    constant: Any = None
    """Whatever the operation could work out before running: a constant's tensor, a combine's fast path."""


@dataclass(slots=True, eq=False)
class BlockPlan:
    """A block: arguments, steps, terminator."""

    label: str
    values: tuple[Value, ...]
    """Its arguments."""
    arguments: tuple[int, ...]
    """Their indices."""
    steps: tuple[Step, ...]
    terminator: Step


@dataclass(slots=True, eq=False)
class BodyPlan:
    """Blocks that branch to each other, the entry first."""

    blocks: tuple[BlockPlan, ...]
    """Those that can be reached; each comes after all that branch to it, unless the body is cyclic."""
    cyclic: bool
    """Whether blocks branch in a circle (Triton's own loops are ``scf`` operations and never do)."""


@dataclass(slots=True, eq=False)
class FunctionPlan(BodyPlan):
    """A function's body."""

    function: Function
    waits: bool
    """Whether some step does, likewise `touches`."""
    touches: bool


@dataclass(slots=True, eq=False)
class ModulePlan:
    """Everything the executor needs to launch a module."""

    kernel: FunctionPlan
    steps: list[Step]
    """All steps, by number."""
    widest: int
    """Elements of the largest tensor of one program; bounds the programs of a chunk."""
    program_bytes: int
    """Bytes that one program holds at most, see `footprint.py`."""
    sequential: bool
    """Programs wait for each other (spin locks): run them one after the other."""
    functions: dict[str, FunctionPlan] = field(default_factory=dict)
