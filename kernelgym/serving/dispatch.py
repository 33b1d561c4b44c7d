"""Telling a queue that a job waits in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kernelgym.serving.jobs import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a queue is told."""

    queue: str
    id: str
    """Of the job that waits."""
    priority: Priority
    request_id: str


class Dispatch(Protocol):
    """Puts a job's id into a queue; `LedgerUnavailable` if that can't be reached or takes no more."""

    def __call__(self, queue: str, id: str, priority: Priority, request_id: str) -> None:
        """Sends one message. The ledger has noted the job before, so that a message that is lost can be sent again."""
        ...


class BatchDispatch(Dispatch, Protocol):
    """A `Dispatch` that is quick with many messages, too."""

    def send_many(self, messages: Sequence[Message]) -> None:
        """Sends messages in their order; where it raises, some may have been sent. Who waits no more is left out."""
        ...
