"""What loading a set of problems gives: the problems, and what had to be left out, each with its reason."""

from dataclasses import dataclass

from kernelgym.problems.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One member of a set that can't be a problem."""

    name: str
    """The id that it would have, or its file or row."""
    reason: str
    """What is wrong with it and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A set of problems: one bad file or row costs itself, not the others."""

    problems: tuple[Problem, ...] = ()
    """In the order of the set; ids are unique."""
    rejected: tuple[Rejected, ...] = ()
    """Everything else that the set holds."""
