"""A term that looks at candidates nobody judged: for choosing what to judge, never for learning."""

from collections.abc import Sequence
from math import isnan
from typing import ClassVar

from rewards.terms.base import UNVERIFIED, Positive, TermFunction, incorrect
from rewards.terms.speed import NO_NUMBERS, SPEEDUP_CAP
from sandboxes.contracts import Outcome, Report


class EstimatedSpeedup(TermFunction):
    """Pays `min(T_ref / T, cap)` of whatever was priced, and 0 for what failed: correctness is NOT asked for.

    A program that computes nothing of what it should is as fast as it likes, so a policy that learned from this would
    learn that. It ranks candidates that were evaluated with the depth `priced`, where every other term pays nothing.
    What was judged is paid by its verified speedup.

    Source:
        Our own.
    """

    key: ClassVar[str] = "estimated_speedup"

    cap: Positive = SPEEDUP_CAP

    def judge(self, report: Report, history: Sequence[Report]) -> tuple[float, str]:
        """Returns the capped speedup, verified or not."""
        if report.outcome is Outcome.UNJUDGED and report.estimate is not None:
            speedup, note = report.estimate.speedup, "an estimate: nobody compared its results"
        elif report.outcome is not Outcome.OK:
            return 0.0, incorrect(report)
        elif report.speedup is None:
            return 0.0, UNVERIFIED
        else:
            speedup, note = report.speedup, "judged"
        if isnan(speedup):
            return 0.0, NO_NUMBERS
        return min(speedup, self.cap), f"min({speedup:.3g}, {self.cap:g}), {note}"
