"""Evaluators by address: here, behind HTTP, or behind a broker. Light: what an address needs is loaded with it."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from kernelgym.errors import BadUsage, did_you_mean
from kernelgym.evaluators.local import LocalEvaluator
from kernelgym.evaluators.protocol import Evaluator
from kernelgym.evaluators.queued import QueueEvaluator
from kernelgym.evaluators.started import AUTO_GPU
from kernelgym.serving.jobs import Priority

LOCAL: Final = "local"
"""Address of this process tree."""

EXAMPLES: Final = (LOCAL, "http://localhost:8000", "redis://localhost:6379/0")


class Way(StrEnum):
    """How an evaluator is reached."""

    LOCAL = "local"
    HTTP = "http"
    REDIS = "redis"


SCHEMES: Final = {
    "http": Way.HTTP, "https": Way.HTTP, "redis": Way.REDIS, "rediss": Way.REDIS, "unix": Way.REDIS,
}  # fmt: skip


def way_to(address: str) -> Way:
    """Returns how the evaluator at an address is reached.

    Raises:
        BadUsage: It is no address; says what was probably meant.
    """
    if address == LOCAL:
        return Way.LOCAL
    scheme = address.partition("://")[0]
    if scheme in SCHEMES and scheme != address and _has_place(address):
        return SCHEMES[scheme]
    shown = address if "@" not in address else f"...@{address.rpartition('@')[2]}"
    raise BadUsage(
        f"the evaluator {shown!r} is no address; {_suggestion(address)}there are {', '.join(EXAMPLES)}, and the like"
    )


def checked_address(address: str) -> str:
    """Returns `address`.

    Raises:
        BadUsage: It is none.
    """
    way_to(address)
    return address


def open_evaluator(
    address: str = LOCAL,
    *,
    workers: int = 1,
    sandbox: str = "auto",
    token: str | None = None,
    priority: Priority = Priority.BATCH,
    on_gaps: Callable[[str, tuple[str, ...]], None] | None = None,
    gpu: str = AUTO_GPU,
) -> Evaluator:
    """Returns the evaluator at an address; the caller closes it. Whether somebody answers there shows when it is asked.

    Args:
        address: `local`; `http://host:port` or `https://...` of a server (`kernelgym serve`); `redis://host:port/0` of
            the broker of workers (`kernelgym worker`).
        workers: Evaluations at a time, of a local one. Elsewhere, others decide that.
        sandbox: Of a local one, likewise.
        token: Shown to a server; None: `KERNELGYM_TOKEN`.
        priority: Who goes first where several wait for the same workers.
        on_gaps: As `LocalEvaluator`, for a local one.
        gpu: Likewise.

    Raises:
        BadUsage: The address is none, or what it needs is not installed.
    """
    match way_to(address):
        case Way.LOCAL:
            return LocalEvaluator(sandbox=sandbox, workers=workers, on_gaps=on_gaps, gpu=gpu)
        case Way.HTTP:
            try:
                from kernelgym.evaluators.remote import KernelGymClient  # noqa: PLC0415 - httpx is optional
            except ModuleNotFoundError as error:
                raise BadUsage(str(error)) from error
            return KernelGymClient(address, token=token, priority=priority)
        case Way.REDIS:
            try:
                from kernelgym.serving.engines.hosted import HostedEngine  # noqa: PLC0415 - Celery is optional
            except ImportError as error:
                raise BadUsage(str(error)) from error
            return QueueEvaluator(HostedEngine(address), priority=priority)


def examine(address: str, token: str | None = None) -> str | None:
    """Returns None if an evaluator answers at an address and can work, else why not and what to do: that may pass.

    Args:
        address: As for `open_evaluator`.
        token: Shown to a server; None: `KERNELGYM_TOKEN`.

    Raises:
        BadUsage: The address is none, or not that of a server that takes the token, or what it needs is not installed.
    """
    match way_to(address):
        case Way.LOCAL:
            return None
        case Way.HTTP:
            try:
                from kernelgym.evaluators.remote.greeting import greet  # noqa: PLC0415 - httpx is optional
            except ModuleNotFoundError as error:
                raise BadUsage(str(error)) from error
            return greet(address, token)
        case Way.REDIS:
            try:
                from kernelgym.serving.engines.hosted import HostedEngine  # noqa: PLC0415 - Celery is optional
            except ImportError as error:
                raise BadUsage(str(error)) from error
            engine = HostedEngine(address, janitor=False)
            try:
                return engine.ready()
            finally:
                engine.close()


def _has_place(address: str) -> bool:
    """Returns whether an address says where: a host with, perhaps, a port, or the path of a socket."""
    try:
        parts = urlsplit(address)
        return bool(parts.path if parts.scheme == "unix" else parts.hostname and (parts.port is None or parts.port))
    except ValueError:
        return False


def _suggestion(address: str) -> str:
    """Returns what was probably meant, as a question; empty if nobody knows."""
    scheme, colon, rest = address.partition("://")
    if colon and scheme not in SCHEMES and (question := did_you_mean(scheme, SCHEMES)):
        return f"{question[:-2]}://{rest}'? "
    host, _, port = address.partition("/")[0].rpartition(":")
    if host and port.isdigit() and "/" not in host:
        return f"did you mean 'http://{address}'? "
    return f"{question} " if (question := did_you_mean(address, [LOCAL])) else ""
