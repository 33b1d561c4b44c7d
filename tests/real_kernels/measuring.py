"""Evaluates the catalogue on the real way of a candidate: sandbox, gate, compiler, executor, judge."""

from collections.abc import Iterable
from dataclasses import dataclass

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem
from sandboxes.contracts import Outcome, Report
from tests.real_kernels.catalogue import Kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What came of one kernel with one dtype."""

    kernel: Kernel
    dtype: str
    report: Report

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the catalogue's."""
        return self.report.outcome is self.kernel.outcome

    @property
    def share(self) -> float | None:
        """The error over the error allowed, of the case that came closest to it; None if nothing was compared."""
        compared = [case for case in self.report.cases if case.passed]
        return max((case.max_error / (case.tolerance or 1.0) for case in compared), default=None)

    @property
    def words(self) -> str:
        """The verdict with what it is about, for a failing test."""
        details = "; ".join(f"{item.stage} line {item.line}: {item.message}" for item in self.report.diagnostics)
        return f"{self.report.outcome}: {details}"


def measure(kernels: Iterable[Kernel], *, workers: int = 2) -> list[Measurement]:
    """Evaluates kernels with all their dtypes, in the catalogue's order."""
    jobs = [(kernel, dtype) for kernel in kernels for dtype in kernel.dtypes]
    requests = [
        (kernel.submission(), Problem(reference=kernel.problem(dtype), title=kernel.title), kernel.config())
        for kernel, dtype in jobs
    ]
    with LocalEvaluator(workers=workers) as evaluator:
        reports = dict(evaluator.evaluate_many(requests))
    return [
        Measurement(kernel=kernel, dtype=dtype, report=reports[index]) for index, (kernel, dtype) in enumerate(jobs)
    ]


def matched(measurements: Iterable[Measurement]) -> list[Measurement]:
    """Returns those that agree with PyTorch."""
    return [item for item in measurements if item.report.outcome is Outcome.OK]
