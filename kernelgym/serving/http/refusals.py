"""How a request is refused: always an `ErrorOut`, with nothing of the server's inside in it."""

import logging
import math
from collections.abc import MutableMapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from kernelgym.errors import KernelGymError, UnknownProblem
from kernelgym.serving.errors import LedgerUnavailable, NoSuchStation, ServingError, TooBusy
from kernelgym.serving.http.wire import ErrorCode, ErrorOut

STATUS: Final = {
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.UNKNOWN_JOB: 404,
    ErrorCode.UNKNOWN_PROBLEM: 404,
    ErrorCode.OTHER_PROBLEM: 409,
    ErrorCode.KEY_REUSED: 409,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.INVALID: 422,
    ErrorCode.TOO_MANY_REQUESTS: 429,
    ErrorCode.INTERNAL: 500,
    ErrorCode.TOO_BUSY: 503,
    ErrorCode.NO_WORKER: 503,
    ErrorCode.UNAVAILABLE: 503,
}
"""The usual HTTP status of each code."""

CUT_OFF: Final = (400, 408, 413)
"""After which the connection is closed: what else comes over it is not read."""

OUTAGE_RETRY_S: Final = 2.0
"""When to ask again while the ledger is away."""

MAX_NAMED: Final = 5
"""Most faults of one request that its answer names."""

_LOG = logging.getLogger("kernelgym.http")


class RequestRefused(ServingError):
    """A request that is not followed.

    Args:
        code: Why, for programs.
        message: Why, for people: what, which value, what to do about it.
        status: HTTP status, where it is not the usual one of the code.
        retry_after_s: When to ask again; None: asking again does not help.
    """

    def __init__(
        self, code: ErrorCode, message: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status or STATUS[code]
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return self.message


def refusal_of(error: KernelGymError) -> RequestRefused:
    """Returns how a request is refused in which `error` was raised."""
    match error:
        case RequestRefused():
            return error
        case TooBusy():
            return RequestRefused(ErrorCode.TOO_BUSY, str(error), retry_after_s=error.retry_after_s)
        case LedgerUnavailable():
            _LOG.warning("ledger unavailable: %s", error)
            message = "the server can't reach its ledger at the moment; ask again"
            return RequestRefused(ErrorCode.UNAVAILABLE, message, retry_after_s=OUTAGE_RETRY_S)
        case UnknownProblem():
            message = f"{error.question} (GET /v1/problems lists all)"
            return RequestRefused(ErrorCode.UNKNOWN_PROBLEM, message)
        case NoSuchStation():
            return RequestRefused(ErrorCode.NO_WORKER, str(error), retry_after_s=error.retry_after_s)
        case _:
            return RequestRefused(ErrorCode.INVALID, str(error))


def refuse(refused: RequestRefused, state: MutableMapping[str, Any]) -> Response:
    """Returns the response for a refusal.

    Args:
        refused: Why.
        state: Of the request; its `request_id` is told, and the `code` noted.
    """
    state["code"] = refused.code
    body = ErrorOut(
        code=refused.code, message=refused.message, request_id=state["request_id"],
        retry_after_s=refused.retry_after_s,
    )  # fmt: skip
    headers = {}
    if refused.retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(refused.retry_after_s)))
    if refused.code is ErrorCode.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="kernelgym"'
    if refused.status in CUT_OFF:
        headers["connection"] = "close"
    return Response(body.model_dump_json(), refused.status, headers, media_type="application/json")


def faults(errors: Sequence[Any]) -> str:
    """Returns what pydantic found wrong with a request, without the values: the first few places in one line."""
    named = [f"{_place(error['loc'])}: {error['msg'][:1].lower()}{error['msg'][1:200]}" for error in errors[:MAX_NAMED]]
    more = f"; and {len(errors) - MAX_NAMED} more" if len(errors) > MAX_NAMED else ""
    return "; ".join(named) + more


def install(app: FastAPI) -> None:
    """Makes `app` answer every error it expects with an `ErrorOut`."""

    @app.exception_handler(KernelGymError)
    async def _expected(request: Request, error: KernelGymError) -> Response:
        return refuse(refusal_of(error), request.scope["state"])

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        message = f"the request makes no sense: {faults(error.errors())}; see /docs"
        return refuse(RequestRefused(ErrorCode.INVALID, message), request.scope["state"])

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        response = refuse(_of_status(error.status_code, request), request.scope["state"])
        response.headers.update(error.headers or {})
        return response


def _of_status(status: int, request: Request) -> RequestRefused:
    place = f"{request.method} {request.url.path[:200]}"
    if status == STATUS[ErrorCode.NOT_FOUND]:
        return RequestRefused(ErrorCode.NOT_FOUND, f"there is nothing at {place}; /docs says what there is")
    if status == 405:
        return RequestRefused(ErrorCode.INVALID, f"{place} is not served with this method; see /docs", status=status)
    return RequestRefused(ErrorCode.INVALID, f"{place} can't be answered; see /docs", status=status)


def _place(location: Sequence[int | str]) -> str:
    parts = [str(part)[:60] for part in location if part != "body"]
    return ".".join(parts) or "body"
