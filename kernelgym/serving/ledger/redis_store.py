"""The connection to Redis: timeouts, retries, and errors that say which store, why, and what to do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.extras import need_serve
from kernelgym.serving.ledger.scripts import script

need_serve("redis")

import redis  # noqa: E402 - after the check that says what to install
from redis.backoff import ExponentialWithJitterBackoff  # noqa: E402
from redis.retry import Retry  # noqa: E402

CONNECT_TIMEOUT_S: Final = 2.0
ANSWER_TIMEOUT_S: Final = 4.0
"""A script takes well below a millisecond; a store that is silent for longer is gone, as far as we can know."""
RETRIES: Final = 4
"""Times a connection is made anew before it is an error: a restart of Redis takes a fraction of a second."""
LONGEST_PAUSE_S: Final = 0.4
MAX_CONNECTIONS: Final = 64

REMEDIES: Final = (
    ("OOM", "its memory is full", "raise its maxmemory, or lower the number of answers that are kept"),
    ("MISCONF", "it can't write to its disk", "make room on the disk of the Redis server"),
    ("READONLY", "it is a replica that takes no writes", "give the address of the primary"),
    ("LOADING", "it still loads its data", "ask again in a few seconds"),
    ("BUSY", "another script holds it", "ask again, or run SCRIPT KILL there"),
    ("Authentication required", "it wants a password", "put it into the URL: redis://:PASSWORD@HOST:PORT/0"),
    ("WRONGPASS", "the password or the user name is wrong", "correct it in the URL"),
    ("NOPERM", "its user may not do this", "allow scripts, pub/sub and the keys of the prefix (ACL SETUSER)"),
    ("WRONGTYPE", "it holds something else under our names", "use a database or a prefix of its own"),
    ("MASTERDOWN", "it is a replica without its primary", "start the primary"),
)
"""What errors begin with, what that means, what to do."""


def shown(url: str) -> str:
    """Returns the address without user and password; of one that can't be read, what is certainly neither."""
    scheme = url.partition("://")[0]
    try:
        parts = urlsplit(url)
        place = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else ""
    except ValueError:
        return f"{scheme}://...@{url.rpartition('@')[2]}" if "@" in url else url
    if "@" in parts.path + parts.query + parts.fragment:  # a password has a `/`, `?` or `#` in it
        return f"{scheme}://...@{url.rpartition('@')[2]}"
    return f"{scheme}://{place}{parts.path}"


def check_url(url: str) -> None:
    """Checks that an address has a host or a path, in words that quote no password as redis-py's do.

    Raises:
        ValueError: It has not.
    """
    try:
        parts = urlsplit(url)
        reads = parts.port != 0 and "@" not in parts.path + parts.query + parts.fragment
    except ValueError:
        reads = False
    if not reads:
        raise ValueError(
            f"{shown(url)} is no address of a Redis; in a password `/`, `?`, `#` and `@` are written %2F, %3F, %23, %40"
        )


class RedisStore:
    """Runs scripts in a Redis; safe from several threads, and after a fork.

    Args:
        url: As of redis-py: `redis://[:password@]host:port/database`, `rediss://` for TLS, `unix://` for a socket.
        prefix: What all keys begin with.

    Raises:
        ValueError: The URL can't be parsed.
    """

    def __init__(self, url: str, prefix: str) -> None:
        check_url(url)
        self.address = shown(url)
        self.prefix = prefix
        retry = Retry(
            ExponentialWithJitterBackoff(base=0.02, cap=LONGEST_PAUSE_S),
            RETRIES,
            supported_errors=(redis.ConnectionError,),  # not timeouts: several in a row would take too long
        )
        pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=ANSWER_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=ANSWER_TIMEOUT_S,
            socket_keepalive=True,
            retry=retry,
            protocol=2,
        )
        self.client: Any = redis.Redis.from_pool(pool)  # Any: its types are unions of str and bytes, ours are bytes
        self._scripts: dict[str, Any] = {}

    def run(self, name: str, *arguments: str | bytes | float) -> Any:
        """Runs the script `name` (`ledger/scripts`).

        Raises:
            LedgerUnavailable: Redis can't be reached, or takes no more.
        """
        known = self._scripts.get(name)
        if known is None:
            known = self._scripts[name] = self.client.register_script(script(name))
        with self.talking():
            return known(keys=[self.prefix], args=arguments)

    def run_on(self, name: str, ids: Sequence[str], at_once: int = 256) -> list[Any]:
        """Runs a script that returns one thing for each id; on some at a time, so that others get in between."""
        found: list[Any] = []
        for first in range(0, len(ids), at_once):
            found += self.run(name, *ids[first : first + at_once])
        return found

    def key(self, name: str) -> str:
        """Returns a name with the prefix."""
        return f"{self.prefix}:{name}"

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Turns what redis-py raises into `LedgerUnavailable`."""
        try:
            yield
        except redis.RedisError as error:
            raise LedgerUnavailable(self._sentence(error)) from error

    def close(self) -> None:
        """Closes all connections."""
        self.client.close()
        self.client.connection_pool.disconnect()

    def _sentence(self, error: "redis.RedisError") -> str:
        text = str(error).strip()
        for word, why, remedy in REMEDIES:
            if text.startswith(word) or f"{word} " in text or type(error).__name__ in _CLASSES.get(word, ()):
                return f"the Redis at {self.address} can't be used: {why} ({text[:200]}); {remedy}"
        if isinstance(error, redis.TimeoutError):
            return (
                f"the Redis at {self.address} does not answer ({text[:200]}); see whether it runs, and whether it is "
                "overloaded or halted"
            )
        if isinstance(error, redis.ConnectionError):
            return f"the Redis at {self.address} can't be reached ({text[:200]}); start it, or correct the address"
        return f"the Redis at {self.address} refused a command: {text[:300]}; Redis 6.2 or newer is needed"


_CLASSES: Final = {
    "OOM": ("OutOfMemoryError",),
    "READONLY": ("ReadOnlyError",),
    "LOADING": ("BusyLoadingError",),
    "WRONGPASS": ("AuthenticationError", "AuthenticationWrongNumberOfArgsError"),
    "NOPERM": ("NoPermissionError",),
}
"""redis-py strips the first word of some errors and has a class instead."""
