"""One client's connection: uvicorn's HTTP/1.1, for clients that mean no good."""

import asyncio
import secrets
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from kernelgym.serving.http.wire import WIRE_HEADER, WIRE_VERSION, ErrorCode, ErrorOut

HEAD_S: Final = 15.0
"""How long the head of a request may take, from its first byte or the connection on: who sends a byte now and then
holds no place for long."""

MAX_CONNECTIONS: Final = 8192
"""Connections at a time; one more is closed at once."""


class PatientConnection(H11Protocol):
    """Waits for the head of a request for so long and no longer, and says what is wrong with one as an `ErrorOut`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins; too many are not begun with."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > MAX_CONNECTIONS:
            self.transport.abort()
        else:
            self._time_head()

    def data_received(self, data: bytes) -> None:
        """Takes bytes; while they make no head of a request, or are a body that nobody reads, its time runs."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE:
            self._time_head()
        elif self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP, or has too long a head."""
        refusal = ErrorOut(
            code=ErrorCode.INVALID, message=f"{msg} See /docs; heads of requests are limited", request_id=_name()
        )
        body = refusal.model_dump_json().encode()
        headers = {
            "content-type": "application/json", "content-length": str(len(body)), "connection": "close",
            "x-request-id": refusal.request_id, WIRE_HEADER: str(WIRE_VERSION),
        }  # fmt: skip
        response = h11.Response(status_code=400, headers=list(headers.items()), reason=b"Bad Request")
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _time_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self.transport.abort)


def _name() -> str:
    return secrets.token_hex(8)
