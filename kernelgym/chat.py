"""What policies and environments say to each other: messages, completions, and what these cost."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from sandboxes.contracts import Contract

Tokens = Annotated[int, Field(ge=0)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Role(StrEnum):
    """Who says a message."""

    SYSTEM = "system"
    USER = "user"
    """The environment: the task, then feedback."""
    ASSISTANT = "assistant"
    """The policy."""


class Message(Contract):
    """One message of a chat."""

    role: Role
    content: str


class Usage(Contract):
    """What a completion took; None where nobody knows."""

    model: str | None = None
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    cost_usd: NonNegative | None = None
    latency_s: NonNegative | None = None
    """Wall time from asking to the last token, all attempts together, seconds."""
    attempts: Annotated[int, Field(ge=1)] = 1
    """Requests that were made; more than one after failures."""
    finish_reason: str | None = None
    """Why the model stopped, e.g. `stop` or `length`."""


class Completion(Contract):
    """What a policy answers."""

    text: str
    usage: Usage | None = None
