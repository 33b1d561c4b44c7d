"""A service whose answers are written down: what the page asks for, with a token and without one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, Response

from kernelgym.serving.http.page.router import page_router
from kernelgym.serving.http.wire import ErrorCode, ErrorOut
from kernelgym.serving.jobs import JobView, Overview

TOKEN = "a-token-with-operate"


@dataclass(slots=True)
class Service:
    """What the server says; a test may change it between two looks."""

    overview: Overview
    jobs: dict[str, JobView] = field(default_factory=dict)
    locked: bool = False
    broken: bool = False
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.include_router(page_router())

        @app.get("/v1/status")
        def status(authorization: Annotated[str, Header()] = "") -> Response:
            return self._answer("status", authorization, self.overview)

        @app.get("/v1/jobs/{id}")
        def job(id: str, authorization: Annotated[str, Header()] = "") -> Response:
            return self._answer(id, authorization, self.jobs.get(id))

        return app

    def _answer(self, what: str, authorization: str, content: Overview | JobView | None) -> Response:
        self.asked.append(what)
        if self.broken:
            return Response("<b>Bad gateway</b>", 502, media_type="text/html")
        if self.locked and authorization != f"Bearer {TOKEN}":
            return _error(401, ErrorCode.UNAUTHORIZED, "a token with the scope `operate` is needed")
        if content is None:
            return _error(404, ErrorCode.UNKNOWN_JOB, "there is no such job; submit it again")
        return Response(content.model_dump_json(), media_type="application/json")


def _error(status: int, code: ErrorCode, message: str) -> Response:
    body = ErrorOut(code=code, message=message, request_id="r").model_dump_json()
    return Response(body, status, media_type="application/json")


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    """Serves it on a free port of this machine as long as the block lasts."""
    server = uvicorn.Server(uvicorn.Config(service.app(), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    service.address = f"http://127.0.0.1:{port}"
    try:
        yield service
    finally:
        server.should_exit = True
        thread.join()
