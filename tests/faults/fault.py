"""One seeded fault: a realistic bug in a bundled solution that is right without it."""

from dataclasses import dataclass
from enum import StrEnum

from kernelgym.problems import Problem, get_problem, list_solutions


class Family(StrEnum):
    """What kind of mistake it is."""

    DROPPED_MASK = "dropped mask"
    MASKED_VALUE = "wrong value where masked"
    OFF_BY_ONE = "off by one"
    LOST_TAIL = "lost tail or block"
    MISSING_SCALE = "missing or wrong scale"
    ACCUMULATOR = "accumulator too narrow"
    PRECISION = "precision downgrade"
    ONLINE = "online softmax or carry"
    INITIAL = "wrong initial value"
    INDEX = "swapped strides or index"
    STALE_TILE = "stale tile"
    AXIS = "wrong axis"
    CAUSAL = "causal mask"
    MISSING_TERM = "missing term"
    ACTIVATION = "wrong activation"
    VARIANCE = "variance and epsilon"
    OVERFLOW = "integer overflow"
    RACE = "race"
    PADDING = "window and padding"
    SIGN = "wrong sign or comparison"
    VALUES = "right for some values only"
    SHAPES = "right for some shapes only"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededFault:
    """One bug."""

    name: str
    """Says what is wrong, in a few words; unique."""
    problem: str
    """Name of a built-in problem."""
    family: Family
    old: str
    """Stands in the solution exactly once."""
    new: str
    solution: str = "correct"
    """Which bundled solution it is put into."""

    @property
    def honest(self) -> str:
        """The solution without it."""
        known = {item.name: item.source for item in list_solutions(self.reference.id)}
        return known[self.solution]

    @property
    def source(self) -> str:
        """The solution with it.

        Raises:
            ValueError: What is to be replaced does not stand there exactly once.
        """
        honest = self.honest
        if (count := honest.count(self.old)) != 1:
            raise ValueError(f"{self.problem}/{self.solution} has {count} times what `{self.name}` replaces, not once")
        return honest.replace(self.old, self.new)

    @property
    def reference(self) -> Problem:
        """The problem."""
        return get_problem(f"core/{self.problem}")
