"""What an evaluator and its worker processes say to each other: JSON, one message a frame, validated on arrival."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from sandboxes.contracts import Contract, EvalConfig, Reference, Report, Stage, Submission

MAX_FRAME_BYTES = 64 * 2**20
"""Longest message; a longer one is a fault of the worker."""


class Job(Contract):
    """To the worker: evaluate this."""

    submission: Submission
    reference: Reference
    config: EvalConfig


class StageBegan(Contract):
    """From the worker: this stage begins (so that its death can be attributed)."""

    kind: Literal["stage"] = "stage"
    stage: Stage


class Finished(Contract):
    """From the worker: the report."""

    kind: Literal["finished"] = "finished"
    report: Report


class Refusal(StrEnum):
    """Why a worker did not evaluate at all."""

    REFERENCE = "reference"
    """The reference can't be used: the caller's fault."""
    CONFIG = "config"
    """The configuration names something unknown: the caller's fault."""
    INFRASTRUCTURE = "infrastructure"
    """Our fault."""


class Refused(Contract):
    """From the worker: no verdict, and why."""

    kind: Literal["refused"] = "refused"
    why: Refusal
    message: str


Message = Annotated[StageBegan | Finished | Refused, Field(discriminator="kind")]
MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
"""Parses what a worker sends."""
