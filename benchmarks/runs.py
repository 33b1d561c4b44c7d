"""What `kernelgym run` costs on top of the evaluator, and whether its memory stays flat.

Throughput: problems x 2 samples x 3 turns by the stories of the policy `demo`, on 2 workers and 2 cores, through the
whole command: prompts, feedback, records, files, summary. Then the same requests with the same seeds by `evaluate_many`
on an evaluator of its own, which is given all of them at once, without prompts and without order. Both take turns, in
rounds of `ROUND` problems, so that what else the machine does hits both. The problems are copies of the built-in ones;
each copy has a reference and kernels of its own, so that no cache knows it.

Memory: thousands of episodes with a stored report, so that all there is is orchestration.

`python -m benchmarks.runs 100` has the size of the aim, and takes ten minutes or more.
"""

import json
import os
import re
import statistics
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.machine import machine
from kernelgym.cli.services import Services
from kernelgym.envs import Rules
from kernelgym.evaluators import Evaluator, LocalEvaluator, Request
from kernelgym.problems import Problem, get_problem, list_solutions
from kernelgym.runs.folder import RunFolder
from kernelgym.settings import Settings
from policies import register_policy
from policies.identity import describe_run
from policies.progress import RunProgress
from policies.rollouts import rollout
from policies.run import Options, play
from policies.scripted import STORIES, DemoPlayer
from sandboxes.contracts import Description, EvalConfig, Outcome, Precision, Report, Submission

PROBLEMS = 34
SAMPLES = 2
TURNS = 3
WORKERS = CORES = 2
ROUND = 25
LIGHT_EPISODES = 3000
WARM_UP = 2


def run(problems: int = PROBLEMS) -> dict[str, object]:
    """Returns throughputs (evaluations per second), CPU time of this process, and slopes of memory."""
    register_policy("stories", Stories)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(cores)[:CORES]))
    try:
        throughput, report = _throughput(problems)
        return throughput | _memory(report)
    finally:
        os.sched_setaffinity(0, cores)


class Stories:
    """The policy `demo` on copies of the built-in problems."""

    name = "stories"

    def begin(self, problem: Problem, seed: int) -> DemoPlayer:
        original, copy = problem.id.rpartition("/")[2].rsplit("-", 1)
        sources = {solution.name: _renamed(solution.source, copy) for solution in list_solutions(f"core/{original}")}
        return DemoPlayer(STORIES[seed % len(STORIES)](problem, sources))


