"""Profiling-based rejection sampling (PRS): which turns a trainer learns from.

A correct candidate that leaves the work to PyTorch is kept with a probability that grows with `PR`, the share of own
work; whatever failed is always kept, for otherwise there would be no negative examples. It selects turns and changes
no reward: whether rejected ones stay in a baseline is the trainer's choice (the released code keeps them there).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, fsum, log
from typing import Final

from rewards.terms.coverage import guarded_share
from sandboxes.contracts import Outcome, Report

LEAST_SHARE: Final = 1e-8
"""What a share of 0 counts in a geometric mean."""


class Share(StrEnum):
    """What is taken for `PR`; all are device time of live nodes, whether or not the bench case was verified."""

    REPLACED = "replaced"
    """Of the reference's time, what is not left to PyTorch (`Profile.replaced`). Own time is not in it: neither does
    useless work raise it, nor does a kernel lower it by being fast."""

    COVERAGE = "coverage"
    """The paper's: own kernels' part of the live time (`Profile.coverage`)."""
    GUARDED = "guarded"
    """That of `GuardedCoverage`, as the default reward has it. A slower kernel raises it as far as the candidate is
    faster than its PyTorch operators and the reference; here, no speedup is lost by that."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Whether one turn is kept."""

    probability: float
    uniform: float
    """Drawn from [0, 1); the turn is kept if it is below `probability`."""

    @property
    def kept(self) -> bool:
        """True if the turn is to be learned from."""
        return self.uniform < self.probability


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionSampling:
    """The rule `p = clip((PR - threshold) / softness, 0, 1)` for correct candidates.

    Raises:
        ValueError: A number is out of range.

    Source:
        Dr.Kernel, Eq. 9, with threshold 0.3 and softness 0.1; restricted to correct rows as in the released code.
    """

    threshold: float = 0.3
    softness: float = 0.1
    """0: a hard rule, kept exactly if `PR >= threshold`."""
    share: Share = Share.REPLACED
    seed: int = 0
    """Of the draws."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}; give a share between 0 and 1")
        if not 0 <= self.softness <= 1:
            raise ValueError(f"softness is {self.softness}; give a width between 0 and 1")

    def keep_probability(self, pr: float) -> float:
        """Returns with which probability a correct candidate of this `PR` is kept."""
        if self.softness == 0:
            return float(pr >= self.threshold)
        return min(max((pr - self.threshold) / self.softness, 0.0), 1.0)

    def probability(self, report: Report) -> float:
        """Returns with which probability a turn is kept: 1 for failures, 0 for lost evaluations."""
        if report.outcome is Outcome.OK:
            return self.keep_probability(self.pr(report))
        return float(report.outcome is not Outcome.INFRASTRUCTURE)

    def pr(self, report: Report) -> float:
        """Returns the share of own work of a correct candidate.

        Raises:
            ValueError: The report has no profile, as its candidate is not correct; or is too old to have the share.
        """
        if report.profile is None:
            raise ValueError(f"a report with the outcome {report.outcome} has no profile; PR is for correct candidates")
        match self.share:
            case Share.COVERAGE:
                return report.profile.coverage
            case Share.GUARDED:
                return guarded_share(report.profile)
        if report.profile.replaced is None:
            raise ValueError("the report does not say how much is replaced; evaluate again, or take another share")
        return report.profile.replaced

    def draw(self, report: Report, *, step: int, prompt: str, rollout: int, turn: int) -> Draw:
        """Returns whether a turn is kept; the same arguments always give the same answer, on any machine.

        Args:
            report: The turn's.
            step: Of training.
            prompt: Id of the problem, or of the group.
            rollout: Which of the prompt's.
            turn: Counted from 1.
        """
        return Draw(self.probability(report), uniform(self.seed, step, prompt, rollout, turn))

    def draw_episode(self, reports: Sequence[Report], *, step: int, prompt: str, rollout: int) -> tuple[Draw, ...]:
        """Returns whether each turn is kept, with one probability for all correct turns of an episode.

        That is the one of the geometric mean of their shares, so that one lazy turn costs the others. Each turn still
        has a draw of its own, the same as `draw` would make. (The released code takes the mean over failed turns, too,
        whose share of 0 then rejects every correct one.)
        """
        shares = [max(self.pr(report), LEAST_SHARE) for report in reports if report.outcome is Outcome.OK]
        mean = exp(fsum(map(log, shares)) / len(shares)) if shares else 0.0
        return tuple(
            Draw(
                self.keep_probability(mean) if report.outcome is Outcome.OK else self.probability(report),
                uniform(self.seed, step, prompt, rollout, turn),
            )
            for turn, report in enumerate(reports, 1)
        )


def uniform(seed: int, step: int, prompt: str, rollout: int, turn: int) -> float:
    """Returns a number from [0, 1) that depends on the arguments and on nothing else.

    A buffered row keeps its draw, and neither the order nor the number of other rows matters.
    """
    key = json.dumps([seed, step, prompt, rollout, turn]).encode()
    return (int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 11) * 2.0**-53
