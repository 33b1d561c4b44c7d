"""The server's side: OpenEnv's FastAPI application on a socket, with limits.

    python -c "from policies.ecosystem.openenv import KernelServer; KernelServer(port=8000).run()"

Multi-turn episodes need a session, and OpenEnv keeps one per WebSocket. Its `/reset`, `/step` and `/state` over plain
HTTP make a new environment for each request, so no episode could go on: they are left out, which OpenEnv calls the mode
`production`.
"""

import contextlib
import functools
import socket
import threading
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from fastapi import FastAPI
from openenv.core.env_server import create_fastapi_app
from openenv.core.env_server.types import ConcurrencyConfig, ServerMode

from kernelgym.envs import Options
from kernelgym.envs.arena import Arena
from kernelgym.errors import BadUsage
from policies.ecosystem.openenv.environment import KernelEnvironment
from policies.ecosystem.openenv.gate import Gate
from policies.ecosystem.openenv.messages import KernelAction, KernelObservation, KernelState

MAX_MESSAGE: Final = 8 * 2**20
"""Bytes of the longest message that is read; the longest completion that is looked at has 4 Mi characters."""

GRACE_S: Final = 2
"""Seconds that answers which are due may still take when the server ends."""

LOCAL: Final = ("127.0.0.1", "::1", "localhost")


def make_app(
    arena: Arena, *, sessions: int = 16, session_timeout_s: float = 3600.0, token: str | None = None
) -> FastAPI:
    """Returns the application, for a server of one's own; that must limit messages of WebSockets itself.

    Args:
        arena: Begins the episodes of all sessions; to be closed by the caller.
        sessions: Most at a time; one more is refused.
        session_timeout_s: Seconds after which an idle session is ended. More than an evaluation and the model's answer
            take together: both are idleness to OpenEnv.
        token: What clients have to send as `Authorization: Bearer ...`; None: nothing.

    Raises:
        BadUsage: A number is out of range, or the arena is closed.
    """
    if sessions < 1:
        raise BadUsage(f"sessions is {sessions}; there must be room for at least 1")
    if not session_timeout_s > 0:
        raise BadUsage(f"session_timeout_s is {session_timeout_s}; give a number of seconds above 0")
    if token == "":
        raise BadUsage("token is empty; give a secret, or None")
    _ = arena.evaluator  # started here, not by the threads of several sessions
    app: FastAPI = create_fastapi_app(
        functools.partial(KernelEnvironment, arena),
        KernelAction,
        KernelObservation,
        concurrency_config=ConcurrencyConfig(max_concurrent_envs=sessions, session_timeout=session_timeout_s),
        env_name="kernelgym",
        state_cls=KernelState,
        mode=ServerMode.PRODUCTION,
    )
    app.add_middleware(Gate, max_bytes=MAX_MESSAGE, token=token)
    return app


class KernelServer:
    """Serves episodes. Either `run()`, or a context manager that serves in a thread meanwhile.

    Args:
        host: Address to listen at; only this machine's unless a token is given.
        port: 0 takes a free one, which `url` tells.
        sessions: Episodes at a time.
        session_timeout_s: Seconds after which an idle session is ended.
        token: Secret that clients have to know.
        workers: Worker processes of an evaluator of its own; None means "as the settings say".
        options: The fields of `Options`.

    Raises:
        BadUsage: The address is not this machine's own and there is no token, or it can't be listened at.
        KernelGymError, UnknownReward: The options name nothing that exists, or don't go together.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 8000, sessions: int = 16, session_timeout_s: float = 3600.0,
        token: str | None = None, workers: int | None = None, **options: Any,
    ) -> None:  # fmt: skip
        if host not in LOCAL and token is None:
            raise BadUsage(f"host is {host!r}, which others can reach; give a token, or listen at 127.0.0.1")
        self._arena = Arena(Options(**options), workers)
        try:
            self._socket = socket.create_server((host, port), family=_family(host))
        except OSError as error:
            self._arena.close()
            raise BadUsage(f"can't listen at {host}:{port}: {error.strerror or error}; choose another port") from error
        try:
            app = make_app(self._arena, sessions=sessions, session_timeout_s=session_timeout_s, token=token)
        except BaseException:
            self.close()
            raise
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, ws_max_size=MAX_MESSAGE, ws="websockets-sansio", log_level="warning", access_log=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )  # fmt: skip
        self._thread = threading.Thread(target=self._serve, name="kernelgym-openenv", daemon=True)

    @property
    def url(self) -> str:
        """What a client connects to."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self) -> None:
        """Serves until it is interrupted, then closes everything."""
        try:
            with contextlib.suppress(KeyboardInterrupt):
                self._serve()
        finally:
            self.close()

    def close(self) -> None:
        """Ends what it opened; calling it again does nothing."""
        self._socket.close()
        self._arena.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.close()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
