"""How long one evaluation takes in a warm evaluator, and how many two workers finish per second.

Covered: extraction excluded, everything from submission to report for every correct core solution, all its check cases
and its bench case. Every submission is new to every cache but that of the reference's results: in training, a candidate
never comes twice, but its problem does. Not covered: start-up, which `warm_up_s` shows.
"""

import re
import statistics
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Solution, get_problem, list_solutions
from sandboxes.contracts import EvalConfig, Outcome, Submission

ROUNDS = 3
WORKERS = 2
CONFIG = EvalConfig()

_serial = count()


def run() -> dict[str, object]:
    """Returns latencies (seconds), throughput (evaluations per second), and what did not end as expected."""
    solutions = [solution for solution in list_solutions() if solution.name == "correct"]
    wrong: list[str] = []
    latencies, stages, warm_up_s = _latencies(solutions, wrong)
    throughput, peak_mib = _throughput(solutions, wrong)
    everything = [latency for values in latencies.values() for latency in values]
    return {
        "solutions": len(solutions),
        "evaluations": len(everything),
        "median_s": round(statistics.median(everything), 3),
        "p95_s": round(statistics.quantiles(everything, n=20, method="inclusive")[18], 3),
        "warm_up_s": round(warm_up_s, 2),
        "throughput_per_s": round(throughput, 2),
        "workers": WORKERS,
        "worker_peak_rss_mib": peak_mib,
        "median_s_by_problem": {problem: round(statistics.median(values), 3) for problem, values in latencies.items()},
        "median_s_by_stage": {stage: round(statistics.median(values), 4) for stage, values in stages.items()},
        "not_ok": sorted(set(wrong)),
    }


def renamed(solution: Solution) -> Submission:
    """Returns the solution with new names for its kernels, so that no compile cache knows them."""
    source = solution.source
    tag = f"_{time.time_ns() % 10**9}_{next(_serial)}"
    for name in set(re.findall(r"@triton\.jit\s+def\s+(\w+)", source)):
        source = re.sub(rf"(?<![\w.]){name}\b", f"{name}{tag}", source)
    return Submission(source=source)


def _latencies(
    solutions: list[Solution], wrong: list[str]
) -> tuple[dict[str, list[float]], dict[str, list[float]], float]:
    latencies: dict[str, list[float]] = {solution.problem_id: [] for solution in solutions}
    stages: dict[str, list[float]] = {}
    with LocalEvaluator() as evaluator:
        begin = time.perf_counter()
        for solution in solutions:
            evaluator.evaluate(renamed(solution), get_problem(solution.problem_id), CONFIG)
        warm_up_s = time.perf_counter() - begin
        for _ in range(ROUNDS):
            for solution in solutions:
                submission = renamed(solution)
                begin = time.perf_counter()
                report = evaluator.evaluate(submission, get_problem(solution.problem_id), CONFIG)
                latencies[solution.problem_id].append(time.perf_counter() - begin)
                for stage, seconds in report.timings_s.items():
                    stages.setdefault(stage, []).append(seconds)
                if report.outcome is not Outcome.OK:
                    wrong.append(f"{solution.problem_id}: {report.outcome}")
    return latencies, stages, warm_up_s


def _throughput(solutions: list[Solution], wrong: list[str]) -> tuple[float, int]:
    """Returns evaluations per second, and the largest resident set that a worker ever had."""
    with LocalEvaluator(workers=WORKERS) as evaluator:
        list(evaluator.evaluate_many((renamed(s), get_problem(s.problem_id), CONFIG) for s in solutions * WORKERS))
        requests = [(renamed(s), get_problem(s.problem_id), CONFIG) for s in solutions * ROUNDS]
        begin = time.perf_counter()
        reports = dict(evaluator.evaluate_many(requests))
        elapsed = time.perf_counter() - begin
        peak_mib = max(_peak_mib(child) for child in children())
    wrong += [
        f"{reports[index].problem}: {reports[index].outcome}" for index in reports if reports[index].outcome != "ok"
    ]
    return len(requests) / elapsed, peak_mib


def children() -> list[int]:
    """Returns the process ids of our children: the workers."""
    found: list[int] = []
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended meanwhile
            found += map(int, task.read_text().split())
    return found


def _peak_mib(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024
