"""Everything known about one evaluation: the value that is stored, re-scored and shown."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sandboxes.contracts.base import SCHEMA_VERSION, Contract
from sandboxes.contracts.case import CaseKind
from sandboxes.contracts.config import Depth, EvalConfig
from sandboxes.contracts.diagnostic import Diagnostic, Text
from sandboxes.contracts.finding import Finding, Severity
from sandboxes.contracts.outcome import Outcome
from sandboxes.contracts.profile import Profile

REACHED_REPLAY = frozenset({Outcome.OK, Outcome.INCORRECT, Outcome.MEMORY_ERROR, Outcome.HACK, Outcome.TIMEOUT})
"""Outcomes in which outputs may have been compared."""


class BenchCheck(Contract):
    """How far the bench case itself was verified; there is no speedup without it."""

    verified: bool
    how: Text
    """`executed in full`, or why not."""


class CaseResult(Contract):
    """Correctness at one case, over all value distributions and weight seeds."""

    case: str
    kind: CaseKind
    passed: bool
    trials: Annotated[int, Field(ge=0)]
    """Input sets that were compared."""
    failed_trials: Annotated[int, Field(ge=0)]
    max_error: float | None = None
    """Largest absolute difference from the float64 truth; None if nothing was compared."""
    tolerance: float | None = None
    """What was allowed there, absolute."""
    detail: Text | None = None
    """What the first failure looks like: which output, where, how large, under which distribution."""
    pattern: Text | None = None
    """Which pattern its wrong elements follow, e.g. that only the tail is wrong, or all are twice as large."""

    @property
    def failure(self) -> str:
        """What the first failure looks like, and which pattern it follows."""
        return "; ".join(words for words in (self.detail, self.pattern) if words)

    @model_validator(mode="after")
    def _passed_means_no_failed_trial(self) -> Self:
        if self.passed != (self.trials > 0 and self.failed_trials == 0):
            raise ValueError("a case has passed exactly if it was tried and no trial failed")
        return self


class Report(Contract):
    """One evaluation. Illegal states can't be built: no verdict `ok` with a failed case, no speedup without `ok`."""

    schema_version: Literal[1] = SCHEMA_VERSION
    outcome: Outcome
    submission: Annotated[str, Field(max_length=64)]
    """Digest of the candidate; empty if there was none."""
    problem: Annotated[str, Field(max_length=500)]
    """Id of the problem."""
    config: EvalConfig
    cases: tuple[CaseResult, ...] = ()
    bench: BenchCheck | None = None
    findings: tuple[Finding, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    profile: Profile | None = None
    estimate: Profile | None = None
    """What the hardware model says of a candidate that was priced only (`unjudged`): of no worth as a result, since a
    wrong program may be as fast as it likes. Kept apart from `profile`, so that nothing is paid for it by accident."""
    timings_s: dict[str, float] = Field(default_factory=dict)
    """Wall time of each stage, seconds."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Of kernelgym, torch, triton and the compiler: part of what the verdict depends on."""

    @property
    def correct(self) -> bool:
        """True if every case was compared and passed (a hack may be correct, too)."""
        return bool(self.cases) and all(case.passed for case in self.cases)

    @property
    def speedup(self) -> float | None:
        """Reference time over candidate time; None unless the outcome is `ok` and the bench case was verified.

        A program may be right at the check shapes and skip work at the size that is timed: without verification there
        the time in `profile` says nothing.
        """
        if self.outcome is not Outcome.OK or self.profile is None or self.bench is None or not self.bench.verified:
            return None
        return self.profile.speedup

    @property
    def coverage(self) -> float | None:
        """Share of live device time in the candidate's own kernels; None without a profile."""
        return None if self.profile is None else self.profile.coverage

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        rejected = [finding.rule for finding in self.findings if finding.severity is Severity.REJECT]
        if self.outcome is Outcome.OK:
            if not self.correct:
                raise ValueError("outcome `ok` needs at least one case, and every case passed")
            if rejected:
                raise ValueError(f"outcome `ok` contradicts the finding `{rejected[0]}`")
            if self.profile is None:
                raise ValueError("outcome `ok` needs a profile")
        elif self.profile is not None:
            raise ValueError(f"only outcome `ok` carries a profile, not `{self.outcome}`")
        if self.outcome is Outcome.OK and self.config.depth is Depth.PRICED:
            raise ValueError("outcome `ok` can't come from an evaluation that compares nothing (depth `priced`)")
        if (self.outcome is Outcome.UNJUDGED) != (self.estimate is not None):
            raise ValueError("outcome `unjudged` has an estimate, and no other has one")
        if self.outcome is Outcome.UNJUDGED and (self.config.depth is not Depth.PRICED or rejected):
            raise ValueError("outcome `unjudged` needs the depth `priced`, and no finding that rejects")
        if self.outcome is Outcome.HACK and not rejected:
            raise ValueError("outcome `hack` needs a finding that rejects")
        if self.outcome not in REACHED_REPLAY and self.cases:
            raise ValueError(f"outcome `{self.outcome}` can't have compared any case")
        if self.outcome not in (Outcome.OK, Outcome.HACK) and not self.diagnostics:
            raise ValueError(f"outcome `{self.outcome}` needs a diagnostic that says why")
        return self
