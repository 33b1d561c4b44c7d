"""What is said to a server, and what its replies mean; the same for both clients. Does no I/O."""

import math
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar
from uuid import uuid4

from pydantic import ValidationError

from kernelgym.errors import BadUsage, KernelGymError
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Inquiry, Inspection, Job, Task
from kernelgym.evaluators.remote.address import TOKEN_VARIABLE, Address
from kernelgym.evaluators.steps import Ask, Drop, Send, Told
from kernelgym.evaluators.troubles import Again, Busy, Passing, Senseless, Unmanned
from kernelgym.serving.http.wire import (
    WIRE_HEADER,
    WIRE_VERSION,
    BatchIn,
    CancelIn,
    DescribeIn,
    ErrorCode,
    ErrorOut,
    EvaluateIn,
    InspectIn,
    JobsOut,
    KnownProblem,
    OrderIn,
    PollIn,
)
from kernelgym.serving.jobs import JobState, JobView, Priority
from kernelgym.serving.telemetry.observing import log_answered, log_submitted
from sandboxes.contracts import Contract, Reference
from sandboxes.hardware.targets import BUILT_IN

POLITE: Final = Manners(gap_s=0.03)
"""How a server is asked: not so often that a token's limit is reached by asking alone."""

MAX_QUOTED: Final = 300
"""Characters of a server's words that a message quotes."""

