"""Routes that look at who asks before they look at what is asked."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from kernelgym.serving.http.access import require
from kernelgym.serving.http.body import JsonRequest, read_json
from kernelgym.serving.http.front import front_of
from kernelgym.serving.http.tokens import Scope

SCOPE_KEY = "x-kernelgym-scope"
"""Where the description of a route says which scope it takes."""


def guarded(scope: Scope) -> dict[str, Any]:
    """Returns what a route's `openapi_extra` says if it takes a token with `scope`."""
    return {SCOPE_KEY: scope.value, "security": [{"token": []}]}


class GuardedRoute(APIRoute):
    """Checks token, scope, rate and body, in this order, before anything is parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Returns the handler of the route, guarded."""
        handle = super().get_route_handler()
        scope = Scope((self.openapi_extra or {})[SCOPE_KEY])
        has_body = self.body_field is not None

        async def guard(request: Request) -> Response:
            front = front_of(request)
            caller = front.access.caller(request.headers)
            require(caller, scope)
            await front.limits.check_rate(caller)
            request.state.caller = caller
            if has_body:
                body, parsed = await read_json(request, caller.body_bytes)
                request = JsonRequest(request.scope, request.receive, body, parsed)
            return await handle(request)

        return guard
