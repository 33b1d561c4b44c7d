"""Numbers for Prometheus, all at one address: of this API process, and of everything the ledger knows.

`kernelgym_http_*` and `process_*` are this process's own: several replicas have several, told apart by Prometheus's
label `instance`, to be added up. All others are read from the ledger when they are asked for. Every replica shows the
same, so they are not to be added up over instances: take the `max`. Workers need no port.

Labels are closed sets, or grow with the number of routes, queues, hosts and versions: never ids of jobs, requests or
problems.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from kernelgym.serving.errors import ServingError
from kernelgym.serving.jobs import Overview
from kernelgym.serving.telemetry.ledger_metrics import OTHER, ledger_families

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
    from prometheus_client.core import GaugeMetricFamily, Metric
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
    from prometheus_client.registry import Collector
except ModuleNotFoundError as error:  # pragma: no cover - tried in a process of its own
    raise ModuleNotFoundError(f"metrics need the extra `serve` ({error}); pip install 'kernelgym[serve]'") from error

METHODS: Final = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"})

_BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Waiting(StrEnum):
    """What a client holds a connection open for."""

    POLL = "poll"
    """A long poll."""
    STREAM = "stream"
    """Server-sent events."""


class Limit(StrEnum):
    """Why a request was turned away though it was well formed."""

    RATE = "rate"
    """Too many requests of one token."""
    SIZE = "size"
    """The body is too large, or a batch has too many orders."""
    BUSY = "busy"
    """There is no room for another job."""


class Metrics:
    """The numbers of one API process.

    Args:
        overview: Reads the ledger, `engine.overview`; asked once a scrape.
    """

    content_type: Final = CONTENT_TYPE_LATEST

    def __init__(self, overview: Callable[[], Overview]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "kernelgym_http_requests", "Answered requests.", ["route", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "kernelgym_http_request_seconds",
            "Time to answer requests that did not wait for a job.",
            ["route", "method"],
            buckets=_BOUNDS_S,
            registry=self._registry,
        )
        self._waiting = Gauge(
            "kernelgym_http_waiting", "Connections held open until a job is done.", ["kind"], registry=self._registry
        )
        self._limited = Counter(
            "kernelgym_http_limited", "Requests turned away by a limit.", ["limit"], registry=self._registry
        )
        for kind in Waiting:
            self._waiting.labels(kind.value)
        for limit in Limit:
            self._limited.labels(limit.value)
        ProcessCollector(registry=self._registry)
        self._registry.register(_LedgerCollector(overview))

    def answered(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """Counts a request.

        Args:
            route: Template of its address, e.g. `/v1/jobs/{id}`; empty if it matched none.
            method: As it came.
            status: Of the answer.
            seconds: How long that took; None if it waited for a job on purpose.
        """
        route, method = route or OTHER, method if method in METHODS else OTHER
        self._requests.labels(route, method, str(status)).inc()
        if seconds is not None:
            self._seconds.labels(route, method).observe(seconds)

    def limited(self, limit: Limit) -> None:
        """Counts a request that was turned away."""
        self._limited.labels(limit.value).inc()

    @contextmanager
    def waiting(self, kind: Waiting) -> Iterator[None]:
        """Counts a connection as long as the block lasts."""
        with self._waiting.labels(kind.value).track_inprogress():
            yield

    def exposition(self) -> bytes:
        """Returns everything in Prometheus's text form, of type `content_type`.

        A ledger that can't be read is `kernelgym_ledger_up 0`; this process's own numbers are there all the same.
        """
        return generate_latest(self._registry)


class _LedgerCollector(Collector):
    def __init__(self, overview: Callable[[], Overview]) -> None:
        self._overview = overview

    def describe(self) -> list[Metric]:
        """Returns nothing: registering asks no ledger."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            overview = self._overview()
        except ServingError:
            yield _up(0)
            return
        yield _up(1)
        yield from ledger_families(overview)


def _up(value: int) -> Metric:
    return GaugeMetricFamily("kernelgym_ledger_up", "1 if the ledger could be read.", value=value)
