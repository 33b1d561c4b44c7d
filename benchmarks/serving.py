"""What the service adds to an evaluation, how many it carries, and whether two workers are twice as good as one.

A private Redis on this machine, workers that are each bound to a core, clients on the others.

- Overhead: workers that answer at once (`hosted/noop.py`), one request at a time: all that is left is ledger, queues,
  pipes and the way back, for two stations (trace, replay), through an engine and through HTTP. And with real
  evaluations: latency minus the stages of the report, beside the same of an evaluator in this process tree.
- Throughput: the same workers, two of them on two cores, with everything asked for at once.
- Known: an answer that is there; and two who ask for the same thing while it is being worked on.
- Pollers: many clients that wait for one job.
- Scaling: correct core solutions with new names, all asked for at once, by one and by two workers of one thread. The
  problems are known to the workers. Each candidate's stages feed the model of `capacity.py`.
"""

import asyncio
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final
from uuid import uuid4

from benchmarks.evaluation import renamed
from benchmarks.hosted.family import look
from benchmarks.hosted.noop import SLEEP
from benchmarks.hosted.service import Service
from kernelgym.evaluators import Evaluator, LocalEvaluator
from kernelgym.evaluators.messages import Job
from kernelgym.evaluators.queued import QueueEvaluator
from kernelgym.evaluators.remote.client import KernelGymClient
from kernelgym.problems import Solution, get_problem, list_solutions
from kernelgym.serving.engines.hosted import HostedEngine
from kernelgym.serving.jobs import Order
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission

CONFIG: Final = EvalConfig()
SINGLES: Final = 500
"""Requests one at a time."""
BURST: Final = 3000
"""Requests at once."""
KNOWN: Final = 300
JOINED: Final = 30
POLLERS: Final = 1000
ROUNDS: Final = 3
"""Times that every core solution is evaluated with each number of workers."""
PROBLEM: Final = "core/add_relu"

_serial = count()


def run() -> dict[str, object]:
    """Returns everything; times of single requests in milliseconds."""
    with _service(workers=2, noop=True) as service, _both(service) as (queue, http):
        found: dict[str, object] = {
            "overhead": {"hosted": _singles(queue), "http": _singles(http), "singles": SINGLES},
            "throughput": {"hosted": _burst(queue), "http": _burst(http), "burst": BURST, "workers": 2},
            "known": {"hosted": _known(queue), "http": _known(http)},
            "joined": {"hosted": _joined(queue), "http": _joined(http)},
            "pollers": _pollers(service),
        }
    found["embedded"] = _embedded()
    runs = [_scaling(workers) for workers in (1, 2)]
    first, second = (float(run["per_s"]) for run in runs)  # type: ignore[arg-type] # our own numbers
    found["scaling"] = {"speedup": round(second / first, 3), "runs": runs}
    found["stages"] = runs[0]["stages"]
    return found


@contextmanager
def _service(workers: int, noop: bool = False) -> Iterator[Service]:
    with (
        tempfile.TemporaryDirectory(prefix="kernelgym-serving-", ignore_cleanup_errors=True) as folder,
        Service(Path(folder), workers=workers, noop=noop, pinned=True) as service,
    ):
        service.wait_until_ready()
        yield service


@contextmanager
def _both(service: Service) -> Iterator[tuple[Evaluator, Evaluator]]:
    """Gives an evaluator on the queue and one over HTTP."""
    queue: Evaluator = QueueEvaluator(HostedEngine(service.redis.url, janitor=False))
    http: Evaluator = KernelGymClient(service.url())
    try:
        for evaluator in (queue, http):
            for _ in range(20):
                evaluator.evaluate(_new(), get_problem(PROBLEM), CONFIG)
        yield queue, http
    finally:
        queue.close()
        http.close()


def _new(first_line: str = "") -> Submission:
    return Submission(source=f"{first_line}\n# {uuid4()} {next(_serial)}\n")


def _singles(evaluator: Evaluator) -> dict[str, float]:
    problem = get_problem(PROBLEM)
    return _milliseconds(lambda: evaluator.evaluate(_new(), problem, CONFIG), SINGLES)


def _burst(evaluator: Evaluator) -> dict[str, float]:
    problem = get_problem(PROBLEM)
    requests = [(_new(), problem, CONFIG) for _ in range(BURST)]
    begin = time.perf_counter()
    answers = sum(report.outcome is Outcome.OK for _, report in evaluator.evaluate_many(requests))
    elapsed_s = time.perf_counter() - begin
    return {"evaluations_per_s": round(answers / elapsed_s, 1), "tasks_per_s": round(2 * answers / elapsed_s, 1)}


def _known(evaluator: Evaluator) -> dict[str, float]:
    submission, problem = _new(), get_problem(PROBLEM)
    evaluator.evaluate(submission, problem, CONFIG)
    return _milliseconds(lambda: evaluator.evaluate(submission, problem, CONFIG), KNOWN)


def _joined(evaluator: Evaluator) -> dict[str, float]:
    """Returns how much later the second of two is answered who ask for the same thing."""
    apart_ms = []
    problem = get_problem(PROBLEM)
    for _ in range(JOINED):
        submission = _new(f"{SLEEP}0.1")
        ends: list[float] = []

        def ask(submission: Submission = submission, ends: list[float] = ends) -> None:
            evaluator.evaluate(submission, problem, CONFIG)
            ends.append(time.perf_counter())

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        apart_ms.append(1000 * abs(ends[1] - ends[0]))
    return _summary(apart_ms)


