"""How much hardware how many GPUs need: the model of `queueing.py`, fed with what `serving.py` has measured.

    trace (CPU) -> measure (GPU)        a candidate that fails at trace or verification never reaches a GPU
    trace (CPU) -> replay (CPU)         without GPUs

Measured: the times of every stage on this machine, candidate by candidate, and what the queue costs. Assumed, because
no GPU was there: what the process that owns a GPU takes for one candidate (`GPU_S`), and how many of a training's
candidates fail early (`EARLY`). Both are parameters, and the table shows what becomes of it if they are otherwise.

Validated where measuring is possible: against runs of one and of two CPU workers on the same candidates.
"""

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.queueing import URGENT, Arrival, Course, Visit, at_once, poisson, simulate

MEASURED: Final = Path(__file__).parent / "results" / "serving.json"
ROWS: Final = 768
"""Of one step of training: 16 prompts, 16 rollouts, 3 turns."""
GPUS: Final = (1, 2, 4, 8, 16, 64, 256, 1000)
GPU_S: Final = 2.0
"""Assumed median of a candidate's time on the GPU: upload, check cases, warm-up, about 100 timed runs of it and of the
reference in turns. Lognormal with `SPREAD`."""
SPREAD: Final = 0.6
EARLY: Final = 0.35
"""Assumed share of candidates that fail before a GPU is needed: no code, syntax, imports, tracing, the gate."""
BUSY: Final = 0.95
"""Share of the time in which a GPU must have work for the CPU workers to be called enough."""
LOAD: Final = 0.8
"""Of what the GPUs can do, where the latency of a steady stream is asked for."""
SEED: Final = 0


@dataclass(frozen=True, slots=True)
class Stages:
    """Times of one candidate, as measured."""

    trace_s: float
    replay_s: float
    """0 for one that failed before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the model is fed with."""

    reaching: tuple[Stages, ...]
    """Candidates that get past tracing."""
    failing: tuple[Stages, ...]
    """Those that don't."""
    overhead_s: float
    """Of one visit: queue and ledger."""

    @classmethod
    def read(cls, path: Path = MEASURED) -> "Measured":
        """Returns what a result file of `python -m benchmarks serving` holds.

        Raises:
            FileNotFoundError: There is none.
        """
        found = json.loads(path.read_text(encoding="utf-8"))["benchmarks"]["serving"]
        stages = [Stages(each["trace_s"], each["replay_s"]) for each in found["stages"]]
        return cls(
            reaching=tuple(each for each in stages if each.replay_s > 0),
            failing=tuple(each for each in stages if each.replay_s == 0),
            overhead_s=found["overhead"]["hosted"]["median_ms"] / 2000,  # two visits
        )


def measuring(
    measured: Measured, gpu_s: float = GPU_S, early: float = EARLY
) -> Callable[[random.Random], tuple[Visit, ...]]:
    """Returns what draws the way of one candidate that is to be measured on a GPU."""

    def visits(chance: random.Random) -> tuple[Visit, ...]:
        if chance.random() < early:
            return (Visit("cpu", chance.choice(measured.failing or measured.reaching).trace_s),)
        on_gpu = Visit("gpu", gpu_s * math.exp(chance.gauss(0.0, SPREAD)))
        return (Visit("cpu", chance.choice(measured.reaching).trace_s), on_gpu)

    return visits


def replaying(measured: Measured, early: float = EARLY) -> Callable[[random.Random], tuple[Visit, ...]]:
    """Returns what draws the way of one candidate that is replayed on the CPU."""

    def visits(chance: random.Random) -> tuple[Visit, ...]:
        if chance.random() < early:
            return (Visit("cpu", chance.choice(measured.failing or measured.reaching).trace_s),)
        stages = chance.choice(measured.reaching)
        return (Visit("cpu", stages.trace_s), Visit("cpu", stages.replay_s))

    return visits


