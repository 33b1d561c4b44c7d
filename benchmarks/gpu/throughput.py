"""How many candidates a GPU judges per minute, and how much of the time it measures.

All bundled solutions, right, slow and wrong ones, as training would send them: each new to every cache but that of its
problem. `workers` processes trace, compile and judge on the CPU, and take turns on the GPU. Covered: everything from
submission to report, compilers and reference included. Not covered: start-up, and queues between machines.
"""

import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any, Final

from benchmarks.evaluation import renamed
from benchmarks.gpu.keeping import clocks, simulated_reports
from benchmarks.gpu.setting import Setting
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Solution, get_problem, list_solutions
from sandboxes.contracts import Outcome, Report, Stage

SHARE: Final = 0.8
QUICK: Final = {("core/add_relu", name) for name in ("correct", "slow", "wrong")}
AIM_PER_MINUTE: Final = 30
AIM_BUSY: Final = 0.6

Judged = tuple[Solution, Report]


def run(setting: Setting) -> dict[str, Any]:
    """Returns evaluations per minute, and shares of the time."""
    solutions = [item for item in list_solutions() if not setting.quick or (item.problem_id, item.name) in QUICK]
    warm = [item for item in solutions if item.name == "correct"]
    with LocalEvaluator(gpu=setting.gpu, workers=setting.workers) as evaluator:
        begin = time.monotonic()
        judge(evaluator, warm[: setting.workers], setting, seconds=0.0)
        warm_up_s = time.monotonic() - begin
        begin = time.monotonic()
        judged = judge(evaluator, solutions, setting, seconds=setting.seconds)
        elapsed_s = time.monotonic() - begin
    return summary(judged, elapsed_s) | {"workers": setting.workers, "warm_up_s": round(warm_up_s, 1)}


def judge(evaluator: LocalEvaluator, solutions: list[Solution], setting: Setting, *, seconds: float) -> list[Judged]:
    """Evaluates solutions, each once at least and then again in turns while there is time; returns all reports."""
    config = setting.config()
    waiting, taking = cycle(solutions), threading.Lock()
    end, left = time.monotonic() + seconds, len(solutions) if setting.quick or not seconds else setting.workers
    judged: list[Judged] = []

    def work() -> None:
        nonlocal left
        while True:
            with taking:
                if left <= 0 and time.monotonic() >= end:
                    return
                left -= 1
                solution = next(waiting)
            report = evaluator.evaluate(renamed(solution), get_problem(solution.problem_id), config)
            judged.append((solution, report))

    with ThreadPoolExecutor(setting.workers) as pool:
        for worker in [pool.submit(work) for _ in range(setting.workers)]:
            worker.result()
    return judged


def summary(judged: list[Judged], elapsed_s: float) -> dict[str, Any]:
    """Returns what the reports amount to."""
    reports = [report for _, report in judged]
    measuring_s = sum(report.timings_s.get(Stage.PROFILE, 0.0) for report in reports if uses_gpu(report))
    on_gpu_s = measuring_s + sum(report.timings_s.get(Stage.REPLAY, 0.0) for report in reports if uses_gpu(report))
    stages = {
        str(stage): [report.timings_s[stage] for report in reports if stage in report.timings_s] for stage in Stage
    }
    return {
        "evaluations": len(reports),
        "seconds": round(elapsed_s, 1),
        "evaluations_per_minute": round(60 * len(reports) / elapsed_s, 1),
        "timed_per_minute": round(60 * sum(report.profile is not None for report in reports) / elapsed_s, 1),
        "measuring_share": round(measuring_s / elapsed_s, 3),
        "judging_and_measuring_share": round(on_gpu_s / elapsed_s, 3),
        "median_s_by_stage": {stage: round(statistics.median(each), 3) for stage, each in stages.items() if each},
        "outcomes": dict(Counter(str(report.outcome) for report in reports)),
        "unexpected": sorted(
            {
                f"{solution.problem_id} {solution.name}: {report.outcome}, not {solution.expected}"
                for solution, report in judged
                if report.outcome is not solution.expected
            }
        ),
        "clocks": clocks(reports),
        "simulated_reports": simulated_reports(reports),
    }


def uses_gpu(report: Report) -> bool:
    """True if an evaluation came as far as the GPU."""
    return report.outcome is Outcome.OK


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns what the table shows."""
    return [
        (
            f"core evaluations per minute, {found['workers']} workers, compilation and reference included",
            f"{found['evaluations_per_minute']:g}",
            f">= {AIM_PER_MINUTE}",
        ),
        ("share of the time in which the GPU measures", f"{found['measuring_share']:.0%}", f">= {AIM_BUSY:.0%}"),
        ("the same, judging included", f"{found['judging_and_measuring_share']:.0%}", ""),
    ]
