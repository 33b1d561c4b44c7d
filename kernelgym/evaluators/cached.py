"""An evaluator that remembers: the same candidate on the same problem is evaluated once."""

import queue
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Final, Self

from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.evaluators.protocol import Evaluator, Inspector, Request, check_config
from kernelgym.problems import Problem
from sandboxes.contracts import Description, EvalConfig, Outcome, Report, Submission

CAPACITY: Final = 4096
"""Reports that are remembered; one takes about 10 kB."""

Key = tuple[str, str, str, EvalConfig]
"""Digests of the candidate and of the reference, the problem's id, and how it is evaluated."""


class Abandoned(Exception):
    """Whoever computed a report gave up without a verdict or an error: ask again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheCounts:
    """What became of the requests so far."""

    hits: int = 0
    """Answered from memory."""
    joined: int = 0
    """Answered by an evaluation of the same candidate that was under way."""
    misses: int = 0
    """Handed on."""

    @property
    def spared(self) -> float:
        """Share of the requests that cost no evaluation; 0 if there were none."""
        total = self.hits + self.joined + self.misses
        return (self.hits + self.joined) / total if total else 0.0


class CachedEvaluator:
    """Remembers the reports of another evaluator; an `Evaluator`, and an `Inspector` if that one is. A context manager.

    What is remembered is one draw. Where `EvalConfig.seed` is None, every evaluation has secret values of its own, so
    that a candidate at the edge of a tolerance may pass one and fail the next: asked again, it gets the first verdict
    again, not a second chance. Times in the report (`timings_s`) are those of the first evaluation, too. A run with
    `data_seed` has another seed in every turn, and so hardly anything to remember.

    Reports with the outcome `infrastructure` and errors are handed to everybody who waited for them, and forgotten.

    May be used from several threads.

    Args:
        evaluator: Does the work; ended by `close`.
        capacity: Reports that are remembered, least recently asked for first out.

    Raises:
        BadUsage: The capacity is less than 1.
    """

    def __init__(self, evaluator: Evaluator, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            raise BadUsage(f"capacity is {capacity}; give the number of reports to remember, at least 1")
        self._evaluator = evaluator
        self._capacity = capacity
        self._lock = threading.Lock()
        self._known: OrderedDict[Key, Report] = OrderedDict()
        self._under_way: dict[Key, Future[Report]] = {}
        self._hits = self._joined = self._misses = 0
        if isinstance(evaluator, Inspector):
            self.inspect = evaluator.inspect

    @property
    def counts(self) -> CacheCounts:
        """What became of the requests so far."""
        with self._lock:
            return CacheCounts(hits=self._hits, joined=self._joined, misses=self._misses)

    def __len__(self) -> int:
        """Returns how many reports are remembered."""
        return len(self._known)

    def check(self, config: EvalConfig) -> None:
        """See `Checking.check`: as the other evaluator says."""
        check_config(self._evaluator, config)

    def describe(self, problem: Problem) -> Description:
        """Returns what the other one says of a problem, and raises what it raises."""
        return self._evaluator.describe(problem)

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        """Returns the report of one candidate, remembered or new; raises what the other one raises."""
        key = _key(submission, problem, config)
        while True:
            future, mine = self._claim(key)
            if mine:
                return self._compute(key, future, (submission, problem, config))
            try:
                return future.result()
            except Abandoned:
                continue

    def evaluate_many(self, requests: Iterable[Request]) -> Iterator[tuple[int, Report]]:
        """Yields `(index of the request, report)` in the order in which they are known; equal requests together.

        Raises:
            KernelGymError: As the other one's `evaluate_many`.
        """
        asked = list(requests)
        places: dict[Key, list[int]] = {}
        for index, request in enumerate(asked):
            places.setdefault(_key(*request), []).append(index)
        done: queue.SimpleQueue[Key] = queue.SimpleQueue()
        futures: dict[Key, Future[Report]] = {}
        mine: list[Key] = []
        for key, indices in places.items():
            futures[key], claimed = self._claim(key, len(indices))
            if claimed:
                mine.append(key)
        stop = threading.Event()
        pump = threading.Thread(
            target=self._pump,
            args=([(key, futures[key], asked[places[key][0]]) for key in mine], stop),
            daemon=True,
        )
        pump.start()  # not this generator, which may rest for long: others wait for what it has claimed
        for key, future in futures.items():
            future.add_done_callback(partial(_tell, done, key))
        senseless: dict[int, KernelGymError] = {}
        try:
            for _ in futures:
                key = done.get()
                try:
                    try:
                        report = futures[key].result()
                    except Abandoned:
                        report = self.evaluate(*asked[places[key][0]])
                except KernelGymError as error:
                    senseless[places[key][0]] = error
                    continue
                for index in places[key]:
                    yield index, report
        finally:
            stop.set()
            pump.join()
        if senseless:
            raise senseless[min(senseless)]

    def close(self) -> None:
        """Closes the other one; what is remembered stays."""
        self._evaluator.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Returns itself, as `LocalEvaluator` does."""
        return self

    def _claim(self, key: Key, requests: int = 1) -> tuple[Future[Report], bool]:
        """Returns where the report will be, or is, and whether the caller has to see to that."""
        with self._lock:
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                self._hits += requests
                future: Future[Report] = Future()
                future.set_result(known)
                return future, False
            if key in self._under_way:
                self._joined += requests
                return self._under_way[key], False
            self._misses += 1
            self._joined += requests - 1
            future = self._under_way[key] = Future()
            return future, True

    def _compute(self, key: Key, future: Future[Report], request: Request) -> Report:
        try:
            report = self._evaluator.evaluate(*request)
        except BaseException as error:
            self._settle(key, future, error if isinstance(error, Exception) else Abandoned())
            raise
        self._settle(key, future, report)
        return report

    def _pump(self, claimed: list[tuple[Key, Future[Report], Request]], stop: threading.Event) -> None:
        """Has the other one evaluate what was claimed, until somebody wants it to stop."""
        error: Exception | None = None
        try:
            for index, report in self._evaluator.evaluate_many(request for _, _, request in claimed):
                key, future, _ = claimed[index]
                self._settle(key, future, report)
                if stop.is_set():
                    break
        except Exception as raised:  # noqa: BLE001 - raised where it is waited for
            error = raised
        for key, future, _ in claimed:
            if not future.done():  # only the first error is known: whoever waits for another request asks again
                self._settle(key, future, error or Abandoned())
                error = Abandoned() if isinstance(error, KernelGymError) else error

    def _settle(self, key: Key, future: Future[Report], found: Report | Exception) -> None:
        with self._lock:
            del self._under_way[key]
            if isinstance(found, Report) and found.outcome is not Outcome.INFRASTRUCTURE:
                self._known[key] = found
                if len(self._known) > self._capacity:
                    self._known.popitem(last=False)
        if isinstance(found, Report):
            future.set_result(found)
        else:
            future.set_exception(found)


def _tell(done: queue.SimpleQueue[Key], key: Key, future: Future[Report]) -> None:
    done.put(key)


def _key(submission: Submission, problem: Problem, config: EvalConfig) -> Key:
    return submission.digest, problem.reference.digest, problem.id, config