def enough_workers(measured: Measured, gpus: int, gpu_s: float = GPU_S, early: float = EARLY) -> int:
    """Returns the fewest CPU workers that keep `gpus` busy while more candidates wait than can be done.

    Found by simulation around what the means say, `gpus * mean trace / ((1 - early) * mean GPU time)`.
    """
    chance = random.Random(SEED)
    draw = measuring(measured, gpu_s, early)
    jobs = at_once(max(400, 30 * gpus), draw, chance)
    on_cpu = sum(job.visits[0].seconds for job in jobs)
    on_gpu = sum(visit.seconds for job in jobs for visit in job.visits[1:])
    workers = max(1, math.floor(gpus * on_cpu / on_gpu * BUSY))
    while _share_busy(simulate(jobs, {"cpu": workers, "gpu": gpus}, measured.overhead_s), gpus) < BUSY:
        workers += max(1, workers // 50)
    return workers


def _share_busy(course: Course, gpus: int) -> float:
    """Returns the share of the time in which GPUs worked, until the first of them had nothing more to come.

    The end of a batch, where some are done and others aren't, is no fault of the CPU workers: it is left out by
    comparing with the time at which nine tenths of the batch were answered.
    """
    until = course.answered[int(0.9 * len(course.answered))].ended_s
    return min(1.0, 0.9 * course.busy_s["gpu"] / (gpus * until))


def row(measured: Measured, gpus: int) -> dict[str, float]:
    """Returns one line of the table."""
    chance = random.Random(SEED)
    workers = enough_workers(measured, gpus)
    pools = {"cpu": workers, "gpu": gpus}
    draw = measuring(measured)
    full_per_s = gpus / ((1 - EARLY) * GPU_S * math.exp(SPREAD**2 / 2))
    batch = simulate(at_once(ROWS, draw, chance), pools, measured.overhead_s)
    stream = simulate(poisson(LOAD * full_per_s, max(2000, 20 * gpus), draw, chance), pools, measured.overhead_s)
    return {
        "gpus": gpus, "cpu_workers": workers, "cpu_workers_per_gpu": round(workers / gpus, 3),
        "evaluations_per_s": round(full_per_s, 2), "step_of_768_s": round(batch.ended_s, 1),
        "stream_median_s": round(stream.percentile_s(0.5), 2), "stream_p99_s": round(stream.percentile_s(0.99), 2),
    }  # fmt: skip


def validation(path: Path = MEASURED) -> list[dict[str, float]]:
    """Returns what was measured with so many CPU workers, what the model says of it, and how far it is off."""
    found = json.loads(path.read_text(encoding="utf-8"))["benchmarks"]["serving"]
    measured = Measured.read(path)
    lines = []
    for run in found["scaling"]["runs"]:
        jobs = [
            Arrival(0.0, tuple(Visit("cpu", seconds) for seconds in (each["trace_s"], each["replay_s"]) if seconds > 0))
            for each in run["stages"]
        ]
        course = simulate(jobs, {"cpu": run["workers"]}, measured.overhead_s)
        lines.append(
            {
                "workers": run["workers"], "measured_s": round(run["wall_s"], 2), "model_s": round(course.ended_s, 2),
                "error_percent": round(100 * (course.ended_s / run["wall_s"] - 1), 1),
                "measured_p99_s": round(run["p99_s"], 2), "model_p99_s": round(course.percentile_s(0.99), 2),
            }
        )  # fmt: skip
    return lines


def priorities(measured: Measured, gpus: int = 8) -> dict[str, float]:
    """Returns how long somebody at a screen waits while steps of 768 come, with and without going first."""
    workers = enough_workers(measured, gpus)
    found = {}
    for name, priority in (("interactive", URGENT), ("in_line", 1)):
        chance = random.Random(SEED)
        draw = measuring(measured)
        batch = at_once(ROWS, draw, chance)
        asking = [Arrival(job.at_s, job.visits, priority) for job in poisson(0.2, 20, draw, chance)]
        course = simulate(
            sorted([*batch, *asking], key=lambda job: job.at_s), {"cpu": workers, "gpu": gpus}, measured.overhead_s
        )
        waits = sorted(job.latency_s for job in course.answered if job.arrived_s > 0)
        found[f"{name}_median_s"] = round(waits[len(waits) // 2], 2)
        found[f"{name}_max_s"] = round(waits[-1], 2)
    return {"gpus": gpus, "cpu_workers": workers} | found


def sensitivity(measured: Measured, gpus: int = 16) -> list[dict[str, float]]:
    """Returns the CPU workers per GPU, and the time of a step, if what was assumed is otherwise."""
    found = []
    for gpu_s in (0.5, 1.0, 2.0, 5.0):
        for early in (0.1, EARLY, 0.6):
            workers = enough_workers(measured, gpus, gpu_s, early)
            jobs = at_once(ROWS, measuring(measured, gpu_s, early), random.Random(SEED))
            course = simulate(jobs, {"cpu": workers, "gpu": gpus}, measured.overhead_s)
            found.append(
                {"gpu_s": gpu_s, "early": early, "cpu_workers_per_gpu": round(workers / gpus, 2),
                 "step_of_768_s": round(course.ended_s, 1)}
            )  # fmt: skip
    return found


def cpu_only(measured: Measured) -> list[dict[str, float]]:
    """Returns how long a step takes without any GPU, by CPU workers."""
    found = []
    for workers in (1, 2, 4, 8, 16, 32, 64, 128, 256):
        course = simulate(
            at_once(ROWS, replaying(measured), random.Random(SEED)), {"cpu": workers}, measured.overhead_s
        )
        found.append(
            {"cpu_workers": workers, "evaluations_per_s": round(ROWS / course.ended_s, 1),
             "step_of_768_s": round(course.ended_s, 1), "p99_s": round(course.percentile_s(0.99), 1)}
        )  # fmt: skip
    return found


def table(rows: list[dict[str, float]]) -> str:
    """Returns lines as a table in Markdown."""
    heads = list(rows[0])
    lines = [" | ".join(name.replace("_", " ") for name in heads), " | ".join("---" for _ in heads)]
    lines += [" | ".join(f"{line[name]:,.10g}" for name in heads) for line in rows]
    return "\n".join(f"| {line} |" for line in lines)


def run() -> dict[str, object]:
    """Returns the tables, and how far the model is off where it can be checked."""
    measured = Measured.read()
    rows = [row(measured, gpus) for gpus in GPUS]
    return {
        "assumed": {"gpu_s_median": GPU_S, "gpu_s_spread": SPREAD, "early": EARLY, "rows": ROWS, "load": LOAD},
        "validation": validation(), "gpus": rows, "cpu_only": cpu_only(measured), "sensitivity": sensitivity(measured),
        "priorities": priorities(measured),
    }  # fmt: skip


def main() -> None:
    """Prints the tables for the documentation."""
    found = run()
    for name in ("validation", "gpus", "cpu_only", "sensitivity"):
        lines = found[name]
        assert isinstance(lines, list)
        print(f"\n{name}\n\n{table(lines)}")
    print(f"\npriorities: {found['priorities']}")


if __name__ == "__main__":
    main()
