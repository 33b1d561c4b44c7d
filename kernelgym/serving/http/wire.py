"""What the HTTP API takes and gives, as JSON; answers are `kernelgym.serving.jobs.JobView`."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from kernelgym.evaluators.messages import TargetDigest
from kernelgym.problems.problem import Difficulty
from kernelgym.serving.jobs import JobId, JobView, Priority, Verdict
from sandboxes.contracts import Contract, EvalConfig, Reference, Submission

MAX_BATCH: Final = 1024
"""Most orders of one request, and most jobs asked for at once."""

MAX_WAIT_S: Final = 60.0
"""Longest long poll; ask again after it."""

WIRE_VERSION: Final = 1
"""Grows when a client of the version before can't talk to a server any more, or the other way round."""

WIRE_HEADER: Final = "X-KernelGym-Wire"
"""Header of every answer, with the server's `WIRE_VERSION`: a client of another one says so, and what to install."""


class KnownProblem(Contract):
    """A problem that the server has, too."""

    id: Annotated[str, Field(min_length=1, max_length=500)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """`Reference.digest` that the client knows, with its `check_constants` if it gives any; another one on the server
    is an error, not another answer."""
    check_constants: Annotated[tuple[dict[str, int], ...], Field(max_length=16)] = ()
    """As a description has found them, so that nobody searches again; empty: those of the server's problem."""


class _OrderIn(Contract):
    problem: KnownProblem | None = None
    """A problem by name; or else `reference`."""
    reference: Reference | None = None
    """A problem of the client's own. It is trusted code that runs outside of the sandbox, so this takes a token with
    the scope `references`."""
    priority: Priority = Priority.BATCH
    deadline_s: Annotated[float, Field(gt=0, le=86_400)] = 900.0


class EvaluateIn(_OrderIn):
    """Evaluate a candidate."""

    kind: Literal["evaluate"] = "evaluate"
    submission: Submission
    config: EvalConfig = EvalConfig()
    target_digest: TargetDigest | None = None
    """What the client knows the target to be, for one of its own files (see `kernelgym targets --json`): where it is
    another one, nobody answers. None: whatever the service knows."""


class DescribeIn(_OrderIn):
    """Describe a problem's cases."""

    kind: Literal["describe"]


class InspectIn(_OrderIn):
    """Look a problem through for weaknesses."""

    kind: Literal["inspect"]


OrderIn = Annotated[EvaluateIn | DescribeIn | InspectIn, Field(discriminator="kind")]


class BatchIn(Contract):
    """`POST /v1/jobs/batch`: all are taken or none."""

    orders: Annotated[tuple[OrderIn, ...], Field(min_length=1, max_length=MAX_BATCH)]


class PollIn(Contract):
    """`POST /v1/jobs/poll` and `POST /v1/jobs/stream`."""

    ids: Annotated[tuple[JobId, ...], Field(min_length=1, max_length=MAX_BATCH)]
    wait_s: Annotated[float, Field(ge=0, le=MAX_WAIT_S)] = 0.0
    only_done: bool = False
    """Leave out of `JobsOut.jobs` what is still under way or unknown: who waits for hundreds is told of a few."""


class CancelIn(Contract):
    """`POST /v1/jobs/cancel`: takes this client's interest in all of them back; answered with 204.

    For who has hundreds under way and ends; `DELETE /v1/jobs/{id}` is the same for one.
    """

    ids: Annotated[tuple[JobId, ...], Field(min_length=1, max_length=MAX_BATCH)]


class JobsOut(Contract):
    """Jobs in the order in which they were asked for; None for unknown ones."""

    jobs: tuple[JobView | None, ...]
    unknown: tuple[JobId, ...] = ()
    """With `only_done`: those to submit again."""


class UnknownJob(Contract):
    """Event `unknown` of `POST /v1/jobs/stream`: the server does not know (any more) what this was; submit it again."""

    id: JobId


class ProblemLine(Contract):
    """A problem in a list."""

    id: str
    title: str
    tags: tuple[str, ...]
    level: int | None = None
    difficulty: Difficulty
    digest: str
    """`Reference.digest`."""


class ProblemsOut(Contract):
    """`GET /v1/problems`."""

    problems: tuple[ProblemLine, ...]


class ProblemOut(ProblemLine):
    """`GET /v1/problems/{id}`."""

    reference: Reference


class VerdictsOut(Contract):
    """`GET /v1/verdicts`: the newest first."""

    verdicts: tuple[Verdict, ...]


class HealthOut(Contract):
    """`GET /health/live` and `GET /health/ready`."""

    ok: bool
    message: str = ""
    """If not: why, and what to do about it."""


class ErrorCode(StrEnum):
    """Why a request was refused; stable, for programs."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    UNKNOWN_JOB = "unknown_job"
    UNKNOWN_PROBLEM = "unknown_problem"
    OTHER_PROBLEM = "other_problem"
    """The server's problem of this id has another reference than the client's."""
    INVALID = "invalid"
    TOO_LARGE = "too_large"
    KEY_REUSED = "key_reused"
    """The idempotency key came with another body before."""
    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_BUSY = "too_busy"
    NO_WORKER = "no_worker"
    """No worker has the GPU on which a candidate is to be measured. It is certain unless `retry_after_s` is given."""
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class ErrorOut(Contract):
    """The body of every answer from 400 on."""

    code: ErrorCode
    message: str
    """What, which value, and what to do about it."""
    request_id: str
    retry_after_s: float | None = None
