"""What the ledger knows, in Prometheus's form: made anew for each scrape, so that nothing is counted twice."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final

from kernelgym.serving.jobs import Overview, QueueView, WorkerView
from kernelgym.serving.telemetry.durations import BOUNDS_S, PARTS, STAGES, Histogram, histograms
from sandboxes.contracts import Outcome

try:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        InfoMetricFamily,
        Metric,
    )
except ModuleNotFoundError as error:  # pragma: no cover - tried in a process of its own
    raise ModuleNotFoundError(f"metrics need the extra `serve` ({error}); pip install 'kernelgym[serve]'") from error

EVENTS: Final = (
    "submitted", "computed", "hits", "joined", "cancelled", "retried", "quarantined", "expired", "discarded",
)  # fmt: skip
"""Counters of `Overview.counters` that are no outcomes."""

OUTCOMES: Final = (*(outcome.value for outcome in Outcome), "described", "inspected", "refused")
OTHER: Final = "other"
"""For a word that this version does not know: labels stay a closed set."""

_MIB: Final = 2**20


def ledger_families(overview: Overview) -> Iterator[Metric]:
    """Yields everything that an overview holds."""
    versions = {name: version for name, version in overview.versions.items() if name.isidentifier()}
    yield InfoMetricFamily("kernelgym", "Versions of the judge.", value={"engine": overview.engine, **versions})
    yield from _queues(overview.queues)
    yield from _workers(overview.workers)
    yield from _counts(overview.counters)
    yield GaugeMetricFamily("kernelgym_remembered_answers", "Answers kept.", value=overview.remembered)
    yield from _durations(histograms(overview.counters))


def _queues(queues: tuple[QueueView, ...]) -> Iterator[Metric]:
    labels = ["queue", "versions"]
    waiting = GaugeMetricFamily("kernelgym_queue_jobs", "Jobs that wait.", labels=[*labels, "priority"])
    running = GaugeMetricFamily("kernelgym_queue_running", "Jobs that a worker has in hand.", labels=labels)
    workers = GaugeMetricFamily("kernelgym_queue_workers", "Live workers that take from the queue.", labels=labels)
    oldest = GaugeMetricFamily("kernelgym_queue_oldest_seconds", "How long the first job has waited.", labels=labels)
    for queue in queues:
        name, _, versions = queue.name.partition("@")
        for priority, count in queue.waiting.items():
            waiting.add_metric([name, versions, priority.value], count)
        running.add_metric([name, versions], queue.running)
        workers.add_metric([name, versions], queue.workers)
        oldest.add_metric([name, versions], queue.oldest_s or 0.0)
    yield from (waiting, running, workers, oldest)


def _workers(workers: tuple[WorkerView, ...]) -> Iterator[Metric]:
    states = Counter({"idle": 0, "busy": 0, "draining": 0})
    states.update("draining" if worker.draining else "busy" if worker.job else "idle" for worker in workers)
    family = GaugeMetricFamily("kernelgym_workers", "Live worker processes.", labels=["state"])
    for state, count in states.items():
        family.add_metric([state], count)
    yield family
    stages = Counter(dict.fromkeys(STAGES, 0))
    stages.update(worker.stage if worker.stage in STAGES else OTHER for worker in workers if worker.stage)
    family = GaugeMetricFamily("kernelgym_stage_workers", "Workers in a stage of an evaluation.", labels=["stage"])
    for stage, count in stages.items():
        family.add_metric([stage], count)
    yield family
    memory: dict[str, list[float]] = {}
    for worker in workers:
        memory.setdefault(worker.host, []).append(worker.memory_mib * _MIB)
    total = GaugeMetricFamily("kernelgym_workers_memory_bytes", "Resident memory of a host's workers.", labels=["host"])
    most = GaugeMetricFamily("kernelgym_worker_memory_max_bytes", "That of its largest worker.", labels=["host"])
    for host, parts in memory.items():
        total.add_metric([host], sum(parts))
        most.add_metric([host], max(parts))
    yield from (total, most)


def _counts(counters: Mapping[str, int]) -> Iterator[Metric]:
    events = CounterMetricFamily("kernelgym_jobs", "What happened to jobs.", labels=["event"])
    for event in EVENTS:
        events.add_metric([event], counters.get(event, 0))
    yield events
    outcomes = Counter(dict.fromkeys((*OUTCOMES, OTHER), 0))
    for name, count in counters.items():
        if name.startswith("outcome:"):
            outcome = name.removeprefix("outcome:")
            outcomes[outcome if outcome in OUTCOMES else OTHER] += count
    answers = CounterMetricFamily("kernelgym_answers", "First answers to jobs.", labels=["outcome"])
    for outcome, count in outcomes.items():
        answers.add_metric([outcome], count)
    yield answers


def _durations(found: Mapping[str, Histogram]) -> Iterator[Metric]:
    stages = HistogramMetricFamily("kernelgym_stage_seconds", "Time of a stage in an answered job.", labels=["stage"])
    for name in STAGES:
        stages.add_metric([name], _buckets(found[name]), found[name].sum_s)
    yield stages
    jobs = HistogramMetricFamily(
        "kernelgym_job_seconds",
        "Time of answered jobs: in queues (wait), at stations (work), from submission to answer (total).",
        labels=["part"],
    )
    for name in PARTS:
        jobs.add_metric([name], _buckets(found[name]), found[name].sum_s)
    yield jobs


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(str, BOUNDS_S), "+Inf"]
    return list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
