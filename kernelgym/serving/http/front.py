"""What all routes share: the engine, who may do what, who waits, and the limits."""

from dataclasses import dataclass

from fastapi import Request

from kernelgym.serving.engines.engine import Engine
from kernelgym.serving.http.access import Access
from kernelgym.serving.http.catalogue import Catalogue
from kernelgym.serving.http.limits import Limits
from kernelgym.serving.http.threads import Threads
from kernelgym.serving.http.tokens import Caller
from kernelgym.serving.http.waiting import Waiter
from kernelgym.serving.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The state of an application."""

    engine: Engine
    access: Access
    catalogue: Catalogue
    waiter: Waiter
    threads: Threads
    limits: Limits
    metrics: Metrics


def front_of(request: Request) -> Front:
    """Returns the state of the application that `request` is for."""
    front = request.app.state.front
    assert isinstance(front, Front)
    return front


def caller_of(request: Request) -> Caller:
    """Returns who asks; only in routes that `guarded` describes."""
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller


def request_id_of(request: Request) -> str:
    """Returns the id that follows this request through all logs."""
    return str(request.state.request_id)
