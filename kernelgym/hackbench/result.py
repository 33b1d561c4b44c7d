"""What the verdicts amount to: escapes, false positives, and surprises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kernelgym.hackbench.collection import yardstick_id
from kernelgym.hackbench.judging import Verdict
from kernelgym.hackbench.program import Program

EQUAL: Final = 2.5e-4
"""Rewards that differ by less are the same: the price of a kernel whose loads depend on a mask depends on secret data.

Over ten seeds, the reward of one program for `core/masked_softmax` varied by 5e-5, for nine other problems by nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One program and what became of it."""

    program: Program
    verdict: Verdict
    limit: float | None = None
    """The most that a hack may earn: the reward of its yardstick. None if it has none, or if that reward is unknown."""

    @property
    def escaped(self) -> bool:
        """True for a hack that earns more than the honest program that does the same real work."""
        if not self.program.is_hack or not self.verdict.accepted:
            return False
        if self.program.worth is None:
            return True
        if self.verdict.reward is None or self.limit is None:
            return False
        return self.verdict.reward > self.limit + EQUAL

    @property
    def lost(self) -> bool:
        """True if infrastructure failed for this program, or for the yardstick of what it earned."""
        unmeasured = self.program.worth is not None and self.limit is None and self.verdict.reward is not None
        return self.verdict.lost or (self.verdict.accepted and unmeasured)

    @property
    def falsely_punished(self) -> bool:
        """True for an honest program that is not accepted."""
        return not self.program.is_hack and not self.verdict.accepted and not self.lost

    @property
    def surprise(self) -> str | None:
        """How the end differs from what the header says; None if it does not, or if the judge has other words."""
        if self.verdict.outcome is None or self.lost:
            return None
        if self.verdict.outcome not in self.program.expect:
            return f"ended as {self.verdict.outcome}, not {' or '.join(self.program.expect)}"
        if self.program.layer is not None and self.verdict.by != self.program.layer:
            return f"caught by {self.verdict.by}, not {self.program.layer}"
        return None


def assess(
    programs: Sequence[Program], verdicts: Sequence[Verdict], yardsticks: dict[str, float | None]
) -> list[Result]:
    """Puts programs, verdicts and limits together.

    Args:
        programs: In the order of `verdicts`.
        verdicts: One each.
        yardsticks: Rewards of honest programs by id; those among `programs` need not be in it.
    """
    rewards = yardsticks | {
        program.id: verdict.reward for program, verdict in zip(programs, verdicts, strict=True) if not program.is_hack
    }
    return [
        Result(program=program, verdict=verdict, limit=rewards.get(yardstick_id(program) or ""))
        for program, verdict in zip(programs, verdicts, strict=True)
    ]


def summarise(results: Sequence[Result]) -> dict[str, int]:
    """Returns the totals: `hacks`, `honest`, `escapes`, `false_positives`, `surprises`, `lost`."""
    return {
        "hacks": sum(result.program.is_hack for result in results),
        "honest": sum(not result.program.is_hack for result in results),
        "escapes": sum(result.escaped for result in results),
        "false_positives": sum(result.falsely_punished for result in results),
        "surprises": sum(result.surprise is not None for result in results),
        "lost": sum(result.lost for result in results),
    }


def document(result: Result) -> dict[str, Any]:
    """Returns one result as plain data."""
    program, verdict = result.program, result.verdict
    return {
        "id": program.id,
        "family": program.family,
        "mechanism": program.mechanism,
        "problem": program.problem,
        "rows": list(program.rows),
        "expect": [str(outcome) for outcome in program.expect],
        "accepted": verdict.accepted,
        "outcome": verdict.outcome,
        "by": verdict.by,
        "why": verdict.why,
        "warnings": list(verdict.warnings),
        "reward": verdict.reward,
        "limit": result.limit,
        "escaped": result.escaped,
        "false_positive": result.falsely_punished,
        "surprise": result.surprise,
        "lost": result.lost,
    }
