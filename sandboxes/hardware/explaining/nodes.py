"""A program as explanations see it: what each node is priced from, and which memory lies between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandboxes.hardware.facts import LaunchFacts
from sandboxes.hardware.routine import PLAIN, Routine
from sandboxes.hardware.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramNode:
    """One node that takes time. A counterfactual is a program with some of its nodes replaced."""

    node: int
    """Index in `Trace.nodes`."""
    name: str
    """Kernel or operator, in the candidate's words."""
    live: bool
    """True if its results reach an output."""
    launch: LaunchFacts | None = None
    """None for an ATen operator."""
    call: Work | None = None
    """Of an ATen operator; None for a launch."""
    routine: Routine = PLAIN
    """What kind of library routine an ATen operator is."""
    storages: Mapping[str, int] = field(default_factory=dict)
    """Of each pointer argument of a launch, as in `Dataflow.storage`."""
    reads: Mapping[int, float] = field(default_factory=dict)
    """Bytes that it reads by storage, each counted once."""
    writes: Mapping[int, float] = field(default_factory=dict)
    """Bytes that it writes by storage, each counted once."""
    needed: frozenset[int] = frozenset()
    """Storages among `writes` that must be written whoever reads them: outputs, weights."""
    elementwise: bool = False
    """No reduction, product or exchange between elements: it can be computed wherever its inputs are."""
    loops: frozenset[int] = frozenset()
    """Lines of loads inside loops."""

    @property
    def work(self) -> Work:
        """What it moves and computes; nothing if nobody could count it."""
        if self.launch is not None:
            return self.launch.work
        return self.call if self.call is not None else Work(launches=0)

    @property
    def dram_bytes(self) -> float:
        """What device memory moves for it if the L2 cache is empty at first."""
        if self.launch is not None and self.launch.accesses:
            return sum(access.dram_bytes for access in self.launch.accesses)
        return self.work.dram_bytes
