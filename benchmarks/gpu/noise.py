"""How steady the reported speedup is: the same kernels again and again, for minutes.

Covered: whatever differs between two evaluations of one program on one GPU, in one evaluator: values, addresses,
clocks, heat, and the statistics that decide when to stop. Not covered: other GPUs of the kind, other days.
"""

import statistics
import time
from collections import defaultdict
from itertools import count
from typing import Any, Final

from benchmarks.gpu.candidates import candidates
from benchmarks.gpu.keeping import clocks, simulated_reports
from benchmarks.gpu.setting import Setting
from kernelgym.evaluators import LocalEvaluator
from sandboxes.contracts import Outcome, Report

SHARE: Final = 4.8
"""Heat and clocks change within minutes."""
SHORT_US: Final = 20.0
"""Kernels below are harder to time."""
AIM_PERCENT: Final = {"long": 1.0, "short": 3.0}
"""Highest coefficient of variation."""


def run(setting: Setting) -> dict[str, Any]:
    """Returns the spread of speedups by kernel, and the largest of long and short ones."""
    reports: dict[str, list[Report]] = defaultdict(list)
    lost: list[str] = []
    kernels = candidates(quick=setting.quick)
    least = 3 if setting.quick else 5
    with LocalEvaluator(gpu=setting.gpu) as evaluator:
        end = time.monotonic() + setting.seconds
        for round_ in count():
            if round_ >= least and time.monotonic() >= end:
                break
            for kernel in kernels:
                config = setting.config(repeat=round_)
                report = evaluator.evaluate(kernel.submission, kernel.problem, config)
                if report.outcome is Outcome.OK:
                    reports[kernel.name].append(report)
                else:
                    lost.append(f"{kernel.name}: {report.outcome}: {report.diagnostics[0].message}")
    everything = [report for each in reports.values() for report in each]
    kinds = {name: describe(each) for name, each in reports.items()}
    return {
        "evaluations": len(everything),
        "rounds": round_,
        "kernels": kinds,
        "worst_variation_percent": {
            kind: max((each["variation_percent"] for each in kinds.values() if each["kind"] == kind), default=None)
            for kind in AIM_PERCENT
        },
        "not_ok": sorted(set(lost)),
        "clocks": clocks(everything),
        "simulated_reports": simulated_reports(everything),
    }


def describe(reports: list[Report]) -> dict[str, Any]:
    """Returns the numbers of one kernel."""
    profiles = [report.profile for report in reports if report.profile is not None]
    speedups = [profile.speedup for profile in profiles]
    middle, time_us = statistics.median(speedups), statistics.median(profile.time_us for profile in profiles)
    intervals = [profile.speedup_interval for profile in profiles if profile.speedup_interval is not None]
    measurements = [profile.measurement for profile in profiles if profile.measurement is not None]
    return {
        "kind": "short" if time_us < SHORT_US else "long",
        "evaluations": len(reports),
        "time_us": round(time_us, 3),
        "speedup": round(middle, 4),
        "variation_percent": round(100 * variation(speedups), 3),
        "interval_width_percent": round(
            100 * statistics.median((high - low) / middle for low, high in intervals), 3
        ) if intervals else None,
        "intervals_with_the_median": sum(low <= middle <= high for low, high in intervals),
        "timed_rounds": statistics.median(each.rounds for each in measurements) if measurements else None,
        "flags": sorted({str(flag) for each in measurements for flag in each.flags}),
    }  # fmt: skip


def variation(values: list[float]) -> float:
    """Returns the coefficient of variation; 0 of fewer than two values."""
    return statistics.stdev(values) / statistics.mean(values) if len(values) > 1 else 0.0


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns what the table shows."""
    words = {"long": f"kernels of at least {SHORT_US:g} us", "short": f"kernels below {SHORT_US:g} us"}
    return [
        (
            f"variation of the speedup, {words[kind]}, the worst one",
            "no such kernel" if worst is None else f"{worst:.2f} %",
            f"<= {AIM_PERCENT[kind]:g} %",
        )
        for kind, worst in found["worst_variation_percent"].items()
    ]