def _pollers(service: Service) -> dict[str, float]:
    """Returns what 1,000 clients that wait for one job cost the API server, and when the last of them knows."""
    job = Job(submission=_new(f"{SLEEP}8"), reference=get_problem(PROBLEM).reference, config=CONFIG)
    engine = HostedEngine(service.redis.url, janitor=False)
    api = service.apis()[0]
    before = look(api.pid)
    try:
        view = engine.submit([Order(task=job, request_id="pollers")], "benchmark")[0]
        path = f"/v1/jobs/{view.id}?wait_s=30"
        during_mib, ends = asyncio.run(_poll(service.ports[0], path, lambda: getattr(look(api.pid), "rss_mib", 0.0)))
    finally:
        engine.close()
    assert before is not None
    return {
        "pollers": POLLERS, "answered": len(ends), "added_mib": round(during_mib - before.rss_mib, 1),
        "kib_each": round(1024 * (during_mib - before.rss_mib) / POLLERS, 1),
        "last_after_first_ms": round(1000 * (max(ends) - min(ends)), 1) if ends else -1.0,
    }  # fmt: skip


async def _poll(port: int, path: str, memory: Callable[[], float]) -> tuple[float, list[float]]:
    """Returns memory while all wait, and when each was answered."""
    ends: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        answer = await reader.read()
        if b'"done"' in answer:
            ends.append(time.perf_counter())
        writer.close()

    waiting = [asyncio.create_task(one()) for _ in range(POLLERS)]
    await asyncio.sleep(5)
    during = memory()
    await asyncio.gather(*waiting, return_exceptions=True)
    return during, ends


def _embedded() -> dict[str, float]:
    """Returns what an evaluator in this process tree spends beside the stages of its reports."""
    solutions = _solutions()
    with LocalEvaluator(threads=1) as evaluator:
        for solution in solutions:
            evaluator.evaluate(renamed(solution), get_problem(solution.problem_id), CONFIG)
        beside_ms = []
        for solution in solutions:
            begin = time.perf_counter()
            report = evaluator.evaluate(renamed(solution), get_problem(solution.problem_id), CONFIG)
            beside_ms.append(1000 * (time.perf_counter() - begin - sum(report.timings_s.values())))
    return {f"beside_stages_{name}": value for name, value in _summary(beside_ms).items()}


def _solutions() -> list[Solution]:
    return [solution for solution in list_solutions() if solution.name == "correct"]


def _scaling(workers: int) -> dict[str, object]:
    """Returns how long so many workers take for the core set, and the stages of every candidate."""
    requests = [
        (renamed(solution), get_problem(solution.problem_id), CONFIG)
        for _ in range(ROUNDS)
        for solution in _solutions()
    ]
    random.Random(0).shuffle(requests)
    with _service(workers) as service, _both(service) as (queue, _):
        _warm(queue, workers)
        singles = _one_at_a_time(queue)
        begin = time.perf_counter()
        ends: dict[int, float] = {}
        reports: dict[int, Report] = {}
        for index, report in queue.evaluate_many(requests):
            ends[index], reports[index] = time.perf_counter() - begin, report
        wall_s = time.perf_counter() - begin
    outcomes = [report.outcome for report in reports.values()]
    return {
        "workers": workers, "evaluations": len(requests), "wall_s": round(wall_s, 3),
        "per_s": round(len(requests) / wall_s, 3), "p99_s": round(sorted(ends.values())[int(0.99 * len(ends))], 3),
        "not_ok": sum(outcome is not Outcome.OK for outcome in outcomes), "beside_stages_ms": singles,
        "stages": [stages(reports[index]) for index in range(len(requests))],
    }  # fmt: skip


def _warm(evaluator: Evaluator, workers: int) -> None:
    """Lets every worker see every problem, most likely."""
    again = [
        (renamed(solution), get_problem(solution.problem_id), CONFIG)
        for _ in range(2 * workers)
        for solution in _solutions()
    ]
    for _ in evaluator.evaluate_many(again):
        pass


def _one_at_a_time(evaluator: Evaluator) -> dict[str, float]:
    """Returns what one request at a time takes beside the stages of its report."""
    beside_ms = []
    for solution in _solutions():
        begin = time.perf_counter()
        report = evaluator.evaluate(renamed(solution), get_problem(solution.problem_id), CONFIG)
        beside_ms.append(1000 * (time.perf_counter() - begin - sum(report.timings_s.values())))
    return _summary(beside_ms)


def stages(report: Report) -> dict[str, object]:
    """Returns what the stations spent on a candidate, as its report says."""
    times = report.timings_s
    traced_s = times.get("trace", 0.0) + times.get("verify", 0.0)
    replayed_s = times.get("compile", 0.0) + times.get("replay", 0.0) + times.get("profile", 0.0)
    return {"problem": report.problem, "trace_s": round(traced_s, 4), "replay_s": round(replayed_s, 4)}


def _milliseconds(ask: Callable[[], object], times: int) -> dict[str, float]:
    values = []
    for _ in range(times):
        begin = time.perf_counter()
        ask()
        values.append(1000 * (time.perf_counter() - begin))
    return _summary(values)


def _summary(values_ms: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values_ms, n=100, method="inclusive")
    return {
        "median_ms": round(cuts[49], 2), "p90_ms": round(cuts[89], 2), "p99_ms": round(cuts[98], 2),
        "max_ms": round(max(values_ms), 2),
    }  # fmt: skip
