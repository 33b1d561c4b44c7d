"""Who speaks: tokens where there are some; this machine's users, and no web page, where there are none."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from kernelgym.serving.http.refusals import RequestRefused
from kernelgym.serving.http.tokens import LOCAL_CALLER, Caller, Scope, TokenFile
from kernelgym.serving.http.wire import ErrorCode

LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""What a server is called that only listens to this machine."""

CLOSED_OFF: Final = "web pages of other sites may not speak to this server; use a program, or its own pages"


@dataclass(frozen=True, slots=True)
class Access:
    """What protects a server."""

    tokens: TokenFile | None = None
    """None: everybody who reaches the server may do everything, so it must listen at localhost only."""
    hosts: frozenset[str] = field(default=LOCAL_HOSTS)
    """Names, without port, by which the server is called; empty: any. A web page whose name an attacker has led to this
    machine calls it by another one."""

    def check_origin(self, headers: Headers) -> None:
        """Refuses what a browser sends on behalf of a page that is not this server's own, and what is ambiguous.

        Raises:
            RequestRefused: with status 400, 403 or 421.
        """
        if "transfer-encoding" in headers and "content-length" in headers:  # a proxy may believe the other one
            message = "the body has two lengths, Content-Length and Transfer-Encoding; send one of them"
            raise RequestRefused(ErrorCode.INVALID, message, status=400)
        host = headers.get("host", "")
        if self.hosts and _name(host) not in self.hosts:
            message = f"this server is not called {host[:200]!r}; name it with --allow-host if it is"
            raise RequestRefused(ErrorCode.FORBIDDEN, message, status=421)
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise RequestRefused(ErrorCode.FORBIDDEN, CLOSED_OFF)
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise RequestRefused(ErrorCode.FORBIDDEN, CLOSED_OFF)

    def caller(self, headers: Headers) -> Caller:
        """Returns who asks.

        Raises:
            RequestRefused: with status 401.
        """
        if self.tokens is None:
            return LOCAL_CALLER
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            message = "this server asks for a token: send it as `Authorization: Bearer ...` (KERNELGYM_TOKEN)"
            raise RequestRefused(ErrorCode.UNAUTHORIZED, message)
        caller = self.tokens.caller(token.strip())
        if caller is None:
            raise RequestRefused(ErrorCode.UNAUTHORIZED, "the token is not (any more) one of this server's")
        return caller


def require(caller: Caller, scope: Scope) -> None:
    """Checks that a caller may do something.

    Raises:
        RequestRefused: with status 403.
    """
    if scope not in caller.scopes:
        has = ", ".join(sorted(caller.scopes)) or "none"
        message = f"the token {caller.name!r} lacks the scope {scope.value!r} (it has: {has})"
        raise RequestRefused(ErrorCode.FORBIDDEN, message)


def _name(host: str) -> str:
    """Returns the name in a `Host` header, without its port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and (port.isdigit() or not port) else host.lower()