Model = TypeVar("Model", bound=Contract)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request."""

    method: str
    path: str
    body: bytes | None
    headers: dict[str, str]
    timeout_s: float
    """Longest silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to it."""

    status: int
    body: bytes
    headers: dict[str, str]
    """Names in lower case."""


class Conversation:
    """With one server. Knows which problems that has: what it does not know is sent in full.

    Args:
        address: Of the server.
        priority: Of all orders.
        manners: How patient to be with orders and with the server.
    """

    def __init__(self, address: Address, *, priority: Priority, manners: Manners = POLITE) -> None:
        self.address = address
        self._priority = priority
        self._deadline_s = manners.deadline_s
        self._silence_s = manners.silence_s
        self._by_name: set[str] = set()
        self._in_full: set[str] = set()

    def alone(self, task: Task) -> bool:
        """Returns whether it is not known yet if the server has the problem."""
        key = _key(task.reference)
        return key not in self._by_name and key not in self._in_full

    def call(self, step: Send | Ask | Drop, waiter: str) -> Call:
        """Returns the request that a step is."""
        match step:
            case Send():
                content: Contract = BatchIn(orders=tuple(self._order(want.task) for want in step.wants))
                return self._call("/v1/jobs/batch", content, waiter, keyed=True)
            case Ask():
                content = PollIn(ids=step.ids, wait_s=step.wait_s, only_done=True)
                return self._call("/v1/jobs/poll", content, waiter, wait_s=step.wait_s)
            case Drop():
                return self._call("/v1/jobs/cancel", CancelIn(ids=step.ids), waiter)

    def greeting(self) -> Call:
        """Returns the request that asks whether a server is there and ready."""
        return Call(method="GET", path="/health/ready", body=None, headers=self._headers(), timeout_s=self._silence_s)

    def heard(self, step: Send | Ask | Drop, reply: Reply) -> list[JobView] | Told | None:
        """Returns what the reply to a step says.

        Raises:
            Passing, Senseless: See there.
            BadUsage: Whatever is asked, it will be refused: wrong address, token or version.
        """
        self.check(reply)
        if reply.status >= 300:
            raise self._refusal(step, reply)
        if isinstance(step, Drop):
            return None
        views = self._parse(JobsOut, reply)
        if isinstance(step, Ask):
            ended = [view for view in views.jobs if view is not None and view.state in _ENDED]
            for view in ended:
                log_answered(view)
            if not {view.id for view in ended}.union(views.unknown) <= set(step.ids):
                raise Passing(f"{self.address} answered with jobs that it was not asked for")
            return Told(views=ended, unknown=views.unknown)
        taken = [view for view in views.jobs if view is not None]
        if len(taken) != len(step.wants):
            raise Passing(f"{self.address} was given {len(step.wants)} jobs and answered with {len(taken)}")
        for view in taken:
            log_submitted(reply.headers.get("x-request-id", ""), view)
        self._by_name.update(key for want in step.wants if (key := _key(want.task.reference)) not in self._in_full)
        return taken

    def check(self, reply: Reply) -> None:
        """Checks that a server of this wire's version has answered.

        Raises:
            BadUsage: It is one of another version, or none of ours.
        """
        version = reply.headers.get(WIRE_HEADER.lower())
        if version is not None and version != str(WIRE_VERSION):
            raise BadUsage(
                f"{self.address} speaks version {version[:20]} of the wire and this client {WIRE_VERSION}; install the "
                "same version of kernelgym on both sides"
            )
        if 300 <= reply.status < 400:
            where = reply.headers.get("location", "nowhere")[:MAX_QUOTED]
            raise BadUsage(f"{self.address} sends its visitors on, to {where}; give the address of the server itself")
        if version is None and reply.status < 500 and _error(reply) is None and not _is_json(reply):
            kind = reply.headers.get("content-type", "something without a type")[:MAX_QUOTED]
            raise BadUsage(
                f"{self.address} is no KernelGym server: it answered {reply.status} with {kind}; correct the address "
                "(KERNELGYM_EVALUATOR)"
            )

    def _call(self, path: str, content: Contract, waiter: str, *, wait_s: float = 0.0, keyed: bool = False) -> Call:
        body = content.model_dump_json().encode()
        headers = self._headers() | {
            "Content-Type": "application/json",
            "X-KernelGym-Client": waiter,
            "X-Request-Id": uuid4().hex,
        }
        if keyed:  # the same for each attempt with the same words, whatever became of the others
            headers["Idempotency-Key"] = f"{waiter}-{sha256(body).hexdigest()[:32]}"
        return Call(method="POST", path=path, body=body, headers=headers, timeout_s=self._silence_s + wait_s)

    def _headers(self) -> dict[str, str]:
        token = self.address.token
        return {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def _order(self, task: Task) -> OrderIn:
        reference = task.reference
        problem: dict[str, object] = {"reference": reference}
        if _key(reference) not in self._in_full:
            known = KnownProblem(id=reference.id, digest=reference.digest, check_constants=reference.check_constants)
            problem = {"problem": known}
        manner = {"priority": self._priority, "deadline_s": self._deadline_s} | problem
        match task:
            case Job():
                own = {} if task.config.target in BUILT_IN else {"target_digest": task.target_digest}
                return EvaluateIn.model_validate(manner | {"submission": task.submission, "config": task.config} | own)
            case Inquiry():
                return DescribeIn.model_validate(manner | {"kind": "describe"})
            case Inspection():
                return InspectIn.model_validate(manner | {"kind": "inspect"})

    def _refusal(self, step: Send | Ask | Drop, reply: Reply) -> Passing | Senseless | KernelGymError:
        """Returns what a reply above 299 means."""
        error = _error(reply)
        if error is None:
            said = f"{self.address} answered {reply.status}"
            if reply.status in _TRY_AGAIN or reply.status >= 500:
                return Passing(said, _retry_after_s(reply))
            return BadUsage(f"{said} to {type(step).__name__.lower()}; correct the address (KERNELGYM_EVALUATOR)")
        message = error.message.strip()[:1000]
        match error.code:
            case ErrorCode.UNAUTHORIZED:
                return BadUsage(f"{self.address} wants a valid token: {message}; put it into {TOKEN_VARIABLE}")
            case ErrorCode.FORBIDDEN:
                return self._forbidden(step, message)
            case ErrorCode.UNKNOWN_PROBLEM | ErrorCode.OTHER_PROBLEM:
                return self._send_in_full(step, message)
            case ErrorCode.TOO_MANY_REQUESTS | ErrorCode.TOO_BUSY:
                return Busy(f"{self.address}: {message}", error.retry_after_s or _retry_after_s(reply))
            case ErrorCode.NO_WORKER if error.retry_after_s is None:
                return Unmanned(BadUsage(f"{self.address}: {message}"))
            case ErrorCode.UNAVAILABLE | ErrorCode.INTERNAL | ErrorCode.NO_WORKER:
                return Passing(f"{self.address}: {message}", error.retry_after_s or _retry_after_s(reply))
            case ErrorCode.NOT_FOUND:
                return BadUsage(f"{self.address} has no such service: {message}; correct the address")
        if reply.status in _TRY_AGAIN:
            return Passing(f"{self.address}: {message}", error.retry_after_s or _retry_after_s(reply))
        return Senseless(BadUsage(f"{self.address} refused: {message}"))

    def _forbidden(self, step: Send | Ask | Drop, message: str) -> Senseless | KernelGymError:
        if isinstance(step, Send) and any(_key(want.task.reference) in self._in_full for want in step.wants):
            names = sorted(
                {want.task.reference.id for want in step.wants if _key(want.task.reference) in self._in_full}
            )
            return Senseless(
                BadUsage(
                    f"{self.address} does not have the problem {names[0]!r} as it is here, and takes none from you: "
                    f"{message}; use a token with the scope `references`, or install the problem on the server"
                )
            )
        return BadUsage(f"{self.address} refused: {message}; use a token that may do this ({TOKEN_VARIABLE})")

    def _send_in_full(self, step: Send | Ask | Drop, message: str) -> Passing | Senseless:
        """Notes that the server does not have a problem; if it is one of several, each has to be tried by itself."""
        wants = step.wants if isinstance(step, Send) else ()
        keys = {_key(want.task.reference) for want in wants} - self._in_full
        if not keys:
            return Senseless(BadUsage(f"{self.address} refused: {message}"))
        if len(keys) == 1:
            self._in_full |= keys
        self._by_name -= keys
        return Again(message)

    def _parse(self, model: type[Model], reply: Reply) -> Model:
        try:
            return model.model_validate_json(reply.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise Passing(
                f"{self.address} answered with something else than expected ({place}: {first['msg']})"
            ) from None


_ENDED: Final = (JobState.DONE, JobState.CANCELLED)

_TRY_AGAIN: Final = frozenset({408, 425, 429})
"""Statuses below 500 that may pass."""


def _key(reference: Reference) -> str:
    return f"{reference.id}\n{reference.digest}"


def _is_json(reply: Reply) -> bool:
    return reply.status == 204 or reply.headers.get("content-type", "").partition(";")[0].strip() == "application/json"


def _error(reply: Reply) -> ErrorOut | None:
    if reply.status < 400:
        return None
    try:
        return ErrorOut.model_validate_json(reply.body)
    except ValidationError:
        return None


def _retry_after_s(reply: Reply) -> float | None:
    """Returns how long a server wants to be left alone; None if it does not say so in seconds."""
    try:
        seconds = float(reply.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
