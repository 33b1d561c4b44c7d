"""Evaluates many requests: as they come or in order, with progress, a deadline and a way to say that it is enough."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.evaluators.answers import lost, read_report
from kernelgym.evaluators.messages import Job
from kernelgym.evaluators.outbox import Outbox
from kernelgym.evaluators.protocol import Evaluator, Request
from sandboxes.contracts import Outcome, Report

THREADS: Final = 32
"""Requests in flight where the evaluator has no way of its own to have many."""

PROMPT_S: Final = 0.2
"""How soon it is seen that somebody has had enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far `evaluate_all` is."""

    done: int
    """Reports that were yielded, this one among them."""
    total: int | None
    """Requests in all; None if nobody knows before they are read."""
    outcomes: Mapping[Outcome, int]
    """How many reports of each outcome; those that did not occur are left out."""


@runtime_checkable
class Streamer(Protocol):
    """An evaluator that has a way of its own to follow many requests."""

    def stream(
        self,
        requests: Iterable[Request],
        *,
        ordered: bool = False,
        cancel: threading.Event | None = None,
        deadline_s: float | None = None,
        in_flight: int | None = None,
    ) -> Iterator[tuple[int, Report]]:
        """Yields `(index of the request, report)`, as `evaluate_all` does."""
        ...


def evaluate_all(
    evaluator: Evaluator,
    requests: Iterable[Request],
    *,
    ordered: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    deadline_s: float | None = None,
    in_flight: int | None = None,
) -> Iterator[tuple[int, Report]]:
    """Yields `(index of the request, report)` for each request, once each.

    Closing the generator, and an exception in the caller's loop, is the same as `cancel`: what a server or an engine
    has under way for it is cancelled there; what a local worker has begun, it finishes unheard.

    Args:
        evaluator: Any.
        requests: Is read lazily: never more than `in_flight` requests are read and not answered.
        ordered: Whether reports come in the order of the requests, rather than in that in which they are there.
        on_progress: Told after each report, in the caller's thread.
        cancel: Ends it, without a report for what is not there, when it is set.
        deadline_s: Time for all; what is not there then has a report with the outcome `infrastructure`.
        in_flight: None: as many as the evaluator has use for.

    Raises:
        KernelGymError: after the last report, the error of the first request that makes no sense.
        BadUsage: A number is out of range.
    """
    if deadline_s is not None and not deadline_s > 0:
        raise BadUsage(f"deadline_s is {deadline_s}; give a number of seconds above 0")
    if in_flight is not None and in_flight < 1:
        raise BadUsage(f"in_flight is {in_flight}; give at least 1")
    total = len(requests) if isinstance(requests, Sized) else None
    stream = evaluator.stream if isinstance(evaluator, Streamer) else _Threads(evaluator).stream
    outcomes: Counter[Outcome] = Counter()
    return _counted(
        stream(requests, ordered=ordered, cancel=cancel, deadline_s=deadline_s, in_flight=in_flight),
        lambda report: outcomes.update([report.outcome]),
        lambda: on_progress and on_progress(Progress(done=outcomes.total(), total=total, outcomes=dict(outcomes))),
    )


def _counted(
    reports: Iterator[tuple[int, Report]], count: Callable[[Report], None], tell: Callable[[], object]
) -> Iterator[tuple[int, Report]]:
    for index, report in reports:
        count(report)
        tell()
        yield index, report


class _Threads:
    """Streams through an evaluator's `evaluate`, a thread for each request in flight."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def stream(
        self,
        requests: Iterable[Request],
        *,
        ordered: bool = False,
        cancel: threading.Event | None = None,
        deadline_s: float | None = None,
        in_flight: int | None = None,
    ) -> Iterator[tuple[int, Report]]:
        """Yields `(index of the request, report)`; see `evaluate_all`."""
        width = in_flight or THREADS
        ends = None if deadline_s is None else time.monotonic() + deadline_s
        late = f"there was no answer within the {deadline_s:g} s that all had together" if deadline_s else ""
        landed: queue.SimpleQueue[int] = queue.SimpleQueue()
        flying: dict[int, tuple[Request, Future[Report]]] = {}
        outbox: Outbox[Report | KernelGymError] = Outbox(ordered=ordered)
        senseless: dict[int, KernelGymError] = {}
        source = enumerate(requests)
        pool = ThreadPoolExecutor(max_workers=width, thread_name_prefix="kernelgym-evaluate")
        try:
            exhausted = False
            while not exhausted or flying or len(outbox):
                over = ends is not None and time.monotonic() >= ends
                while not exhausted and len(flying) + len(outbox) < width:
                    if (item := next(source, None)) is None:
                        exhausted = True
                    elif over:
                        outbox.put(item[0], _late(item[1], late))
                    else:
                        self._start(pool, item[0], item[1], flying, landed)
                if over:
                    for index, (request, future) in flying.items():
                        future.cancel()
                        outbox.put(index, _late(request, late))
                    flying.clear()
                elif flying and not outbox.ready:
                    _land(landed, flying, outbox, PROMPT_S if cancel or ends else None)
                if cancel is not None and cancel.is_set():
                    return
                for index, found in outbox.take():
                    if isinstance(found, KernelGymError):
                        senseless[index] = found
                    else:
                        yield index, found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if senseless:
            raise senseless[min(senseless)]

    def _start(
        self, pool: ThreadPoolExecutor, index: int, request: Request,
        flying: dict[int, tuple[Request, Future[Report]]], landed: queue.SimpleQueue[int],
    ) -> None:  # fmt: skip
        future = pool.submit(self._evaluator.evaluate, *request)
        flying[index] = (request, future)
        future.add_done_callback(lambda _: landed.put(index))


def _land(
    landed: queue.SimpleQueue[int],
    flying: dict[int, tuple[Request, Future[Report]]],
    outbox: Outbox[Report | KernelGymError],
    timeout_s: float | None,
) -> None:
    """Moves the next one that is done to the outbox; waits for it.

    Raises:
        Exception: What the evaluator raises, beside a `KernelGymError`.
    """
    try:
        index = landed.get(timeout=timeout_s)
    except queue.Empty:
        return
    _, future = flying.pop(index)
    error = future.exception()
    outbox.put(index, error if isinstance(error, KernelGymError) else future.result())


def _late(request: Request, message: str) -> Report:
    submission, problem, config = request
    return read_report(lost(message), Job(submission=submission, reference=problem.reference, config=config))
