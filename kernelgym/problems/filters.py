"""Narrows a selection down by what is known about its problems."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self, get_args

from kernelgym.errors import BadUsage, did_you_mean
from kernelgym.problems.problem import Difficulty, Problem

DIFFICULTIES: Final[tuple[str, ...]] = get_args(Difficulty)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which problems of a selection are wanted; what is empty asks for nothing."""

    tags: tuple[str, ...] = ()
    """The problem has at least one of these."""
    levels: tuple[int, ...] = ()
    """Its level is one of these; a problem without a level has none of them."""
    difficulties: tuple[str, ...] = ()
    """Its difficulty is one of these."""

    @classmethod
    def checked(cls, tags: Sequence[str], levels: Sequence[int], difficulties: Sequence[str]) -> Self:
        """Returns the filters.

        Raises:
            BadUsage: if a level or a difficulty is none, or text stands where a sequence of texts belongs.
        """
        for name, value in (("tags", tags), ("difficulties", difficulties)):
            if isinstance(value, str):
                raise BadUsage(f"{name} is the text {value!r}; give a sequence, e.g. ({value!r},)")
        for level in levels:
            if isinstance(level, bool) or not isinstance(level, int) or level < 1:
                raise BadUsage(f"the level is {level!r}; give a whole number from 1")
        for difficulty in difficulties:
            if difficulty not in DIFFICULTIES:
                raise BadUsage(unknown("difficulty", difficulty, DIFFICULTIES))
        return cls(tags=tuple(tags), levels=tuple(levels), difficulties=tuple(difficulties))

    def check_tags(self, problems: Iterable[Problem], vocabulary: Iterable[str]) -> None:
        """Checks that each tag is one of `vocabulary` or of `problems`: a misspelt one would quietly match nothing.

        Raises:
            BadUsage: if one is not; names the closest.
        """
        known = set(vocabulary).union(*(problem.tags for problem in problems))
        for tag in self.tags:
            if tag not in known:
                raise BadUsage(unknown("tag", tag, known))

    def keep(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Returns the problems that are wanted, in their order."""
        return tuple(problem for problem in problems if self._wants(problem))

    def _wants(self, problem: Problem) -> bool:
        return (
            (not self.tags or not set(self.tags).isdisjoint(problem.tags))
            and (not self.levels or problem.level in self.levels)
            and (not self.difficulties or problem.difficulty in self.difficulties)
        )

    def __str__(self) -> str:
        """As words, e.g. `tag matmul or scan, level 1`; empty if nothing is asked for."""
        parts = [
            ("tag", self.tags),
            ("level", tuple(map(str, self.levels))),
            ("difficulty", self.difficulties),
        ]
        return ", ".join(f"{name} {' or '.join(values)}" for name, values in parts if values)


def unknown(kind: str, value: str, known: Iterable[str]) -> str:
    """Returns the message for a `value` that is not among the `known` ones: did-you-mean, and all of them."""
    known = sorted(known)
    question = did_you_mean(value, known)
    there = f"{question} There" if question else "there"
    return f"no {kind} is called {value!r}; {there} are {', '.join(known) or 'none'}"
