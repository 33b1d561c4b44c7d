"""The nouns of serving: a job, how far it is, who works, what waits. Plain data that crosses processes as JSON."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from kernelgym.evaluators.messages import Described, Finished, Inspected, Refused, Task
from kernelgym.serving.routing import Station
from sandboxes.contracts import Contract

JOB_ID: Final = r"^[0-9a-f]{64}$"
"""What `identity.job_id` returns."""

MAX_ATTEMPTS: Final = 3
"""Times a job may lose its worker before it is quarantined: answered with `infrastructure`, for all who wait."""

JobId = Annotated[str, Field(pattern=JOB_ID)]
Answer = Annotated[Finished | Described | Inspected | Refused, Field(discriminator="kind")]


class Priority(StrEnum):
    """Who goes first where several wait."""

    INTERACTIVE = "interactive"
    """Somebody looks at the screen."""
    BATCH = "batch"
    """A training, a benchmark."""


class JobState(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    """There is an answer; `Refused` is one, too."""
    CANCELLED = "cancelled"
    """Nobody wants it any more."""


class Order(Contract):
    """What somebody wants: a task, how urgently, and for how long."""

    task: Task
    priority: Priority = Priority.BATCH
    deadline_s: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    """Seconds after which the one who asks wants `infrastructure` rather than go on waiting."""
    request_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]
    """Follows the request through the logs of all processes."""
    gpu: str = ""
    """Who measures it (`identity.gpu_identity`), if it is measured; the engine fills that in."""


class JobView(Contract):
    """How far a job is, and its answer if there is one."""

    id: JobId
    state: JobState
    station: Station | None = None
    """Where it waits or runs; None once it is done."""
    attempts: Annotated[int, Field(ge=0)] = 0
    """Times a worker has begun with the present station."""
    request_id: str = ""
    cached: bool = False
    """True if the answer was there before this was asked."""
    answer: Answer | None = None


class Claim(Contract):
    """What a worker has taken on. The token is valid until the job is settled, released or given to somebody else."""

    id: JobId
    token: str
    task: Task
    station: Station
    attempt: Annotated[int, Field(ge=1)]
    """1 for the first worker at this station."""
    request_id: str
    priority: Priority = Priority.BATCH
    """With which it is sent on, or back."""
    waited_s: float
    """How long it has been queued for this station."""
    timings_s: dict[str, float] = Field(default_factory=dict)
    """What the stations before have noted."""


class WorkerView(Contract):
    """One process that takes jobs."""

    id: Annotated[str, Field(max_length=200)]
    """Host, process id and a random part: another one after every start."""
    host: str
    pid: int
    queues: tuple[str, ...]
    versions: dict[str, str]
    device: str = "cpu"
    gpu: str = ""
    """What the times depend on that it measures (`identity.gpu_identity`); empty if it measures none."""
    sandbox: str = ""
    """What candidates run in, with its gaps; empty before the first one."""
    draining: bool = False
    """It takes no new jobs and ends when it is done."""
    job: JobId | None = None
    """What it works on."""
    station: Station | None = None
    stage: str | None = None
    """What it is doing there (`sandboxes.contracts.Stage`)."""
    beat: int = 0
    """Grows while the process lives; who watches it needs no clock in common with it."""
    done: int = 0
    """Jobs it has finished."""
    memory_mib: float = 0.0
    """Resident memory of the process and its children."""


class QueueView(Contract):
    """One queue."""

    name: str
    waiting: dict[Priority, int]
    running: int
    workers: int
    """That serve it and are alive."""
    oldest_s: float | None = None
    """How long the first one has waited."""


class Verdict(Contract):
    """One line of what happened lately."""

    id: JobId
    at: float
    """Unix time, seconds, of the server."""
    problem: str
    kind: str
    """Of the task: job, inquiry, inspection."""
    outcome: str
    """`Outcome` of a report; `described`, `inspected` or `refused` otherwise."""
    speedup: float | None = None
    worker: str = ""
    total_s: float = 0.0
    """From submission to answer."""
    work_s: float = 0.0
    """Of it, what the stations spent."""
    attempts: int = 1
    request_id: str = ""


class Overview(Contract):
    """Everything a status page shows."""

    engine: str
    """`embedded` or `celery`."""
    versions: dict[str, str]
    queues: tuple[QueueView, ...]
    workers: tuple[WorkerView, ...]
    counters: dict[str, int]
    """Since the ledger began: submitted, computed, hits, joined, cancelled, retried, quarantined, expired, discarded
    (second answers to a job that had one), `outcome:<outcome>` of each answer, and `unkept` (answers that the file of
    an embedded engine did not take)."""
    remembered: int
    """Answers kept."""
    recent: tuple[Verdict, ...]
    """Newest first."""
