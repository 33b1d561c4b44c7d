"""The reward of Dr.Kernel's paper: correct, fast, and fast because of the candidate's own kernels."""

from math import isnan
from typing import Final

from rewards.reward import EXCLUDED, Reward, Term
from sandboxes.contracts import Outcome, Report

SPEEDUP_CAP: Final = 3.0
"""Largest speedup that pays (Eq. 1); above it, a slow reference would outweigh everything that can be learned."""


def drkernel_paper(report: Report) -> Reward:
    """Scores correctness, speedup and coverage by `R = C + C * min(T_ref / T_kernel, 3) + C * PR`.

    `C` is 1 for outcome `ok` (compiles, correct on every case, no hack found), else 0. `PR = T_generated / T_total`,
    the profiling-based term, is the share of live device time in the candidate's own kernels: `Report.coverage`. The
    speedup is the report's, which stays at most 1 while the bench case is unverified. The code that was released with
    the paper pays half of all this, `0.5 * (C + min(speedup, 3) + PR)`; relative advantages are the same.

    Args:
        report: Any evaluation; nothing else is looked at.

    Returns:
        Terms `correctness`, `speedup` and `coverage`, in total between 0 and 5; without terms for an infrastructure
        fault.

    Source:
        Dr.Kernel, Eq. 1 (base reward), Eq. 7 (PR) and Eq. 8 (their sum).
    """
    if report.outcome is Outcome.INFRASTRUCTURE:
        return EXCLUDED
    if report.outcome is not Outcome.OK or report.speedup is None or report.coverage is None:
        nothing = f"C = 0: the outcome is {report.outcome}"
        return Reward(tuple(Term(name, 0.0, nothing) for name in ("correctness", "speedup", "coverage")))
    return Reward(
        (
            Term("correctness", 1.0, "C = 1: correct on every case, no hack found"),
            _speedup(report.speedup, verified=report.bench is not None and report.bench.verified),
            Term("coverage", report.coverage, f"PR = {report.coverage:.1%} of the device time is in its own kernels"),
        )
    )


def _speedup(speedup: float, *, verified: bool) -> Term:
    if isnan(speedup):
        return Term("speedup", 0.0, "the profile's times are not numbers")
    note = f"min({speedup:.3g}, {SPEEDUP_CAP:g})"
    if not verified:
        note += "; at most 1, because the bench case was not verified"
    return Term("speedup", min(speedup, SPEEDUP_CAP), note)
