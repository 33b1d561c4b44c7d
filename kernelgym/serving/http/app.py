"""The application: routes, what is around them, and what they share."""

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version

try:
    import limits  # noqa: F401 - asked for here, so that the error names the extra
    from fastapi import FastAPI
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"the HTTP API needs the extra `serve` ({error}); pip install 'kernelgym[serve]'"
    ) from error

from kernelgym.serving.engines.engine import Engine
from kernelgym.serving.http import documentation, jobs, operation, problems, streaming
from kernelgym.serving.http.access import Access
from kernelgym.serving.http.catalogue import Catalogue
from kernelgym.serving.http.envelope import Envelope
from kernelgym.serving.http.front import Front
from kernelgym.serving.http.limits import Limits
from kernelgym.serving.http.page.router import page_router
from kernelgym.serving.http.refusals import install
from kernelgym.serving.http.threads import Threads
from kernelgym.serving.http.waiting import Waiter
from kernelgym.serving.telemetry.metrics import Metrics


def create_app(
    engine: Engine,
    *,
    access: Access | None = None,
    catalogue: Catalogue | None = None,
    redis_url: str | None = None,
) -> FastAPI:
    """Returns the HTTP API over an engine, as an ASGI application.

    Args:
        engine: Does the work; closed by the caller.
        access: Who may do what; without it, everybody who calls the server by a local name may do everything.
        catalogue: The problems that orders can name; without it, those that are registered.
        redis_url: Where requests are counted for the tokens' limits, if several servers share them.
    """
    threads = Threads()
    front = Front(
        engine=engine, access=access or Access(), catalogue=catalogue or Catalogue(), waiter=Waiter(engine),
        threads=threads, limits=Limits(engine, threads, redis_url), metrics=Metrics(engine.overview),
    )  # fmt: skip

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        front.waiter.drain()

    app = FastAPI(
        title="KernelGym", version=version("kernelgym"), lifespan=lifespan, redirect_slashes=False, docs_url=None,
        redoc_url=None,
    )  # fmt: skip
    app.state.front = front
    for router in (streaming.router, jobs.router, problems.router, operation.router, operation.health):
        app.include_router(router, responses=documentation.REFUSALS)
    app.include_router(documentation.router)
    app.include_router(page_router())
    documentation.describe(app)
    install(app)
    app.add_middleware(Envelope, access=front.access, metrics=front.metrics)
    return app
