"""Leaves out the problems from which nothing can be learned at present."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from kernelgym.problems import Problem
from policies.curriculum.book import DifficultyBook
from policies.curriculum.verdict import USUAL, Thresholds, Verdict, judge_difficulty

USELESS: Final = frozenset({Verdict.TOO_EASY, Verdict.IMPOSSIBLE})
"""Verdicts whose problems give no gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filtered:
    """What is left of some problems, and what is not."""

    kept: tuple[Problem, ...]
    """In their order."""
    dropped: dict[str, Verdict]
    """Why, by id."""


def filter_problems(
    problems: Iterable[Problem],
    book: DifficultyBook,
    thresholds: Thresholds = USUAL,
    *,
    drop: Collection[Verdict] = USELESS,
) -> Filtered:
    """Splits problems by their difficulty; what nobody has tried enough is kept.

    As the evidence in the book fades, a problem that was dropped comes back.
    """
    judged = [(problem, judge_difficulty(book, problem.id, thresholds)) for problem in problems]
    return Filtered(
        kept=tuple(problem for problem, verdict in judged if verdict not in drop),
        dropped={problem.id: verdict for problem, verdict in judged if verdict in drop},
    )
