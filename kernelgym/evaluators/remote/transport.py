"""httpx, and what both clients do with it alike."""

try:
    import httpx
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "evaluating on a server needs httpx; install the extra: pip install 'kernelgym[api]'", name=error.name
    ) from error

from kernelgym.evaluators.remote.address import Address
from kernelgym.evaluators.remote.conversation import Call

__all__ = ["describe", "httpx", "limits", "timeout"]

CONNECT_S = 5.0
"""Longest wait for a connection."""

KEPT_CONNECTIONS = 64
"""Connections that stay open for the next request."""


def limits() -> httpx.Limits:
    """Returns how many connections there may be: as many as there are threads or tasks that wait."""
    return httpx.Limits(max_connections=None, max_keepalive_connections=KEPT_CONNECTIONS)


def timeout(call: Call) -> httpx.Timeout:
    """Returns how long each part of a request may take."""
    return httpx.Timeout(call.timeout_s, connect=CONNECT_S)


def describe(error: httpx.RequestError, address: Address, call: Call) -> str:
    """Returns what became of a request that was not answered."""
    match error:
        case httpx.ConnectTimeout():
            return f"no connection to {address} within {CONNECT_S:g} s"
        case httpx.ConnectError():
            return (
                f"no connection to {address} ({str(error)[:200] or 'no details'}); is `kernelgym serve` running there?"
            )
        case httpx.TimeoutException():
            return f"{address} was silent for {call.timeout_s:g} s"
    return f"{address}: {type(error).__name__} ({str(error)[:200] or 'no details'})"
