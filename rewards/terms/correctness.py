"""Terms that look at the outcome alone."""

from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import model_validator

from rewards.terms.base import Number, TermFunction, incorrect
from sandboxes.contracts import Outcome, Report


class Correctness(TermFunction):
    """Pays `C`: 1 for outcome `ok` (compiles, correct on every case, no hack found), else 0.

    Source:
        Dr.Kernel, Eq. 1.
    """

    key: ClassVar[str] = "correctness"

    def judge(self, report: Report, history: Sequence[Report]) -> tuple[float, str]:
        """Returns 1 or 0."""
        if report.outcome is not Outcome.OK:
            return 0.0, incorrect(report)
        return 1.0, "C = 1: correct on every case, no hack found"


class Failure(TermFunction):
    """Pays by how far a candidate got before it failed, and 0 for a correct one.

    By default the further the more: not Python < can't be imported < can't be traced < does not compile < can't be
    launched, or breaks memory < wrong values. No code, hacks and what this device can't judge, or did not,
    get 0. All is less than the 1 of `correctness`, so that the sum of both never pays a failure more than a correct
    candidate.

    Raises:
        ValidationError: `hack` is more than another outcome's value: being caught must not be the better way to fail.
    """

    key: ClassVar[str] = "failure"

    no_code: Number = 0.0
    syntax_error: Number = 0.05
    import_error: Number = 0.1
    untraceable: Number = 0.15
    trace_error: Number = 0.15
    compile_error: Number = 0.2
    launch_error: Number = 0.25
    memory_error: Number = 0.25
    timeout: Number = 0.15
    """Whoever hangs gets no more than who does not trace: it costs the most."""
    incorrect: Number = 0.3
    unsupported: Number = 0.0
    """More than any other failure would make it a way out of a bad score."""
    unjudged: Number = 0.0
    """Nobody knows whether it failed: it was priced only."""
    hack: Number = 0.0

    @model_validator(mode="after")
    def _hacks_are_lowest(self) -> Self:
        for outcome, value in self:
            if value < self.hack:
                raise ValueError(f"hack is {self.hack:g}, more than {outcome} with {value:g}; make it the lowest")
        return self

    def judge(self, report: Report, history: Sequence[Report]) -> tuple[float, str]:
        """Returns the value of the outcome's field."""
        if report.outcome is Outcome.OK:
            return 0.0, "it did not fail"
        return float(getattr(self, report.outcome.value)), f"the outcome is {report.outcome}"
