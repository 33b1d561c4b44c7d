"""The client for programs with an event loop."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import count
from types import TracebackType
from typing import Self
from uuid import uuid4

from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.evaluators.answers import Answer, lost, read_description, read_report, read_weaknesses
from kernelgym.evaluators.following import Asked, answer_of, hear
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Inquiry, Inspection, Job, Task
from kernelgym.evaluators.protocol import Request
from kernelgym.evaluators.pursuit import Found, Pursuit
from kernelgym.evaluators.remote.address import read_address
from kernelgym.evaluators.remote.conversation import POLITE, Conversation, Reply
from kernelgym.evaluators.remote.transport import describe, httpx, limits, timeout
from kernelgym.evaluators.steps import Ask, Drop, Rest, Send
from kernelgym.evaluators.troubles import Passing, Senseless
from kernelgym.problems import Problem
from kernelgym.serving.jobs import Priority
from sandboxes.contracts import Description, EvalConfig, Report, Submission, Weakness


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What was submitted, and enough to submit it again."""

    job: Job
    id: str | None = None
    """Of the job on the server; None if there was an answer at once."""
    answer: Answer | None = None
    """If it was there at once, or was not to be had within all patience."""
    waiter: str = ""


class AsyncKernelGymClient:
    """Asks a server as `KernelGymClient` does, without threads; an asynchronous context manager.

    Args:
        url: Of the server, e.g. `http://localhost:8000`.
        token: Shown to the server; None: `KERNELGYM_TOKEN`.
        priority: Who goes first where several wait.
        manners: How much is asked for at a time, and for how long.
        transport: Another way than the network, for tests.

    Raises:
        BadUsage: The address is none.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        priority: Priority = Priority.BATCH,
        manners: Manners | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._manners = manners or POLITE
        self._conversation = Conversation(read_address(url, token), priority=priority, manners=self._manners)
        self._http = httpx.AsyncClient(limits=limits(), transport=transport, follow_redirects=False)
        self._name = f"client-{uuid4().hex[:12]}"
        self._numbers = count(1)
        self._met = False

    async def describe(self, problem: Problem) -> Description:
        """Returns the shapes of a problem's cases.

        Raises:
            InvalidReference, BadUsage, EvaluatorBroken: As `KernelGymClient.describe`.
        """
        return read_description(await self._ask(Inquiry(reference=problem.reference)), problem.id)

    async def inspect(self, problem: Problem) -> tuple[Weakness, ...]:
        """Returns what is weak about a problem; empty if nothing is.

        Raises:
            InvalidReference, BadUsage, EvaluatorBroken: As `describe`.
        """
        return read_weaknesses(await self._ask(Inspection(reference=problem.reference)), problem.id)

    async def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        """Returns the report of one candidate.

        Raises:
            InvalidReference, BadUsage: As `KernelGymClient.evaluate`.
        """
        job = Job(submission=submission, reference=problem.reference, config=config)
        return read_report(await self._ask(job), job)

    async def submit(self, submission: Submission, problem: Problem, config: EvalConfig) -> Ticket:
        """Has one candidate evaluated without waiting for it; returns a ticket for `result`.

        Raises:
            BadUsage: The server refuses it.
        """
        job = Job(submission=submission, reference=problem.reference, config=config)
        waiter = self._waiter()
        pursuit = self._pursuit([job], self._manners)
        while (step := pursuit.next()) is not None:
            await self._step(pursuit, step, waiter)
            if pursuit.open_ids:
                return Ticket(id=pursuit.open_ids[0], job=job, waiter=waiter)
            for _, found in pursuit.take():
                return Ticket(job=job, answer=answer_of(found))
        return Ticket(job=job, answer=lost("nobody answered"))

    async def result(self, ticket: Ticket) -> Report:
        """Waits for the report of a candidate that was submitted; may be asked for several times.

        Raises:
            InvalidReference, BadUsage: As `evaluate`.
        """
        answer = ticket.answer
        if answer is None and ticket.id is not None:
            pursuit = self._pursuit([], self._manners)
            pursuit.adopt(ticket.id, ticket.job)
            answer = await self._first(pursuit, ticket.waiter)
        return read_report(answer or lost("nobody answered"), ticket.job)

    async def stream(
        self,
        requests: Iterable[Request],
        *,
        ordered: bool = False,
        deadline_s: float | None = None,
        in_flight: int | None = None,
    ) -> AsyncGenerator[tuple[int, Report], None]:
        """Yields `(index of the request, report)`; what is open is cancelled when the generator is closed.

        Args:
            requests: Is read as there is room.
            ordered: Whether in the order of the requests, rather than in that in which they finish.
            deadline_s: Time for all; what is not there then is `infrastructure`.
            in_flight: Requests that may be read and not answered; None: as the client was made.

        Raises:
            InvalidReference, BadUsage: As `evaluate`; after all reports, for the first request that it is true of.
        """
        manners = self._manners if in_flight is None else replace(self._manners, in_flight=in_flight)
        asked = Asked(requests)
        pursuit = self._pursuit(asked.tasks(), manners, ordered=ordered, total_s=deadline_s)
        async with aclosing(self._follow(pursuit, self._waiter())) as found_ones:
            async for index, found in found_ones:
                if (report := asked.read(index, found)) is not None:
                    yield index, report
        asked.complain()

    async def cancel(self, tickets: Sequence[Ticket]) -> None:
        """Takes the interest in jobs back; those that nobody else wants end.

        Raises:
            BadUsage: The server refuses it.
        """
        for ticket in tickets:
            if ticket.id is not None:
                await self._drop((ticket.id,), ticket.waiter)

    async def close(self) -> None:
        """Closes all connections; calling it again does nothing."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, task: Task) -> Answer:
        """Returns the answer to one task.

        Raises:
            KernelGymError: The task makes no sense.
        """
        return await self._first(self._pursuit([task], self._manners), self._waiter())

    async def _first(self, pursuit: Pursuit, waiter: str) -> Answer:
        """Returns the only answer of a pursuit.

        Raises:
            KernelGymError: The task makes no sense.
        """
        async with aclosing(self._follow(pursuit, waiter)) as found_ones:
            async for _, found in found_ones:
                return answer_of(found)
        return lost("nobody answered")

    def _waiter(self) -> str:
        return f"{self._name}-{next(self._numbers)}"

    def _pursuit(
        self, tasks: Iterable[Task], manners: Manners, *, ordered: bool = False, total_s: float | None = None
    ) -> Pursuit:
        alone = self._conversation.alone
        return Pursuit(tasks, manners, ordered=ordered, total_s=total_s, alone=alone, met=self._met)

    async def _follow(self, pursuit: Pursuit, waiter: str) -> AsyncGenerator[Found, None]:
        """Yields what is found, until all is or nobody listens any more; then what is open is cancelled."""
        try:
            while (step := pursuit.next()) is not None:
                await self._step(pursuit, step, waiter)
                for found in pursuit.take():
                    yield found
        finally:
            await self._drop(pursuit.open_ids, waiter)

    async def _step(self, pursuit: Pursuit, step: Send | Ask | Drop | Rest, waiter: str) -> None:
        if isinstance(step, Rest):
            await asyncio.sleep(step.seconds)
            return
        try:
            heard = await self._speak(step, waiter)
        except (Passing, Senseless) as error:
            pursuit.failed(step, error)
        else:
            hear(pursuit, step, heard)
        self._met = self._met or pursuit.met

    async def _speak(self, step: Send | Ask | Drop, waiter: str) -> object:
        address, call = self._conversation.address, self._conversation.call(step, waiter)
        if self._http.is_closed:
            raise BadUsage("the client is closed; make a new one")
        try:
            response = await self._http.request(
                call.method, f"{address}{call.path}", content=call.body, headers=call.headers, timeout=timeout(call)
            )
        except httpx.RequestError as error:
            raise Passing(describe(error, address, call)) from error
        reply = Reply(status=response.status_code, body=response.content, headers=dict(response.headers))
        return self._conversation.heard(step, reply)

    async def _drop(self, ids: tuple[str, ...], waiter: str) -> None:
        if ids:
            try:
                await self._speak(Drop(ids), waiter)
            except (Passing, Senseless, KernelGymError):
                return  # they are worked off for nobody
