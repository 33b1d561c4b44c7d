"""What a program waits for, and how much of it the compiled code has in flight at once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandboxes.hardware.code.code import Code
from sandboxes.ttir import Counters, Module
from sandboxes.ttir.addresses.dependence import dependent
from sandboxes.ttir.ir import Location

LOADS = ("tt.load", "tt.descriptor_load", "tt.descriptor_gather", "tt.atomic_rmw", "tt.atomic_cas")
"""Operations that a program waits for."""
LOOPS = ("scf.for", "scf.while")
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Wait:
    """Loads that a program waits for together."""

    rounds: float
    """How often a program does, on average, if nothing is pipelined."""
    lines: frozenset[int]
    """Where they are; none outside of loops, where nothing can be pipelined."""


def waits_of(module: Module, counters: Counters, scale: float, programs: int) -> list[Wait]:
    """Returns what a program waits for: once per turn of a loop that loads, and for each load that depends on others.

    Those are in line: an address is not known before what it is computed from has come.
    """
    executions: dict[int, float] = defaultdict(float)
    lines: dict[int, set[int]] = defaultdict(set)
    alone: list[Wait] = []
    loops = dict(_innermost_loops(module))
    chained = {operation.location for operation in dependent(module)}
    for count in counters.memory:
        if count.kind == "store":
            continue
        often, line = count.executions * scale / programs, count.location.user_line()
        loop = loops.get(count.location, 0)
        if count.location in chained:
            alone.append(Wait(often, frozenset({line} if loop else ())))
        else:
            executions[loop] = max(executions[loop], often)
            lines[loop].update({line} if loop else ())
    return [*(Wait(often, frozenset(lines[loop])) for loop, often in executions.items()), *alone]


def in_flight(waits: Sequence[Wait], code: Code) -> int:
    """Returns how many iterations are in flight, on average over what a program waits for in loops.

    A loop that is pipelined hides nothing of another one that is not.
    """
    ahead = dict(code.ahead)
    looped = [wait for wait in waits if wait.lines and wait.rounds]
    left = sum(wait.rounds / max(ahead.get(line, 1) for line in wait.lines) for wait in looped)
    return int(sum(wait.rounds for wait in looped) / left + ROUNDING) if left else code.pipelined


def _innermost_loops(module: Module) -> Iterator[tuple[Location, int]]:
    """Yields where loads are, each with a number of the loop around it; outer loops come first, so that inner win."""
    loops = (operation for function in module.functions for operation in function.walk() if operation.name in LOOPS)
    for number, loop in enumerate(loops, start=1):
        for inner in loop.walk():
            if inner.name in LOADS:
                yield inner.location, number
