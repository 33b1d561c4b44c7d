"""Answers as they come: server-sent events for a set of jobs.

    event: job          data: a JobView that has ended
    event: unknown      data: an UnknownJob
    event: end          all of them have been told

A stream that stops without `end` has lost its server or its connection: ask again for what has not come. Comments keep
the connection awake.
"""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from kernelgym.serving.errors import LedgerUnavailable, TooBusy
from kernelgym.serving.http.front import Front, front_of
from kernelgym.serving.http.guard import GuardedRoute, guarded
from kernelgym.serving.http.replies import to_json
from kernelgym.serving.http.tokens import Scope
from kernelgym.serving.http.wire import PollIn, UnknownJob
from kernelgym.serving.telemetry.metrics import Waiting

HEARTBEAT_S: Final = 10.0
"""Longest silence of a stream."""

PIECE: Final = 32
"""Most answers that are held for one stream at a time."""

EVENT: Final = {
    "type": "object",
    "title": "Event",
    "properties": {
        "event": {"type": "string", "enum": ["job", "unknown", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
"""Schema of an event."""

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=GuardedRoute)


@router.post(
    "/stream",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": EVENT}},
            "description": "Events `job` (a JobView), `unknown` (an UnknownJob), and `end` after the last one.",
        }
    },
    openapi_extra=guarded(Scope.READ),
)
async def stream(request: Request, asked: PollIn) -> StreamingResponse:
    """Tells of many jobs, each as soon as it has ended, until all have. `wait_s` is not used."""
    request.state.waited = True
    headers = {"x-accel-buffering": "no"}
    return StreamingResponse(_events(front_of(request), asked.ids), headers=headers, media_type="text/event-stream")


async def _events(front: Front, ids: Sequence[str]) -> AsyncIterator[bytes]:
    left = set(ids)
    yield b": kernelgym\n\n"
    try:
        with front.metrics.waiting(Waiting.STREAM), front.waiter.watching(ids) as watch:
            ended = await front.threads.run(front.engine.wait, list(ids), 0)
            while True:
                for told in _pieces(sorted(ended & left)):
                    yield await _tell(front, told)
                    left -= set(told)
                if not left:
                    yield b"event: end\ndata: {}\n\n"
                    return
                if front.waiter.draining:
                    return
                ended = await watch.next(HEARTBEAT_S)
                if not ended:
                    yield f": {time.time():.0f}\n\n".encode()
    except (LedgerUnavailable, TooBusy):
        yield b": the ledger can't be reached; ask again\n\n"


async def _tell(front: Front, ids: list[str]) -> bytes:
    views = await front.threads.run(front.engine.view, ids)
    return b"".join(
        _event("unknown", UnknownJob(id=id)) if view is None else _event("job", view)
        for id, view in zip(ids, views, strict=True)
    )


def _event(name: str, value: BaseModel) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + to_json(value) + b"\n\n"


def _pieces(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + PIECE] for start in range(0, len(ids), PIECE)]
