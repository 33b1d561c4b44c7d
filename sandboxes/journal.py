"""Collects what happens to one candidate and turns it into a `Report`."""

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

from sandboxes.contracts import (
    BenchCheck,
    CaseResult,
    Diagnostic,
    EvalConfig,
    Finding,
    Outcome,
    Profile,
    Reference,
    Report,
    Stage,
    Submission,
)
from sandboxes.faults import Fault, faults

OnStage = Callable[[Stage], None]

JUDGE_IT: Final = "Nothing to repair; evaluate it with the depth `judged` for a verdict."


class Journal:
    """The record of one evaluation.

    Args:
        submission: The candidate.
        reference: What it has to match.
        config: How it is evaluated.
        on_stage: Told which stage begins.
        timings_s: What stages have taken so far, in another process.
    """

    def __init__(
        self,
        submission: Submission,
        reference: Reference,
        config: EvalConfig,
        on_stage: OnStage,
        timings_s: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.submission = submission
        self.findings: tuple[Finding, ...] = ()
        self._reference = reference
        self._config = config
        self._on_stage = on_stage
        self._timings = dict(timings_s)

    @property
    def timings_s(self) -> dict[str, float]:
        """Wall time of each stage so far, seconds."""
        return dict(self._timings)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Times a stage; what the candidate does wrong in it becomes a `Fault`."""
        self._on_stage(stage)
        start = time.perf_counter()
        try:
            with faults(stage, self.submission):
                yield
        finally:
            self._timings[stage] = self._timings.get(stage, 0.0) + time.perf_counter() - start

    def failed(self, fault: Fault) -> Report:
        """Returns the report of a candidate that is not ok."""
        return Report(
            outcome=fault.outcome,
            submission=self.submission.digest,
            problem=self._reference.id,
            config=self._config,
            cases=fault.cases,
            findings=fault.findings or self.findings,
            diagnostics=(fault.diagnostic,),
            timings_s=self._timings,
            versions=versions(),
        )

    def priced(self, estimate: Profile) -> Report:
        """Returns the report of a candidate that nobody judged."""
        text = (
            f"not judged, only priced (depth `priced`): {estimate.time_us:.4g} us modelled against "
            f"{estimate.reference_time_us:.4g} us of the reference; whether its results are right is not known"
        )
        return Report(
            outcome=Outcome.UNJUDGED,
            submission=self.submission.digest,
            problem=self._reference.id,
            config=self._config,
            findings=self.findings,
            diagnostics=(Diagnostic(stage=Stage.PROFILE, message=text, hint=JUDGE_IT),),
            estimate=estimate,
            timings_s=self._timings,
            versions=versions(),
        )

    def passed(self, cases: Sequence[CaseResult], bench: BenchCheck, profile: Profile) -> Report:
        """Returns the report of a candidate that is right everywhere."""
        return Report(
            outcome=Outcome.OK,
            submission=self.submission.digest,
            problem=self._reference.id,
            config=self._config,
            cases=tuple(cases),
            bench=bench,
            findings=self.findings,
            profile=profile,
            timings_s=self._timings,
            versions=versions(),
        )


@cache
def versions() -> dict[str, str]:
    """Returns the versions that a verdict depends on."""
    packages = {name: version(name) for name in ("kernelgym", "torch", "triton")}
    return {**packages, "python": platform.python_version()}
