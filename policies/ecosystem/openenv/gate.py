"""What stands before OpenEnv's server: who may speak to it, and how much of it."""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_CLOSE: Final = [(b"connection", b"close")]

POLICY_VIOLATION: Final = 1008
"""Code with which a WebSocket is closed."""


class Gate:
    """ASGI middleware.

    Refuses web pages: a browser says where a request comes from (`Origin`), a client of OpenEnv does not, and any page
    that is open on this machine could otherwise speak to a server that only listens locally.

    Args:
        app: What is guarded.
        max_bytes: Of a request's body. The server limits messages of WebSockets itself.
        token: What a client has to send as `Authorization: Bearer ...`; None: nothing.
    """

    def __init__(self, app: App, *, max_bytes: int, token: str | None) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._wanted = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on, or refuses it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        refused = self._refused(headers)
        if refused is None:
            body = _Body(receive, send, self._max_bytes)
            await self._app(scope, body.receive, body.send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await send({"type": "http.response.start", "status": refused.value, "headers": _CLOSE})
            await send({"type": "http.response.body", "body": refused.phrase.encode()})

    def _refused(self, headers: dict[bytes, bytes]) -> HTTPStatus | None:
        if b"origin" in headers:
            return HTTPStatus.FORBIDDEN
        if self._wanted is not None and not hmac.compare_digest(headers.get(b"authorization", b""), self._wanted):
            return HTTPStatus.UNAUTHORIZED
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._max_bytes:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None


class _Body:
    """One request, whose body may be longer than it said, or not have said how long it is.

    Beyond the limit, the application is told that the client has gone, and whatever it answers, the client is refused
    and the connection closed: nothing more is read.
    """

    def __init__(self, receive: Receive, send: Send, max_bytes: int) -> None:
        self._receive = receive
        self._send = send
        self._left = max_bytes

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
        return {"type": "http.disconnect"} if self._left < 0 else message

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if self._left >= 0:
            await self._send(message)
        elif message["type"] == "http.response.start":
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            await self._send({"type": "http.response.start", "status": status.value, "headers": _CLOSE})
            await self._send({"type": "http.response.body", "body": status.phrase.encode()})
