"""The addresses of the status page: `/` for the service, `/jobs/{id}` for one job."""

try:
    from fastapi import APIRouter
    from fastapi.responses import HTMLResponse
except ModuleNotFoundError as error:  # pragma: no cover - the extra is there where this is tested
    raise ModuleNotFoundError(
        f"the status page needs the extra `serve` ({error}); pip install 'kernelgym[serve]'"
    ) from error

from kernelgym.serving.http.page.shell import render


def page_router() -> APIRouter:
    """Returns the routes of the page. They need no token: the page holds nothing, and asks its reader for one."""
    router = APIRouter(include_in_schema=False)
    for path in ("/", "/jobs/{id}"):
        router.add_api_route(path, _page, methods=["GET"], response_class=HTMLResponse)
    return router


async def _page() -> HTMLResponse:
    content, headers = render()
    return HTMLResponse(content, headers=headers)
