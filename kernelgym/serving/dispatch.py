"""Telling a queue that a job waits in it."""

from typing import Protocol

from kernelgym.serving.jobs import Priority


class Dispatch(Protocol):
    """Puts a job's id into a queue; `LedgerUnavailable` if that can't be reached or takes no more."""

    def __call__(self, queue: str, id: str, priority: Priority, request_id: str) -> None:
        """Sends one message. The ledger has noted the job before, so that a message that is lost can be sent again."""
        ...
