"""Those who ask: threads that wait for one answer after the other, and one that asks for batches, as training does."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from benchmarks.soak.programs import CONFIG, Request
from benchmarks.soak.tally import Tally
from kernelgym.evaluators import Evaluator
from kernelgym.problems import get_problem

BATCH: Final = 64


class Clients:
    """Asks through several evaluators at once.

    Args:
        evaluators: To ask; the first one is asked for batches.
        singles: Threads that wait for one answer each, spread over the other evaluators.
        requests: What to ask for, in order.
        tally: Keeps the books.
        enough: True when nothing new is to be asked for.
    """

    def __init__(
        self,
        evaluators: Sequence[Evaluator],
        singles: int,
        requests: Iterator[Request],
        tally: Tally,
        enough: Callable[[], bool],
    ) -> None:
        self._requests = requests
        self._tally = tally
        self._enough = enough
        self._lock = threading.Lock()
        others = evaluators[1:] or evaluators
        self._threads = [threading.Thread(target=self._batches, args=(evaluators[0],), daemon=True, name="batches")]
        self._threads += [
            threading.Thread(
                target=self._singles, args=(others[number % len(others)],), daemon=True, name=f"one-{number}"
            )
            for number in range(singles)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self, timeout_s: float) -> bool:
        """Waits until nobody asks any more; False if somebody still waits for an answer after that time."""
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _next(self, count: int) -> list[Request]:
        with self._lock:
            return [] if self._enough() else list(islice(self._requests, count))

    def _singles(self, evaluator: Evaluator) -> None:
        while taken := self._next(1):
            request = taken[0]
            self._tally.ask(request)
            try:
                report = evaluator.evaluate(request.submission, get_problem(request.program.problem), CONFIG)
            except Exception as error:  # noqa: BLE001 # whatever it is, it is what the client got instead of an answer
                self._tally.fail(request, error)
            else:
                self._tally.answer(request, report)

    def _batches(self, evaluator: Evaluator) -> None:
        while taken := self._next(BATCH):
            for request in taken:
                self._tally.ask(request)
            left = set(range(len(taken)))
            wanted = [(request.submission, get_problem(request.program.problem), CONFIG) for request in taken]
            try:
                for index, report in evaluator.evaluate_many(wanted):
                    self._tally.answer(taken[index], report)
                    left.discard(index)
                error: Exception = RuntimeError("the batch ended without an answer to it")
            except Exception as raised:  # noqa: BLE001 # as above
                error = raised
            for index in left:
                self._tally.fail(taken[index], error)
