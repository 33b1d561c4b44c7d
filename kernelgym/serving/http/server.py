"""The API on a socket: uvicorn with limits, in a thread of its own, until it is told to end."""

import resource
import socket
import threading
import time
from types import TracebackType
from typing import Final, Self

import uvicorn

from kernelgym.errors import BadUsage
from kernelgym.serving.engines.engine import Engine
from kernelgym.serving.http.access import LOCAL_HOSTS, Access
from kernelgym.serving.http.app import create_app
from kernelgym.serving.http.catalogue import Catalogue
from kernelgym.serving.http.connection import PatientConnection
from kernelgym.serving.http.front import Front
from kernelgym.serving.http.tokens import TokenFile

LOCAL: Final = ("127.0.0.1", "::1", "localhost")
"""Addresses that only this machine reaches."""

MAX_HEAD_BYTES: Final = 32 * 2**10
"""Longest head of a request."""

IDLE_S: Final = 75
"""How long a connection without a request is kept."""

GRACE_S: Final = 10
"""Longest time for answers that are due when the server ends."""

START_S: Final = 30.0

OPEN_FILES: Final = 65_536
"""How many the server asks the system for: each connection is one, and the usual limit is 1,024."""


BACKLOG: Final = 1024
"""Connections that may wait to be taken."""


class HttpServer:
    """Serves an engine; a context manager that listens from its construction and answers from `with` on.

    Leaving it takes no more requests, ends long polls and streams politely, and waits for the others for `GRACE_S`.

    Args:
        engine: What is served; closed by the caller, afterwards.
        host: Address to listen at; only this machine's without tokens.
        port: 0 takes a free one, which `url` tells.
        tokens: Who may do what; None: everybody on this machine everything.
        hosts: Names by which the server is called, beside the local ones.
        catalogue: Problems that orders can name; None: those that are registered.
        redis_url: Where requests are counted for the tokens' limits, if several servers share them.

    Raises:
        BadUsage: The address is not this machine's own and there are no tokens, or it can't be listened at.
    """

    def __init__(
        self, engine: Engine, *, host: str = "127.0.0.1", port: int = 0, tokens: TokenFile | None = None,
        hosts: frozenset[str] = frozenset(), catalogue: Catalogue | None = None,
        redis_url: str | None = None,
    ) -> None:  # fmt: skip
        if host not in LOCAL and tokens is None:
            raise BadUsage(
                f"others can reach {host!r}, and without tokens they could run code of their own here; make a file "
                "with `kernelgym serve token` and give it with --tokens, or listen at 127.0.0.1"
            )
        names = frozenset() if tokens is not None and not hosts else LOCAL_HOSTS | {name.lower() for name in hosts}
        app = create_app(engine, access=Access(tokens, names), catalogue=catalogue, redis_url=redis_url)
        _ask_for_open_files()
        try:
            self._socket = listen(host, port)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise BadUsage(f"can't listen at {host}:{port}: {reason}; choose another --port or --host") from error
        self._address: tuple[str, int] = self._socket.getsockname()[:2]
        config = uvicorn.Config(
            app, http=PatientConnection, ws="none", loop="asyncio", lifespan="on", log_config=None, access_log=False,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES, timeout_keep_alive=IDLE_S, server_header=False,
            proxy_headers=False, timeout_graceful_shutdown=GRACE_S,
        )  # fmt: skip
        self.front: Front = app.state.front
        """What the routes share."""
        self._server = _Server(config, self.front)
        self._thread = threading.Thread(target=self._serve, name="kernelgym-http-server", daemon=True)

    @property
    def url(self) -> str:
        """What a client connects to."""
        host, port = self._address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def alive(self) -> bool:
        """Whether it still serves."""
        return self._thread.is_alive()

    def drain(self) -> None:
        """Takes no more, and lets everybody go who waits; leaving the block does the rest."""
        self._server.should_exit = True

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        if not self._server.started:
            self._socket.close()
            raise BadUsage(f"the server at {self.url} did not begin; its log says why")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drain()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


def listen(host: str, port: int) -> socket.socket:
    """Returns a socket that listens; its protocol is named, or asyncio leaves Nagle's algorithm on.

    Every answer to a client that keeps its connection would then be 40 ms late.

    Raises:
        OSError, OverflowError: It can't.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


class _Server(uvicorn.Server):
    """Sends those home who wait for jobs before it waits for answers that are due."""

    def __init__(self, config: uvicorn.Config, front: Front) -> None:
        super().__init__(config)
        self._front = front

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._front.waiter.drain()
        await super().shutdown(sockets)
        self._front.threads.close()


def _ask_for_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
