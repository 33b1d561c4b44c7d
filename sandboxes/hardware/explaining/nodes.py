"""A program as explanations see it: what each node is priced from, and which memory lies between them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandboxes.hardware.facts import LaunchFacts
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
    def time_is_known(self) -> bool:
        """False for a launch that nobody could count."""
        return self.launch is not None or self.call is not None


Times = Callable[[Sequence[ProgramNode]], Sequence[float]]
"""Prices a whole program, what the L2 cache keeps from node to node included: microseconds of each node, in order."""