class Recording:
    """An evaluator that remembers requests and reports, and stays open for the next round."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.requests: list[Request] = []
        self.reports: dict[int, Report] = {}
        self.describing_s: list[float] = []
        self._events: list[tuple[float, int]] = []
        self._lock = threading.Lock()

    def describe(self, problem: Problem) -> Description:
        begin = time.perf_counter()
        with self._asking():
            description = self._evaluator.describe(problem)
        self.describing_s.append(time.perf_counter() - begin)
        return description

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        with self._asking():
            with self._lock:
                index = len(self.requests)
                self.requests.append((submission, problem, config))
            self.reports[index] = report = self._evaluator.evaluate(submission, problem, config)
            return report

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with self._lock:
            self._events.append((time.perf_counter(), 1))
        try:
            yield
        finally:
            with self._lock:
                self._events.append((time.perf_counter(), -1))

    def asked_s(self) -> float:
        """Returns for how long workers had something to do, one second for each worker in each second."""
        total, asking, before = 0.0, 0, 0.0
        for at, change in self._events:
            total += min(asking, WORKERS) * (at - before)
            asking, before = asking + change, at
        return total

    def evaluate_many(self, requests: Iterable[Request]) -> Iterator[tuple[int, Report]]:
        return self._evaluator.evaluate_many(requests)

    def close(self) -> None:
        """Does nothing: the benchmark closes what is behind it."""


class Stored:
    """An evaluator that takes no time: every candidate gets the same report, every problem the same description."""

    def __init__(self, report: Report, description: Description) -> None:
        self._report, self._description = report, description

    def describe(self, problem: Problem) -> Description:
        return self._description.model_copy(update={"reference": problem.reference})

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        identity = {"submission": submission.digest, "problem": problem.id, "config": config}
        return self._report.model_copy(update=identity)

    def evaluate_many(self, requests: Iterable[Request]) -> Iterator[tuple[int, Report]]:
        for index, request in enumerate(requests):
            yield index, self.evaluate(*request)

    def close(self) -> None:
        """Does nothing."""


def _throughput(problems: int) -> tuple[dict[str, object], Report]:
    rows = _copies(problems + WARM_UP)
    rounds = [rows[begin : begin + ROUND] for begin in range(WARM_UP, len(rows), ROUND)]
    seconds: dict[str, list[float]] = {"run": [], "evaluator": []}
    cpu_s = dict.fromkeys(seconds, 0.0)
    different = evaluations = 0
    describing_s: list[float] = []
    asked_s = 0.0
    with (
        LocalEvaluator(workers=WORKERS) as played, LocalEvaluator(workers=WORKERS) as pure, TemporaryDirectory() as out,
    ):  # fmt: skip
        for number, chosen in enumerate([rows[:WARM_UP], *rounds]):
            recording = Recording(played)
            begin, cpu = time.perf_counter(), time.process_time()
            _play(chosen, Path(out, str(number)), recording)
            middle, cpu_middle = time.perf_counter(), time.process_time()
            reports = dict(pure.evaluate_many(recording.requests))
            end, cpu_end = time.perf_counter(), time.process_time()
            if number > 0:
                seconds["run"].append(middle - begin)
                seconds["evaluator"].append(end - middle)
                cpu_s["run"] += cpu_middle - cpu
                cpu_s["evaluator"] += cpu_end - cpu_middle
                evaluations += len(reports)
                describing_s += recording.describing_s
                asked_s += recording.asked_s()
                different += sum(
                    _verdict(reports[index]) != _verdict(found) for index, found in recording.reports.items()
                )
                print(
                    f"round {number}: {seconds['run'][-1]:.1f} s and {seconds['evaluator'][-1]:.1f} s", file=sys.stderr
                )
        correct = next(report for report in reports.values() if report.outcome is Outcome.OK)
    ratios = [pure_s / run_s for run_s, pure_s in zip(seconds["run"], seconds["evaluator"], strict=True)]
    return {
        "problems": problems,
        "evaluations": evaluations,
        "workers": WORKERS,
        "cores": CORES,
        "run_per_s": round(evaluations / sum(seconds["run"]), 3),
        "evaluator_per_s": round(evaluations / sum(seconds["evaluator"]), 3),
        "run_over_evaluator": round(sum(seconds["evaluator"]) / sum(seconds["run"]), 3),
        "run_over_evaluator_by_round": [round(ratio, 3) for ratio in ratios],
        "share_of_time_in_which_workers_had_work": round(asked_s / WORKERS / sum(seconds["run"]), 3),
        "describing_a_problem_s": round(statistics.median(describing_s), 3),
        "run_cpu_ms_per_evaluation": round(1000 * cpu_s["run"] / evaluations, 2),
        "evaluator_cpu_ms_per_evaluation": round(1000 * cpu_s["evaluator"] / evaluations, 2),
        "different_verdicts": different,
    }, correct


def _verdict(report: Report) -> tuple[Outcome, float | None]:
    return report.outcome, report.speedup


def _copies(number: int) -> list[dict[str, str]]:
    """Returns rows of a problem set: the built-in problems, again and again, each a little different."""
    names = sorted({solution.problem_id for solution in list_solutions()})
    rows = []
    for index in range(number):
        name = names[index % len(names)]
        copy = f"{name.rpartition('/')[2]}-{index}"
        rows.append({"id": copy, "reference": f"{get_problem(name).reference.source}\n# {copy}\n"})
    return rows


def _renamed(source: str, tag: str) -> str:
    for name in set(re.findall(r"@triton\.jit\s+def\s+(\w+)", source)):
        source = re.sub(rf"(?<![\w.]){name}\b", f"{name}_{tag}", source)
    return source


def _play(rows: list[dict[str, str]], out: Path, evaluator: Recording) -> None:
    """Runs the command on a problem set."""
    out.mkdir()
    path = out / "set.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    options = Options(
        problems=f"jsonl:{path}", tags=(), levels=(), difficulties=(), policy="stories", policy_options={}, turns=TURNS,
        iterations=1, keep=0, select="top", samples=SAMPLES, seed=0, data_seed=1, target_speedup=None, submit=True,
        history="short", confirm=False, style="compact", feedback_tokens=1000, reward="drkernel_guarded", target=None,
        precision=Precision.TF32, timeout_s=None, sandbox=None, workers=WORKERS, concurrency=None, out=out / "run",
        restart=False, svg=None, json=False,
    )  # fmt: skip
    with redirect_stdout(StringIO()):
        play(options, Services(settings=Settings(), open_evaluator=lambda sandbox, workers: evaluator))


def _memory(report: Report) -> dict[str, object]:
    """Plays episodes that take no time; the slope is that of a straight line through the second half."""
    problem = get_problem("core/softmax")
    with LocalEvaluator() as local:
        evaluator = Stored(report, local.describe(problem))
    problems = [_renumbered(problem, number) for number in range(LIGHT_EPISODES // 100)]
    policy, rules, at, resident = Stories(), Rules(max_turns=TURNS), [], []
    record = describe_run(policy, problems, rules, samples=100, seed=0)
    begin = time.process_time()
    with (
        TemporaryDirectory() as out,
        RunFolder(Path(out), record) as folder,
        RunProgress(LIGHT_EPISODES) as progress,
        closing(
            rollout(
                policy, problems, evaluator, rules, samples=100, data_seed="1", concurrency=WORKERS + 1,
                on_turn=progress.turn,
            )
        ) as finished,
    ):  # fmt: skip
        for number, episode in enumerate(finished, 1):
            folder.append(episode)
            progress.episode(episode)
            if number % 50 == 0:
                at.append(number)
                resident.append(_resident_mib())
    half = len(at) // 2
    slope = float(np.polyfit(at[half:], resident[half:], 1)[0]) * 1000
    return {
        "light_episodes": LIGHT_EPISODES,
        "light_cpu_ms_per_turn": round(1000 * (time.process_time() - begin) / LIGHT_EPISODES / TURNS, 2),
        "process_rss_mib": [round(resident[0]), round(statistics.median(resident)), round(resident[-1])],
        "process_slope_mib_per_1000_episodes": round(slope, 2),
    }


def _renumbered(problem: Problem, number: int) -> Problem:
    reference = problem.reference.model_copy(update={"id": f"{problem.id}-{number}"})
    return problem.model_copy(update={"reference": reference})


def _resident_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps({"machine": machine(), "benchmarks": {"runs": run(*map(int, sys.argv[1:2]))}}, indent=2))
