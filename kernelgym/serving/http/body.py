"""Reading the body of a request: so long, so deep, so slowly and no more."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic_core import from_json
from starlette.requests import Request

from kernelgym.serving.http.refusals import RequestRefused
from kernelgym.serving.http.wire import ErrorCode

MAX_NODES: Final = 200_000
"""Most values, objects and lists of a body; 1,024 orders have 30,000."""

PIECE_S: Final = 20.0
"""Longest pause between two pieces of a body."""

BODY_S: Final = 120.0
"""Longest time for all of it."""

Receive = Callable[[], Awaitable[Any]]


class JsonRequest(Request):
    """A request whose body has been read and parsed before the application asks for it."""

    def __init__(self, scope: Any, receive: Receive, body: bytes, parsed: Any) -> None:
        super().__init__(scope, receive)
        self._body = body
        self._parsed = parsed

    async def json(self) -> Any:
        """Returns the parsed body."""
        return self._parsed


async def read_json(request: Request, limit: int) -> tuple[bytes, Any]:
    """Returns the body of a request, as it came and parsed.

    Raises:
        RequestRefused: It is longer than `limit`, too slow, compressed, not declared as JSON, no JSON, or too complex.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        message = f"the body is declared as {media[:100]!r}; send JSON, and say so: Content-Type: application/json"
        raise RequestRefused(ErrorCode.INVALID, message, status=415)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestRefused(ErrorCode.INVALID, "compressed bodies are not read; send it plain", status=415)
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or len(declared) > 18 or int(declared) > limit:
        raise _too_large(limit)
    try:
        body = await asyncio.wait_for(_read(request, limit), BODY_S)
    except TimeoutError as error:
        message = f"the body did not arrive in time ({PIECE_S:g} s a piece, {BODY_S:g} s in all); send it again"
        raise RequestRefused(ErrorCode.INVALID, message, status=408) from error
    return body, _parse(body)


async def _read(request: Request, limit: int) -> bytes:
    pieces = bytearray()
    stream = aiter(request.stream())
    while (piece := await asyncio.wait_for(anext(stream, None), PIECE_S)) is not None:
        pieces += piece
        if len(pieces) > limit:
            raise _too_large(limit)
    return bytes(pieces)


def _parse(body: bytes) -> Any:
    try:
        parsed = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise RequestRefused(ErrorCode.INVALID, f"the body is not JSON: {str(error)[:200]}") from error
    _check_size(parsed)
    return parsed


def _check_size(parsed: Any) -> None:
    """Refuses what is made of many small things, each of which would be worth an error of its own."""
    nodes, stack = 0, [parsed]
    while stack:
        node = stack.pop()
        if isinstance(node, dict | list):
            nodes += len(node)
            if nodes > MAX_NODES:
                raise RequestRefused(ErrorCode.TOO_LARGE, f"the body has more than {MAX_NODES} values; send several")
            stack.extend(node.values() if isinstance(node, dict) else node)


def _too_large(limit: int) -> RequestRefused:
    message = f"the body may have {limit} bytes; send several requests, or ask for a higher limit (body_bytes)"
    return RequestRefused(ErrorCode.TOO_LARGE, message)
