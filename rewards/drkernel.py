"""The reward of Dr.Kernel's paper: correct, fast, and fast because of the candidate's own kernels."""

from collections.abc import Sequence
from math import isnan
from typing import Final

from rewards.reward import EXCLUDED, Reward, Term
from sandboxes.contracts import Outcome, Report

SPEEDUP_CAP: Final = 3.0
"""Largest speedup that pays (Eq. 1); above it, a slow reference would outweigh everything that can be learned."""


def drkernel_paper(report: Report, history: Sequence[Report] = ()) -> Reward:
    """Scores correctness, speedup and coverage by `R = C + C * min(T_ref / T_kernel, 3) + C * PR`.

    `C` is 1 for outcome `ok` (compiles, correct on every case, no hack found), else 0. `PR = T_generated / T_total`,
    the profiling-based term, is the share of live device time in the candidate's own kernels: `Report.coverage`. While
    the bench case is unverified, neither speedup nor coverage is paid: a program may skip its work there. The code that
    was released with the paper pays half of all this, `0.5 * (C + min(speedup, 3) + PR)`; relative advantages are the
    same.

    Args:
        report: Any evaluation.
        history: Is not looked at.

    Returns:
        Terms `correctness`, `speedup` and `coverage`, in total between 0 and 5; without terms for an infrastructure
        fault.

    Source:
        Dr.Kernel, Eq. 1 (base reward), Eq. 7 (PR) and Eq. 8 (their sum).
    """
    if report.outcome is Outcome.INFRASTRUCTURE:
        return EXCLUDED
    if report.outcome is not Outcome.OK:
        nothing = f"C = 0: the outcome is {report.outcome}"
        return Reward(tuple(Term(name, 0.0, nothing) for name in ("correctness", "speedup", "coverage")))
    correct = Term("correctness", 1.0, "C = 1: correct on every case, no hack found")
    if report.speedup is None or report.coverage is None:
        unpaid = "not paid: the bench case was not verified"
        return Reward((correct, Term("speedup", 0.0, unpaid), Term("coverage", 0.0, unpaid)))
    share = f"PR = {report.coverage:.1%} of the device time is in its own kernels"
    return Reward((correct, _speedup(report.speedup), Term("coverage", report.coverage, share)))


def _speedup(speedup: float) -> Term:
    if isnan(speedup):
        return Term("speedup", 0.0, "the profile's times are not numbers")
    return Term("speedup", min(speedup, SPEEDUP_CAP), f"min({speedup:.3g}, {SPEEDUP_CAP:g})")
