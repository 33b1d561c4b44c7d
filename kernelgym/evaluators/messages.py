"""What an evaluator and its worker processes say to each other: JSON, one message a frame, validated on arrival."""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, model_validator

from sandboxes.contracts import Contract, Description, EvalConfig, Reference, Report, Stage, Submission, Weakness
from sandboxes.devices.cuda.turn import Turn
from sandboxes.hardware.targets import UnknownTarget, digest_of, get_target

MAX_FRAME_BYTES = 64 * 2**20
"""Longest message; a longer one is a fault of the worker."""

DEFAULT_TARGET: Final = EvalConfig().target
TargetDigest = Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")]
"""Of `sandboxes.hardware.targets.digest_of`."""


class Job(Contract):
    """To the worker: evaluate this."""

    kind: Literal["job"] = "job"
    submission: Submission
    reference: Reference
    config: EvalConfig
    target_digest: TargetDigest = ""
    """What whoever asks knows the target to be: a name may mean different GPUs in different places. Filled in where the
    job is made; empty if the name is unknown there, and then nobody answers."""

    @model_validator(mode="before")
    @classmethod
    def _know_target(cls, values: Any) -> Any:
        """Fills in the digest in this process; what arrives from another one brings its own."""
        if not isinstance(values, dict) or "target_digest" in values:
            return values
        config = values.get("config")
        name = config.target if isinstance(config, EvalConfig) else _name_in(config)
        with suppress(UnknownTarget):
            return {**values, "target_digest": digest_of(get_target(name))}
        return values


def _name_in(config: Any) -> str:
    """Returns the target that a configuration names which was not looked at yet."""
    return str(config.get("target", DEFAULT_TARGET)) if isinstance(config, dict) else DEFAULT_TARGET


class Inquiry(Contract):
    """To the worker: describe this."""

    kind: Literal["inquiry"] = "inquiry"
    reference: Reference


class Inspection(Contract):
    """To the worker: look this through for weaknesses."""

    kind: Literal["inspection"] = "inspection"
    reference: Reference


class Tracing(Contract):
    """To the worker: do the first half of this job."""

    kind: Literal["tracing"] = "tracing"
    job: Job


class Replaying(Contract):
    """To the worker: do the second half of this job; the next frame is the bundle that came of the first."""

    kind: Literal["replaying"] = "replaying"
    job: Job


class Preparation(Contract):
    """To the worker: make the GPU ready, which this configuration has to fit."""

    kind: Literal["preparation"] = "preparation"
    config: EvalConfig | None = None
    """None: whatever GPU there is."""


class StageBegan(Contract):
    """From the worker: this stage begins (so that its death can be attributed)."""

    kind: Literal["stage"] = "stage"
    stage: Stage


class Sheltered(Contract):
    """From the worker: candidates will run in this sandbox."""

    kind: Literal["sheltered"] = "sheltered"
    sandbox: str
    gaps: tuple[str, ...]
    """What it does not protect against, one clause each."""


class TurnChanged(Contract):
    """From the worker: it waits for the GPU, uses it, or has done with it: till then, sleeping is nothing odd."""

    kind: Literal["turn"] = "turn"
    turn: Turn


class Spoiled(Contract):
    """From the worker, before its answer: it can't use its GPU any more, and is to be replaced after that."""

    kind: Literal["spoiled"] = "spoiled"
    why: str


class Ready(Contract):
    """From the worker: the GPU is ready."""

    kind: Literal["ready"] = "ready"
    title: str
    """As the driver names it."""
    uuid: str
    arch: str
    """As `Target.arch`."""
    versions: dict[str, str]
    """What measured times depend on: `driver`, `cuda`, `torch`, `triton`."""
    simulated: bool
    targets: tuple[str, ...]
    """Names of the known targets that fit it."""


class Finished(Contract):
    """From the worker: the report."""

    kind: Literal["finished"] = "finished"
    report: Report


class Described(Contract):
    """From the worker: the answer to an inquiry."""

    kind: Literal["described"] = "described"
    description: Description


class Inspected(Contract):
    """From the worker: the answer to an inspection."""

    kind: Literal["inspected"] = "inspected"
    weaknesses: tuple[Weakness, ...]


class Handed(Contract):
    """From the worker: the first half is done; the next frame is the bundle for the second."""

    kind: Literal["handed"] = "handed"
    timings_s: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What the first half of a job leaves to the second, wherever that is done."""

    bundle: bytes
    """See `sandboxes.bundle`; at most `MAX_BUNDLE_BYTES`."""
    timings_s: dict[str, float]
    """Wall time of each stage so far, for whoever counts it; the bundle has it, too."""


class Refusal(StrEnum):
    """Why a worker did not evaluate at all."""

    REFERENCE = "reference"
    """The reference can't be used: the caller's fault."""
    CONFIG = "config"
    """The configuration names something unknown: the caller's fault."""
    DEVICE = "device"
    """There is no GPU here that fits the configuration: the caller's fault at first, ours if there was one before."""
    TOO_LONG = "too_long"
    """What the second half would begin with is too long to be sent: one process has to do both."""
    INFRASTRUCTURE = "infrastructure"
    """Our fault."""


class Refused(Contract):
    """From the worker: no verdict, and why."""

    kind: Literal["refused"] = "refused"
    why: Refusal
    message: str


Task = Annotated[Job | Inquiry | Inspection, Field(discriminator="kind")]
TASK: TypeAdapter[Task] = TypeAdapter(Task)
"""Parses what somebody wants."""

Work = Job | Inquiry | Inspection | Tracing | Replaying
"""A task, or a half of one."""

Assignment = Annotated[Job | Inquiry | Inspection | Tracing | Replaying | Preparation, Field(discriminator="kind")]
ASSIGNMENT: TypeAdapter[Assignment] = TypeAdapter(Assignment)
"""Parses what a worker is sent: work, or to get ready for it."""

Message = Annotated[
    StageBegan | Sheltered | TurnChanged | Spoiled | Ready | Finished | Described | Inspected | Handed | Refused,
    Field(discriminator="kind"),
]
MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
"""Parses what a worker sends."""
