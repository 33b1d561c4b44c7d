"""One evaluator for several processes, so that what one of them has asked is known to all.

Both ends are ours and know a random key; candidates run further away, in the evaluator's own sandbox. A call is a
connection of its own, so that a process may have many at a time.
"""

import secrets
import socket
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kernelgym.evaluators import Evaluator
from kernelgym.evaluators.protocol import Request
from kernelgym.problems import Problem
from sandboxes.contracts import Description, EvalConfig, Report, Submission


@dataclass(frozen=True, slots=True)
class RemoteEvaluator:
    """Asks the evaluator of another process; implements `Evaluator`."""

    address: str
    key: bytes

    def describe(self, problem: Problem) -> Description:
        """Returns the shapes of a problem's cases; raises what the other evaluator does."""
        answer = self._ask("describe", problem)
        assert isinstance(answer, Description)
        return answer

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        """Returns the report of one candidate; raises what the other evaluator does."""
        answer = self._ask("evaluate", submission, problem, config)
        assert isinstance(answer, Report)
        return answer

    def evaluate_many(self, requests: Iterable[Request]) -> Iterator[tuple[int, Report]]:
        """Yields `(index of the request, report)` in the order in which they finish."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            futures = {pool.submit(self.evaluate, *request): index for index, request in enumerate(requests)}
            for future in as_completed(futures):
                yield futures[future], future.result()

    def close(self) -> None:
        """Does nothing: the evaluator belongs to the other process."""

    def _ask(self, method: str, *arguments: object) -> Any:
        with Client(self.address, authkey=self.key) as connection:
            connection.send((method, arguments))
            error, answer = connection.recv()
        if error is not None:
            raise error
        return answer


class SharedEvaluator:
    """Answers for an evaluator on a socket of this machine; a context manager.

    Args:
        evaluator: Who answers; stays open.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._folder = tempfile.TemporaryDirectory(prefix="kernelgym-")
        key = secrets.token_bytes(32)
        self._listener = Listener(str(Path(self._folder.name) / "evaluator"), backlog=64, authkey=key)
        self.remote = RemoteEvaluator(str(self._listener.address), key)
        """What the other processes get."""
        self._closed = False
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        with suppress(OSError), socket.socket(socket.AF_UNIX) as caller:  # so that nobody goes on waiting for one
            caller.connect(self.remote.address)  # and hangs up: a greeting might wait for a listener that has ended
        self._listener.close()
        self._folder.cleanup()

    def _listen(self) -> None:
        while not self._closed:
            try:
                connection = self._listener.accept()
            except (OSError, EOFError, AuthenticationError):  # the other end has gone, or does not know the key
                continue
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        with connection:
            try:
                method, arguments = connection.recv()
                connection.send((None, getattr(self._evaluator, method)(*arguments)))
            except (EOFError, OSError):  # nobody waits for it any more
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked has to hear of it
                connection.send((error, None))
