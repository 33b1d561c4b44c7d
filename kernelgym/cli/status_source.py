"""Where `kernelgym status` gets its numbers: from a server, or from the Redis behind one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from kernelgym.errors import BadUsage
from kernelgym.evaluators.remote.address import Address, read_address
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.jobs import Overview

RECENT: Final = 500
"""Verdicts that latencies are taken from."""

TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Source:
    """Looks at one service, again and again."""

    name: str
    """Address without secrets."""
    look: Callable[[], Overview]
    """Raises `LedgerUnavailable` where nothing can be seen for now, `BadUsage` where looking again would not help."""
    close: Callable[[], None]


def open_source(url: str, token: str | None) -> Source:
    """Returns where to look.

    Args:
        url: `http(s)://host:port` of a server, or `redis://host:port/database` of its ledger.
        token: For a server; it needs the scope `operate`.

    Raises:
        BadUsage: The address is neither.
    """
    if url.startswith(("redis://", "rediss://", "unix://")):
        return _open_ledger(url)
    if url.startswith(("http://", "https://")):
        return _open_server(read_address(url, token))
    raise BadUsage(
        f"{url!r} is no service to look at; give the address of a server, e.g. http://localhost:8000, or of its Redis, "
        "e.g. redis://localhost:6379/0"
    )


def _open_ledger(url: str) -> Source:
    from kernelgym.serving.ledger.redis_ledger import RedisLedger  # noqa: PLC0415 - needs the extra serve

    try:
        ledger = RedisLedger(url)
    except ValueError as error:
        raise BadUsage(f"the address of Redis can't be used: {error}") from error
    return Source(ledger.address, lambda: ledger.overview(RECENT), ledger.close)


def _open_server(address: Address) -> Source:
    try:
        import httpx  # noqa: PLC0415 - of the extra api
    except ModuleNotFoundError as error:
        raise BadUsage(f"looking at a server needs httpx ({error}); pip install 'kernelgym[api]'") from error

    headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
    client = httpx.Client(headers=headers, timeout=TIMEOUT_S)

    def look() -> Overview:
        try:
            reply = client.get(f"{address.url}/v1/status", params={"recent": RECENT})
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise LedgerUnavailable(f"{address.url} does not answer: {why}; is `kernelgym serve` running?") from error
        if reply.status_code in (401, 403):
            raise BadUsage(f"{address.url} wants a token with the scope `operate`; put it into KERNELGYM_TOKEN")
        if reply.status_code != 200:
            raise LedgerUnavailable(f"{address.url} answers {reply.status_code}: {reply.text[:300]}")
        try:
            return Overview.model_validate_json(reply.content)
        except ValidationError as error:
            raise BadUsage(
                f"{address.url} answers in a form that this version does not know; install the server's version"
            ) from error

    return Source(address.url, look, client.close)
