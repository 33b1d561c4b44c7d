"""Brings requests of many threads together, so that they are answered at once; knows nothing of models."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Final, Generic, TypeVar

from policies.errors import PolicyClosed

JOIN_S: Final = 10.0
"""Time that a batch in progress gets to end when the batcher is closed."""

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Batcher(Generic[Request, Answer]):
    """Answers requests in batches, in a thread of its own that starts with the first.

    A batch that fails is tried again one request at a time: an error reaches only those whose request it is, and a
    batch that is too large for the memory costs time only.

    Args:
        answer: Gives one answer per request, in their order; is never called twice at the same time.
        size: Most requests of a batch.
        wait_s: Time for which the first request of a batch waits for others, seconds.
    """

    def __init__(self, answer: Callable[[Sequence[Request]], Sequence[Answer]], size: int, wait_s: float) -> None:
        self._answer = answer
        self._size = size
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[Request, Future[Answer]] | None] = queue.SimpleQueue()
        self._open: set[Future[Answer]] = set()
        self._thread: threading.Thread | None = None
        self.closed = threading.Event()
        """Set by `close`; a long `answer` may look at it and give up."""

    def ask(self, request: Request) -> Answer:
        """Returns the answer; waits for it.

        Raises:
            PolicyClosed: The batcher is closed, or was while this waited.
            Exception: Whatever `answer` raises for this request alone.
        """
        future: Future[Answer] = Future()
        with self._lock:
            if self.closed.is_set():
                raise PolicyClosed
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
                self._thread.start()
            self._open.add(future)
            self._waiting.put((request, future))
        try:
            return future.result()
        finally:
            with self._lock:
                self._open.discard(future)

    def close(self) -> None:
        """Sends everyone who waits away and ends the thread; calling it again does nothing."""
        with self._lock:
            self.closed.set()
            for future in self._open:
                _settle(future, PolicyClosed())
            thread = self._thread
        self._waiting.put(None)
        if thread is not None:
            thread.join(JOIN_S)

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None and not self.closed.is_set():
            batch = [first, *self._others()]
            if not self._try(batch) and len(batch) > 1:
                for one in batch:
                    self._try([one])

    def _others(self) -> list[tuple[Request, Future[Answer]]]:
        others: list[tuple[Request, Future[Answer]]] = []
        deadline = time.monotonic() + self._wait_s
        while len(others) + 1 < self._size:
            try:
                other = self._waiting.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if other is None:
                self._waiting.put(None)
                break
            others.append(other)
        return others

    def _try(self, batch: Sequence[tuple[Request, Future[Answer]]]) -> bool:
        """Answers all of a batch; an error is the answer only to a request that is alone."""
        try:
            answers = self._answer([request for request, _ in batch])
            for (_, future), answer in zip(batch, answers, strict=True):
                _settle(future, answer)
        except Exception as error:  # noqa: BLE001 - whatever a model raises ends the episode that asked
            if len(batch) == 1:
                _settle(batch[0][1], error)
            return False
        return True


def _settle(future: "Future[Answer]", result: Answer | Exception) -> None:
    """Gives a future its result, unless it has one: closing does not wait for the answer."""
    try:
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
    except InvalidStateError:
        return
