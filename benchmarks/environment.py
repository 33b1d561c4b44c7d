"""What the vector environment costs on top of the evaluator, and whether memory stays flat over many steps.

Throughput: 16 sub-environments on 2 workers against `evaluate_many` with the same candidates on the same evaluator, in
turns. The environment waits for the slowest of each step; the evaluator has all candidates at once.

Memory: 2,000 steps over all problems, resident sets of this process and of its workers on the way, and the slope of a
straight line through the second half, in which every problem and every buffer has been seen.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.evaluation import children, renamed
from kernelgym.envs import KernelVectorEnv
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Solution, get_problem, list_solutions
from sandboxes.contracts import EvalConfig

ENVIRONMENTS = 16
WORKERS = 2
ROUNDS = 4
STEPS_PER_ROUND = 3
MEMORY_STEPS = 2000
SAMPLE_EVERY = 10
"""Steps of the vector environment between two looks at memory."""

CONFIG = EvalConfig()


def run() -> dict[str, object]:
    """Returns throughputs (evaluations per second), slopes of memory (MiB per 1,000 steps), and import times."""
    solutions = [item for item in list_solutions() if item.name == "correct"][:ENVIRONMENTS]
    with LocalEvaluator(workers=WORKERS) as evaluator:
        environment = KernelVectorEnv(ENVIRONMENTS, evaluator=evaluator, max_turns=10**6)
        environment.reset(seed=0, options={"problem": [item.problem_id for item in solutions]})
        for _ in range(2):  # both workers have seen every problem
            environment.step(_completions(solutions))
        throughput = _throughput(environment, evaluator, solutions)
        memory = _memory(environment, [item for item in list_solutions() if item.name == "wrong"])
        environment.close()
    return throughput | memory | _imports()


def _completions(solutions: list[Solution]) -> list[str]:
    return [f"```python\n{renamed(item).source}\n```" for item in solutions]


def _throughput(
    environment: KernelVectorEnv, evaluator: LocalEvaluator, solutions: list[Solution]
) -> dict[str, object]:
    seconds: dict[str, list[float]] = {"evaluator": [], "environment": []}
    for _ in range(ROUNDS):
        requests = [(renamed(item), get_problem(item.problem_id), CONFIG) for item in solutions * STEPS_PER_ROUND]
        begin = time.perf_counter()
        list(evaluator.evaluate_many(requests))
        seconds["evaluator"].append(time.perf_counter() - begin)
        actions = [_completions(solutions) for _ in range(STEPS_PER_ROUND)]
        begin = time.perf_counter()
        for action in actions:
            environment.step(action)
        seconds["environment"].append(time.perf_counter() - begin)
    evaluations = ENVIRONMENTS * STEPS_PER_ROUND
    ratios = [a / b for a, b in zip(seconds["evaluator"], seconds["environment"], strict=True)]
    return {
        "environments": ENVIRONMENTS,
        "workers": WORKERS,
        "evaluator_per_s": round(evaluations / statistics.median(seconds["evaluator"]), 2),
        "environment_per_s": round(evaluations / statistics.median(seconds["environment"]), 2),
        "environment_over_evaluator": round(statistics.median(ratios), 3),
    }


def _memory(environment: KernelVectorEnv, solutions: list[Solution]) -> dict[str, object]:
    """Plays wrong candidates, which are quick, on all problems in turn."""
    steps = MEMORY_STEPS // ENVIRONMENTS
    own: list[float] = []
    workers: list[float] = []
    at: list[int] = []
    for step in range(steps):
        chosen = [solutions[(step * ENVIRONMENTS + seat) % len(solutions)] for seat in range(ENVIRONMENTS)]
        environment.reset(options={"problem": [item.problem_id for item in chosen]})
        environment.step(_completions(chosen))
        if step % SAMPLE_EVERY == SAMPLE_EVERY - 1:
            at.append((step + 1) * ENVIRONMENTS)
            own.append(_resident_mib(os.getpid()))
            workers.append(sum(_resident_mib(process) for process in children()))
    half = len(at) // 2
    slopes = {
        name: float(np.polyfit(at[half:], values[half:], 1)[0]) * 1000
        for name, values in (("process", own), ("workers", workers))
    }
    return {
        "memory_steps": steps * ENVIRONMENTS,
        "process_rss_mib": [round(own[0]), round(own[-1])],
        "workers_rss_mib": [round(workers[0]), round(workers[-1])],
        "process_slope_mib_per_1000_steps": round(slopes["process"], 2),
        "workers_slope_mib_per_1000_steps": round(slopes["workers"], 2),
    }


def _resident_mib(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _imports() -> dict[str, object]:
    """Returns medians of five: what starting costs before anything is done."""
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "import_kernelgym": [sys.executable, "-c", "import kernelgym"],
        "help": [str(Path(sys.executable).with_name("kernelgym")), "--help"],
    }
    medians: dict[str, object] = {}
    for name, command in commands.items():
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - begin)
        medians[f"{name}_s"] = round(statistics.median(times), 3)
    return medians
