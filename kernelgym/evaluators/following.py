"""Evaluators that have others do the work: tasks go down a line, and are followed to their answers."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from types import TracebackType
from typing import Protocol, Self
from uuid import uuid4

from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.evaluators.answers import Answer, lost, read_description, read_report, read_weaknesses
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Inquiry, Inspection, Job, Task
from kernelgym.evaluators.protocol import Request
from kernelgym.evaluators.pursuit import Found, Pursuit
from kernelgym.evaluators.steps import Ask, Drop, Rest, Send, Told
from kernelgym.evaluators.troubles import Passing, Senseless
from kernelgym.problems import Problem
from sandboxes.contracts import Description, EvalConfig, Report, Submission, Weakness

PROMPT_S = 0.5
"""Longest wait where somebody may say at any time that it is enough."""


class Line(Protocol):
    """A way to the ones who do the work; several threads may speak at once.

    Raises:
        Passing, Senseless: Nothing came of it; see there. A `KernelGymError` is raised to the caller.
    """

    def speak(self, step: Send | Ask | Drop, waiter: str) -> object:
        """Does what a step says in the name of `waiter`, and returns a list of `JobView`, or `Told`, or None."""
        ...

    def alone(self, task: Task) -> bool:
        """Returns whether a task has to be sent by itself, e.g. because its problem is new here."""
        ...

    def close(self) -> None:
        """Closes what it opened; calling it again does nothing."""
        ...


def hear(pursuit: Pursuit, step: Send | Ask | Drop, heard: object) -> None:
    """Gives a pursuit what came of a step."""
    match step, heard:
        case Send(), list():
            pursuit.taken(step, heard)
        case Ask(), Told():
            pursuit.told(step, heard)


def answer_of(found: Answer | KernelGymError) -> Answer:
    """Returns an answer.

    Raises:
        KernelGymError: It is an error.
    """
    if isinstance(found, KernelGymError):
        raise found
    return found


class Asked:
    """Requests under way, and what is made of their answers.

    Args:
        requests: Is read lazily.
    """

    def __init__(self, requests: Iterable[Request]) -> None:
        self._requests = requests
        self._jobs: dict[int, Job] = {}
        self._senseless: dict[int, KernelGymError] = {}

    def tasks(self) -> Iterator[Task]:
        """Yields the task of each request."""
        for index, (submission, problem, config) in enumerate(self._requests):
            self._jobs[index] = Job(submission=submission, reference=problem.reference, config=config)
            yield self._jobs[index]

    def read(self, index: int, found: Answer | KernelGymError) -> Report | None:
        """Returns the report of a request; None if it made no sense."""
        job = self._jobs.pop(index)
        try:
            return read_report(answer_of(found), job)
        except KernelGymError as error:
            self._senseless[index] = error
            return None

    def complain(self) -> None:
        """Raises the error of the first request that made no sense, if there was one.

        Raises:
            KernelGymError: That.
        """
        if self._senseless:
            raise self._senseless[min(self._senseless)]


class FollowingEvaluator:
    """Implements `Evaluator` and `Inspector` over a line; a context manager. Several threads may use it.

    Whatever fails between here and the ones who work ends, after all patience, in a report `infrastructure`: the
    caller loses a reward and never a batch.

    Args:
        line: The way; closed by `close`.
        manners: How much is asked for at a time, and for how long.
    """

    def __init__(self, line: Line, manners: Manners) -> None:
        self._line = line
        self._manners = manners
        self._name = f"client-{uuid4().hex[:12]}"
        self._numbers = count(1)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._pursuits: dict[str, Pursuit] = {}
        self._described: dict[tuple[str, str], Description] = {}
        self._met = False

    def describe(self, problem: Problem) -> Description:
        """Returns the shapes of a problem's cases; remembers them.

        Raises:
            InvalidReference: The reference raises, lacks something, can't be scaled down, or ends its process.
            BadUsage: The evaluator is closed, or may not ask this.
            EvaluatorBroken: Nobody could answer.
        """
        key = (problem.id, problem.reference.digest)
        if (known := self._described.get(key)) is None:
            answer = self._ask(Inquiry(reference=problem.reference))
            known = self._described[key] = read_description(answer, problem.id)
        return known

    def inspect(self, problem: Problem) -> tuple[Weakness, ...]:
        """Returns what is weak about a problem; empty if nothing is.

        Raises:
            InvalidReference, BadUsage, EvaluatorBroken: As `describe`.
        """
        return read_weaknesses(self._ask(Inspection(reference=problem.reference)), problem.id)

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        """Returns the report of one candidate.

        Raises:
            InvalidReference: The problem's reference raises or lacks something.
            BadUsage: The configuration names an unknown target or device, or the evaluator is closed.
        """
        job = Job(submission=submission, reference=problem.reference, config=config)
        return read_report(self._ask(job), job)

    def evaluate_many(self, requests: Iterable[Request]) -> Iterator[tuple[int, Report]]:
        """Yields `(index of the request, report)` in the order in which they finish; see `stream`.

        Raises:
            InvalidReference, BadUsage: As `evaluate`; after all reports, for the first request that it is true of.
        """
        return self.stream(requests)

    def stream(
        self,
        requests: Iterable[Request],
        *,
        ordered: bool = False,
        cancel: threading.Event | None = None,
        deadline_s: float | None = None,
        in_flight: int | None = None,
    ) -> Iterator[tuple[int, Report]]:
        """Yields `(index of the request, report)`; what is open is cancelled when the generator is closed.

        Args:
            requests: Is read as there is room, in the caller's thread.
            ordered: Whether in the order of the requests, rather than in that in which they finish.
            cancel: Ends it when it is set.
            deadline_s: Time for all; what is not there then is `infrastructure`.
            in_flight: Requests that may be read and not answered; None: as the evaluator was made.

        Raises:
            InvalidReference, BadUsage: As `evaluate_many`.
        """
        manners = self._manners if in_flight is None else replace(self._manners, in_flight=in_flight)
        asked = Asked(requests)
        found_ones = self._follow(asked.tasks(), manners, ordered=ordered, total_s=deadline_s, cancel=cancel)
        for index, found in found_ones:
            if (report := asked.read(index, found)) is not None:
                yield index, report
        asked.complain()

    def close(self) -> None:
        """Cancels what is open and closes the line; calling it again does nothing."""
        if self._closed.is_set():
            return
        self._closed.set()
        with self._lock:
            left = [(waiter, pursuit.open_ids) for waiter, pursuit in self._pursuits.items()]
        for waiter, ids in left:
            self._drop(ids, waiter)
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Returns itself, as `LocalEvaluator` does."""
        return self

    def _ask(self, task: Task) -> Answer:
        """Returns the answer to one task.

        Raises:
            KernelGymError: The task makes no sense, or the evaluator is closed.
        """
        for _, found in self._follow([task], self._manners):
            return answer_of(found)
        return lost("nobody answered")

    def _follow(
        self,
        tasks: Iterable[Task],
        manners: Manners,
        *,
        ordered: bool = False,
        total_s: float | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[Found]:
        """Yields what is found, until all is or somebody has had enough.

        Raises:
            BadUsage: The evaluator is closed.
            KernelGymError: What the line raises.
        """
        if self._closed.is_set():
            raise BadUsage("the evaluator is closed; make a new one")
        if cancel is not None:
            manners = replace(manners, longest_wait_s=min(manners.longest_wait_s, PROMPT_S))
        pursuit = Pursuit(tasks, manners, ordered=ordered, total_s=total_s, alone=self._line.alone, met=self._met)
        waiter = f"{self._name}-{next(self._numbers)}"
        with self._lock:
            self._pursuits[waiter] = pursuit
        try:
            while (step := pursuit.next()) is not None:
                if isinstance(step, Rest):
                    (cancel or self._closed).wait(step.seconds)
                else:
                    self._step(pursuit, step, waiter)
                    self._met = self._met or pursuit.met
                if self._closed.is_set():
                    raise BadUsage("the evaluator was closed before all was answered")
                if cancel is not None and cancel.is_set():
                    return
                yield from pursuit.take()
        finally:
            with self._lock:
                del self._pursuits[waiter]
            self._drop(pursuit.open_ids, waiter)

    def _step(self, pursuit: Pursuit, step: Send | Ask | Drop, waiter: str) -> None:
        try:
            heard = self._line.speak(step, waiter)
        except (Passing, Senseless) as error:
            pursuit.failed(step, error)
        else:
            hear(pursuit, step, heard)

    def _drop(self, ids: tuple[str, ...], waiter: str) -> None:
        if ids:
            try:
                self._line.speak(Drop(ids), waiter)
            except (Passing, Senseless, KernelGymError):
                return  # they are worked off for nobody
