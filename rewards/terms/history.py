"""Terms that look at the episode's earlier turns."""

from collections.abc import Sequence
from math import isnan
from typing import ClassVar

from rewards.terms.base import Positive, TermFunction
from rewards.terms.speed import SPEEDUP_CAP
from sandboxes.contracts import Outcome, Report


class Improvement(TermFunction):
    """Pays by how much a turn beats the best earlier one: `max(0, v - max(v of earlier turns, 0))`.

    Here `v = C + min(T_ref / T, cap)`, 0 for whatever failed or was lost. Over an episode it adds up to the best turn's
    `v`, so with discount 1 nothing is gained by holding back at first, and nothing is lost by trying something that
    fails later. A single turn's value does grow if earlier turns were bad: don't learn from it without the return.

    Source:
        Our own.
    """

    key: ClassVar[str] = "improvement"
    relative: ClassVar[bool] = True

    cap: Positive = SPEEDUP_CAP

    def judge(self, report: Report, history: Sequence[Report]) -> tuple[float, str]:
        """Returns the gain over the best of `history`."""
        now = self._score(report)
        best = max(map(self._score, history), default=0.0)
        return max(now - best, 0.0), f"{now:.3g} now, {best:.3g} at best in {len(history)} earlier turns"

    def _score(self, report: Report) -> float:
        if report.outcome is not Outcome.OK:
            return 0.0
        speedup = report.speedup
        return 1.0 if speedup is None or isnan(speedup) else 1.0 + min(speedup, self.cap)
