"""Who waits for jobs in Redis hears of their end at once: one subscription for all threads of a process."""

import math
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import redis

from kernelgym.serving.ledger.mailbox import Mailbox
from kernelgym.serving.ledger.redis_store import RedisStore

FRESH_S: Final = 0.6
"""For how long a job that was open is taken to be so while no news of it comes. News may be lost: then, who waits is
told up to twice as late."""
MANY: Final = 50_000
"""Jobs that are known to be open, from which on old knowledge is thrown away."""
TURN_S: Final = 0.2
"""How often the thread looks whether it should end."""
PING_S: Final = 1.0
SILENT_S: Final = 4.0
"""After so long without any reply the connection is given up, even if nobody has closed it."""
PAUSE_S: Final = 0.5
"""About how long until the next try to connect."""


class News:
    """The subscription; its thread begins with the first who listens. News may be lost, so listeners also look.

    Whoever waits for hundreds of jobs is told of one and waits again for the rest: what was seen open a moment ago is
    not asked for each time anew.
    """

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._mailboxes: set[Mailbox] = set()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._subscribed = False
        self._seen_open: dict[str, float] = {}

    @contextmanager
    def listening(self, ids: Sequence[str]) -> Iterator[Mailbox]:
        """Gives a mailbox that is told of the end of `ids` from now on."""
        mailbox = Mailbox(ids)
        with self._lock:
            self._mailboxes.add(mailbox)
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._listen, name="ledger-news", daemon=True)
                self._thread.start()
        try:
            yield mailbox
        finally:
            with self._lock:
                self._mailboxes.discard(mailbox)

    def doubtful(self, ids: Sequence[str]) -> list[str]:
        """Returns those of `ids` of which it isn't known that they were open a moment ago."""
        with self._lock:
            if not self._subscribed:
                return list(ids)
            latest = time.monotonic() - FRESH_S
            return [id for id in ids if self._seen_open.get(id, -math.inf) < latest]

    def seen_open(self, ids: Sequence[str], mailbox: Mailbox, at: float) -> None:
        """Notes that jobs were open at a time; `mailbox` was told what has ended since then."""
        with self._lock:
            if len(self._seen_open) > MANY:
                latest = time.monotonic() - FRESH_S
                self._seen_open = {id: seen for id, seen in self._seen_open.items() if seen >= latest}
            self._seen_open.update((id, at) for id in ids if not mailbox.knows(id))

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(SILENT_S)

    def _begin(self, *, subscribed: bool) -> None:
        with self._lock:
            self._subscribed = subscribed
            self._seen_open.clear()
            for mailbox in self._mailboxes:
                mailbox.ring()

    def _ended(self, id: str) -> None:
        with self._lock:
            self._seen_open.pop(id, None)
            for mailbox in self._mailboxes:
                mailbox.tell(id)

    def _listen(self) -> None:
        while not self._closed.is_set():
            subscription = self._store.client.pubsub(ignore_subscribe_messages=False)
            try:
                subscription.subscribe(self._store.key("news"))
                self._follow(subscription)
                self._begin(subscribed=False)
            except (redis.RedisError, OSError):
                self._begin(subscribed=False)
                self._closed.wait(PAUSE_S * random.uniform(0.5, 1.5))
            finally:
                subscription.close()

    def _follow(self, subscription: Any) -> None:
        heard = asked = time.monotonic()
        while not self._closed.is_set() and time.monotonic() - heard < SILENT_S:
            message = subscription.get_message(timeout=TURN_S)
            if message is None:
                if time.monotonic() - asked > PING_S:
                    asked = time.monotonic()
                    subscription.ping()
                continue
            heard = time.monotonic()
            if message["type"] == "subscribe":
                self._begin(subscribed=True)
            elif message["type"] == "message":
                self._ended(bytes(message["data"]).decode(errors="replace"))
