"""Routes of jobs: order, ask, wait, take back."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request, Response

from kernelgym.serving.http.examples import EXAMPLES
from kernelgym.serving.http.front import Front, caller_of, front_of, request_id_of
from kernelgym.serving.http.guard import GuardedRoute, guarded
from kernelgym.serving.http.orders import ClientName, IdempotencyKey, check_key, make_orders, waiter_of
from kernelgym.serving.http.refusals import RequestRefused
from kernelgym.serving.http.replies import reply
from kernelgym.serving.http.tokens import Caller, Scope
from kernelgym.serving.http.wire import MAX_WAIT_S, BatchIn, CancelIn, ErrorCode, JobsOut, OrderIn, PollIn
from kernelgym.serving.jobs import JOB_ID, JobState, JobView
from kernelgym.serving.telemetry.metrics import Waiting
from kernelgym.serving.telemetry.observing import log_submitted

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=GuardedRoute)

ENDED = (JobState.DONE, JobState.CANCELLED)

JobIdInPath = Annotated[str, Path(pattern=JOB_ID, description="As the server named it.")]
WaitInQuery = Annotated[
    float, Query(ge=0, le=MAX_WAIT_S, allow_inf_nan=False, description="Longest wait for the answer, seconds.")
]


@router.post(
    "",
    response_model=JobView,
    responses={202: {"model": JobView, "description": "Taken; ask for the answer under its id."}},
    openapi_extra=guarded(Scope.SUBMIT),
)
async def submit(
    request: Request,
    order: Annotated[OrderIn, Body(openapi_examples=EXAMPLES)],
    key: IdempotencyKey = None,
    client: ClientName = "-",
) -> Response:
    """Orders one task: 200 with the answer if it is known, else 202."""
    view = (await _submit(request, [order], key, client))[0]
    return reply(view, 200 if view.state is JobState.DONE else 202)


@router.post("/batch", status_code=202, response_model=JobsOut, openapi_extra=guarded(Scope.SUBMIT))
async def submit_batch(
    request: Request, batch: BatchIn, key: IdempotencyKey = None, client: ClientName = "-"
) -> Response:
    """Orders many tasks: all are taken, or none. Their jobs come in the order of the tasks."""
    return reply(JobsOut(jobs=tuple(await _submit(request, batch.orders, key, client))), 202)


@router.post("/poll", response_model=JobsOut, openapi_extra=guarded(Scope.READ))
async def poll(request: Request, asked: PollIn) -> Response:
    """Asks for many jobs: at once if one of them has ended, else as soon as one does, or after `wait_s`."""
    request.state.waited = asked.wait_s > 0
    views = await _views(front_of(request), asked.ids, asked.wait_s, only_done=asked.only_done)
    if not asked.only_done:
        return reply(JobsOut(jobs=tuple(views.get(id) for id in asked.ids)))
    ended = tuple(view for view in views.values() if view is not None and view.state in ENDED)
    return reply(JobsOut(jobs=ended, unknown=tuple(id for id, view in views.items() if view is None)))


@router.post("/cancel", status_code=204, response_class=Response, openapi_extra=guarded(Scope.SUBMIT))
async def cancel_many(request: Request, asked: CancelIn, client: ClientName = "-") -> Response:
    """Takes this client's interest in many jobs back, as `DELETE /v1/jobs/{id}` does in one."""
    front, caller = front_of(request), caller_of(request)
    await front.threads.run(front.engine.cancel, list(asked.ids), waiter_of(caller, client))
    front.limits.ended(caller, list(asked.ids))
    return Response(status_code=204)


@router.get(
    "/{id}",
    response_model=JobView,
    responses={202: {"model": JobView, "description": "There is no answer yet; ask again."}},
    openapi_extra=guarded(Scope.READ),
)
async def job(request: Request, id: JobIdInPath, wait_s: WaitInQuery = 0.0) -> Response:
    """Asks for one job: 200 if it has ended, 202 if it has not after `wait_s`."""
    request.state.waited = wait_s > 0
    view = (await _views(front_of(request), [id], wait_s))[id]
    if view is None:
        raise _unknown(id)
    return reply(view, 200 if view.state in ENDED else 202)


@router.delete("/{id}", response_model=JobView, openapi_extra=guarded(Scope.SUBMIT))
async def cancel(request: Request, id: JobIdInPath, client: ClientName = "-") -> Response:
    """Takes this client's interest back. The job ends if nobody else wants it; what has an answer keeps it."""
    front, caller = front_of(request), caller_of(request)
    await front.threads.run(front.engine.cancel, [id], waiter_of(caller, client))
    front.limits.ended(caller, [id])
    view = (await front.threads.run(front.engine.view, [id]))[0]
    if view is None:
        raise _unknown(id)
    return reply(view)


async def _submit(request: Request, orders_in: Sequence[OrderIn], key: str | None, client: str) -> list[JobView]:
    front, caller = front_of(request), caller_of(request)
    if front.waiter.draining:
        message = "the server is ending and takes no more jobs; ask the next one"
        raise RequestRefused(ErrorCode.UNAVAILABLE, message, retry_after_s=1.0)
    body = await request.body()
    arguments = (orders_in, caller, request_id_of(request), key, client, request.url.path, body)
    return await front.threads.run(_order, front, *arguments)


def _order(
    front: Front, orders_in: Sequence[OrderIn], caller: Caller, request_id: str, key: str | None,
    client: str, path: str, body: bytes,
) -> list[JobView]:  # fmt: skip
    """Does what of a submission may block."""
    orders = make_orders(orders_in, caller, request_id, front.catalogue)
    check_key(front.engine, caller, key, path, body)
    front.limits.check_open(caller, len(orders))
    views = front.engine.submit(orders, waiter_of(caller, client))
    front.limits.opened(caller, [view.id for view in views if view.state not in ENDED])
    for view in views:
        log_submitted(request_id, view)
    return views


async def _views(
    front: Front, ids: Sequence[str], wait_s: float, *, only_done: bool = False
) -> dict[str, JobView | None]:
    """Returns how far jobs are, after waiting until at least one of them has ended."""
    wanted = list(dict.fromkeys(ids))
    if wait_s or only_done:
        ended = await front.threads.run(front.engine.wait, wanted, 0)
        if wait_s and not ended:
            with front.metrics.waiting(Waiting.POLL), front.waiter.watching(wanted) as watch:
                ended = await watch.next(wait_s)
        if only_done:
            wanted = [id for id in wanted if id in ended]
    views = await front.threads.run(front.engine.view, wanted) if wanted else []
    return dict(zip(wanted, views, strict=True))


def _unknown(id: str) -> RequestRefused:
    message = f"the server knows no job {id[:12]}... (any more); submit it again"
    return RequestRefused(ErrorCode.UNKNOWN_JOB, message)
