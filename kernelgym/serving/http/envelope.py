"""What is around every request: an id that follows it, headers that protect, and the last word if something breaks."""

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from kernelgym.serving.http.access import Access
from kernelgym.serving.http.refusals import RequestRefused, refuse
from kernelgym.serving.http.wire import WIRE_HEADER, WIRE_VERSION, ErrorCode
from kernelgym.serving.telemetry.logs import log_event
from kernelgym.serving.telemetry.metrics import Limit, Metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9_.:-]{1,100}")
"""What a client may call its request; anything else gets a name of ours."""

ALWAYS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (WIRE_HEADER.lower().encode(), str(WIRE_VERSION).encode()),
]
"""Headers of every answer: what browsers must not do with it, and which form it has."""

NOT_KEPT: Final = (b"cache-control", b"no-store")
"""Header of every answer that does not say itself how long it is good for."""

MAX_ACTIVE: Final = 4096
"""Requests under way at a time, long polls and streams among them."""

GONE: Final = 499
"""How a request is recorded whose client did not wait for the answer."""

LIMITS: Final = {
    ErrorCode.TOO_MANY_REQUESTS: Limit.RATE,
    ErrorCode.TOO_LARGE: Limit.SIZE,
    ErrorCode.TOO_BUSY: Limit.BUSY,
}
"""Which refusals are counted as a limit that was met."""

_LOG = logging.getLogger("kernelgym.http")


class Envelope:
    """ASGI middleware, the outermost one. Sets `request.state.request_id`, turns away web pages of others, records.

    Args:
        app: What answers.
        access: Says which pages are others'.
        metrics: Counts the answers.
    """

    def __init__(self, app: App, access: Access, metrics: Metrics) -> None:
        self._app = app
        self._access = access
        self._metrics = metrics
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on; whatever it raises is logged here, and told the client without its inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _request_id(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = name
        began, status = time.perf_counter(), 0
        self._active += 1

        async def labelled(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {header for header, _ in message["headers"]}
                extra = [*ALWAYS, (b"x-request-id", name.encode()), NOT_KEPT]
                message["headers"] = [*message["headers"], *(pair for pair in extra if pair[0] not in present)]
            await send(message)

        try:
            if self._active > MAX_ACTIVE and scope["path"] != "/health/live":
                message = f"the server answers {MAX_ACTIVE} requests at this moment; ask again"
                raise RequestRefused(ErrorCode.TOO_BUSY, message, retry_after_s=1.0)
            self._access.check_origin(Headers(scope=scope))
            await self._app(scope, receive, labelled)
        except RequestRefused as refused:
            await refuse(refused, state)(scope, receive, labelled)
        except ClientDisconnect:
            status = status or GONE
        except Exception:  # the boundary at which a bug of ours becomes an answer, and a record
            _LOG.exception("request %s failed: %s %r", name, scope["method"], scope["path"])
            if status:
                raise
            message = f"the server failed, and it is not your fault; its log has more under {name}"
            await refuse(RequestRefused(ErrorCode.INTERNAL, message), state)(scope, receive, labelled)
        finally:
            self._active -= 1
            self._record(scope, status or GONE, time.perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        state, route = scope["state"], str(getattr(scope.get("route"), "path", ""))
        waited = state.get("waited", False)
        self._metrics.answered(route, scope["method"], status, None if waited else seconds)
        if limit := LIMITS.get(state.get("code")):
            self._metrics.limited(limit)
        caller = state.get("caller")
        asked_only = status < 400 and (scope["method"] == "GET" or waited)
        log_event(
            "request", logging.DEBUG if asked_only else logging.INFO, request_id=state["request_id"],
            route=route or "-", method=scope["method"], status=status, client=caller.name if caller else "",
            seconds={"total": seconds},
        )  # fmt: skip


def _request_id(scope: Scope) -> str:
    for header, value in scope["headers"]:
        if header == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value.decode("ascii"))
    return secrets.token_hex(8)
