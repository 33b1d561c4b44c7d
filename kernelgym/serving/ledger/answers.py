"""Answers that a ledger in memory keeps, within bounds."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One answer, or that a job was cancelled."""

    record: bytes
    """As `records.pack` makes it; empty if the job was cancelled."""
    attempts: int
    request_id: str
    is_answer: bool = True
    """False if it is for those alone who wait already (`infrastructure`, cancelled)."""


class Answers(Protocol):
    """Keeps answers; whoever holds the ledger's lock may use it."""

    def put(self, id: str, kept: Kept) -> None:
        """Keeps an answer; whatever is too much goes, the one not used for the longest time first."""
        ...

    def get(self, id: str) -> Kept | None:
        """Returns an answer, unless it is too old."""
        ...

    def use(self, id: str) -> None:
        """Notes that somebody has asked for it."""
        ...

    def forget(self, id: str) -> None:
        """Deletes an answer, if it is there."""
        ...

    def __len__(self) -> int: ...

    def close(self) -> None:
        """Closes files."""
        ...


class AnswersInMemory:
    """Keeps them as long as the process lives.

    Args:
        most: How many are kept.
        ttl_s: How long.
    """

    def __init__(self, most: int, ttl_s: float) -> None:
        self._most = most
        self._ttl_s = ttl_s
        self._kept: OrderedDict[str, tuple[float, Kept]] = OrderedDict()

    def put(self, id: str, kept: Kept) -> None:
        """See `Answers.put`."""
        self._kept[id] = (time.monotonic() + self._ttl_s, kept)
        self._kept.move_to_end(id)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def get(self, id: str) -> Kept | None:
        """See `Answers.get`."""
        expires, kept = self._kept.get(id, (0.0, None))
        if kept is not None and expires < time.monotonic():
            del self._kept[id]
            return None
        return kept

    def use(self, id: str) -> None:
        """See `Answers.use`."""
        if id in self._kept:
            self._kept.move_to_end(id)

    def forget(self, id: str) -> None:
        """See `Answers.forget`."""
        self._kept.pop(id, None)

    def __len__(self) -> int:
        return len(self._kept)

    def close(self) -> None:
        """See `Answers.close`."""
