"""Routes for who runs the server: health, metrics, status, what happened lately."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from kernelgym.serving.errors import LedgerUnavailable, TooBusy
from kernelgym.serving.http.front import Front, front_of
from kernelgym.serving.http.guard import GuardedRoute, guarded
from kernelgym.serving.http.replies import reply
from kernelgym.serving.http.tokens import Scope
from kernelgym.serving.http.wire import HealthOut, VerdictsOut
from kernelgym.serving.jobs import Overview

READY_S: Final = 3.0
"""How long the engine may take to say whether it is ready."""

MAX_VERDICTS: Final = 1000

health = APIRouter(prefix="/health", tags=["operation"])
router = APIRouter(tags=["operation"], route_class=GuardedRoute)


@health.get("/live", response_model=HealthOut)
async def live() -> Response:
    """Says that the server answers; restart it if it does not."""
    return reply(HealthOut(ok=True))


@health.get("/ready", response_model=HealthOut, responses={503: {"model": HealthOut, "description": "It is not."}})
async def ready(request: Request) -> Response:
    """Says whether orders can be worked off; send no requests while they can't."""
    problem = await _problem(front_of(request))
    return reply(HealthOut(ok=problem is None, message=problem or ""), 200 if problem is None else 503)


@router.get("/v1/status", response_model=Overview, openapi_extra=guarded(Scope.OPERATE))
async def status(request: Request, recent: Annotated[int, Query(ge=0, le=MAX_VERDICTS)] = 50) -> Response:
    """Shows queues, workers, counters and the newest verdicts."""
    front = front_of(request)
    return reply(await front.threads.run(front.engine.overview, recent))


@router.get("/v1/verdicts", response_model=VerdictsOut, openapi_extra=guarded(Scope.OPERATE))
async def verdicts(request: Request, count: Annotated[int, Query(ge=1, le=MAX_VERDICTS)] = 100) -> Response:
    """Lists the newest verdicts, newest first."""
    front = front_of(request)
    return reply(VerdictsOut(verdicts=tuple(await front.threads.run(front.engine.verdicts, count))))


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "For Prometheus."}},
    openapi_extra=guarded(Scope.OPERATE),
)
async def metrics(request: Request) -> Response:
    """Gives all numbers to Prometheus."""
    front = front_of(request)
    body = await front.threads.run(front.metrics.exposition)
    return Response(body, headers={"content-type": front.metrics.content_type})


async def _problem(front: Front) -> str | None:
    if front.waiter.draining:
        return "the server is ending; ask the next one"
    try:
        return await asyncio.wait_for(front.threads.run(front.engine.ready), READY_S)
    except TimeoutError:
        return f"the engine did not answer within {READY_S:g} s; look at the ledger"
    except (LedgerUnavailable, TooBusy) as error:
        return str(error)
