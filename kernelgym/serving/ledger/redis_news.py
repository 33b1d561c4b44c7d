"""Who waits for jobs in Redis hears of their end at once: one subscription for all threads of a process."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import redis

from kernelgym.serving.ledger.mailbox import Mailbox
from kernelgym.serving.ledger.redis_store import RedisStore

LOOK_S: Final = 0.2
"""How often the thread looks whether it should end."""
PING_S: Final = 1.0
SILENT_S: Final = 4.0
"""After so long without any reply the connection is given up, even if nobody has closed it."""
PAUSE_S: Final = 0.5
"""About how long until the next try to connect."""


class News:
    """The subscription; its thread begins with the first who listens. News may be lost, so listeners also look."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._mailboxes: set[Mailbox] = set()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

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

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(SILENT_S)

    def _present(self) -> list[Mailbox]:
        with self._lock:
            return list(self._mailboxes)

    def _listen(self) -> None:
        while not self._closed.is_set():
            subscription = self._store.client.pubsub(ignore_subscribe_messages=False)
            try:
                subscription.subscribe(self._store.key("news"))
                self._follow(subscription)
            except (redis.RedisError, OSError):
                self._closed.wait(PAUSE_S * random.uniform(0.5, 1.5))
            finally:
                subscription.close()

    def _follow(self, subscription: Any) -> None:
        heard = asked = time.monotonic()
        while not self._closed.is_set() and time.monotonic() - heard < SILENT_S:
            message = subscription.get_message(timeout=LOOK_S)
            if message is None:
                if time.monotonic() - asked > PING_S:
                    asked = time.monotonic()
                    subscription.ping()
                continue
            heard = time.monotonic()
            if message["type"] == "subscribe":
                for mailbox in self._present():
                    mailbox.ring()
            elif message["type"] == "message":
                id = bytes(message["data"]).decode(errors="replace")
                for mailbox in self._present():
                    mailbox.tell(id)
