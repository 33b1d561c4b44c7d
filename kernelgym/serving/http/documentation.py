"""What the API says about itself: OpenAPI for programs, one page without scripts for people."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from kernelgym.serving.http.guard import SCOPE_KEY
from kernelgym.serving.http.wire import ErrorOut

ABOUT: Final = """Evaluates Triton candidates against PyTorch references.

A job is one task: evaluate a candidate, describe a problem, look a problem through. Its id is a hash of what was asked,
so that the same question is computed once, and asking again is harmless. Order it, then wait for the answer by a long
poll (`wait_s`) or a stream; if the server does not know a job any more, order it again.

Every answer from 400 on is an `ErrorOut`; `code` is for programs. 429 and 503 pass if there is a `Retry-After`. Send
`X-Request-Id` to find a request in the logs of all machines that worked on it. Numbers that are none are the strings
`"NaN"`, `"Infinity"` and `"-Infinity"`."""

TAGS: Final = [
    {"name": "jobs", "description": "Order, ask, wait, take back."},
    {"name": "problems", "description": "What there is to solve."},
    {"name": "operation", "description": "For who runs the server."},
]

REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ErrorOut, "description": description}
    for status, description in {
        400: "It is no HTTP.",
        401: "There is no token, or it is not one of this server's.",
        403: "The token lacks the scope, or a web page of another site asks.",
        404: "There is no such job or problem.",
        408: "The body came too slowly.",
        409: "The idempotency key came with another request, or the client's problem of this id is another one.",
        413: "The body, or the number of values in it, is too large.",
        415: "The body is not declared as JSON, or is compressed.",
        421: "The server is not called by this name.",
        422: "The request makes no sense; the message says where.",
        429: "The token's limit of requests or open jobs is reached.",
        500: "A bug of the server's; its log has more under the request's id.",
        503: "There is no room for another job, or the ledger is away: ask again. Or no worker has the GPU "
        "(`no_worker`).",
    }.items()
}
"""How any request may be refused."""

SCHEME: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "Not needed on a server that was started without tokens. What each route takes is its scope: "
    "`read`, `submit`, `references` (own reference code), `operate`.",
}

NO_NUMBER: Final = {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}

CLOSED: Final = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}

router = APIRouter(include_in_schema=False)


@router.get("/docs", response_class=HTMLResponse)
async def page(request: Request) -> HTMLResponse:
    """Shows all routes."""
    return HTMLResponse(_page(request.app), headers=CLOSED)


def describe(app: FastAPI) -> None:
    """Makes `app.openapi` tell of tokens, scopes and refusals, too."""
    described: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not described:
            described.update(_describe(app))
        return described

    app.openapi = openapi  # type: ignore[method-assign] # the way that FastAPI documents


def _describe(app: FastAPI) -> dict[str, Any]:
    about = get_openapi(
        title=app.title, version=app.version, summary="Evaluation of GPU kernels as a service.", description=ABOUT,
        routes=app.routes, tags=TAGS, license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )  # fmt: skip
    about["components"]["securitySchemes"] = {"token": SCHEME}
    for operations in about["paths"].values():
        for operation in operations.values():
            if scope := operation.get(SCOPE_KEY):
                operation["description"] += f"\n\nTakes the scope `{scope}`."
    for schema in about["components"]["schemas"].values():
        _allow_no_number(schema)
        if "kind" in schema.get("properties", {}):  # which of several it is: never left out
            schema["required"] = sorted({*schema.get("required", ()), "kind"})
    return about


def _allow_no_number(schema: Any) -> None:
    """Lets numbers without limits be none, in a schema and all it holds."""
    if isinstance(schema, list):
        for item in schema:
            _allow_no_number(item)
    if not isinstance(schema, dict):
        return
    for item in schema.values():
        _allow_no_number(item)
    if schema.get("type") == "number" and not {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} & set(
        schema
    ):
        del schema["type"]
        schema["anyOf"] = [{"type": "number"}, NO_NUMBER]


@cache
def _page(app: FastAPI) -> str:
    text = files(__package__).joinpath("documentation.html.jinja").read_text(encoding="utf-8")
    return Environment(autoescape=True).from_string(text).render(api=app.openapi())
