"""From what a client sends to what an engine takes."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated

from fastapi import Header

from kernelgym.evaluators.messages import Inquiry, Inspection, Job
from kernelgym.problems import validate_reference
from kernelgym.serving.engines.engine import Engine
from kernelgym.serving.http.access import require
from kernelgym.serving.http.catalogue import Catalogue
from kernelgym.serving.http.refusals import RequestRefused
from kernelgym.serving.http.tokens import Caller, Scope
from kernelgym.serving.http.wire import DescribeIn, ErrorCode, EvaluateIn, InspectIn, OrderIn
from kernelgym.serving.jobs import Order
from sandboxes.contracts import Reference

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", pattern=r"^[\x21-\x7e]{1,200}$",
        description="A name of your own for this request. The same one with another body, within a day, is refused.",
    ),
]  # fmt: skip
ClientName = Annotated[
    str,
    Header(
        alias="X-KernelGym-Client", pattern=r"^[A-Za-z0-9_.:-]{1,100}$",
        description="Which of a token's clients waits: cancelling takes back the interest of this one alone.",
    ),
]  # fmt: skip


def waiter_of(caller: Caller, client: str) -> str:
    """Returns under which name the engine knows who waits."""
    return f"{caller.name}/{client}"


def make_orders(orders: Sequence[OrderIn], caller: Caller, request_id: str, catalogue: Catalogue) -> list[Order]:
    """Returns what an engine takes. Reads problems, and parses references.

    Raises:
        RequestRefused: An order names no problem, or two, or brings a reference without the scope for it.
        UnknownProblem, BrokenPlugin, InvalidReference: The problem can't be used.
    """
    return [_order(order, caller, request_id, catalogue) for order in orders]


def check_key(engine: Engine, caller: Caller, key: str | None, path: str, body: bytes) -> None:
    """Checks that an idempotency key has not come with another request before; asks the engine.

    Raises:
        RequestRefused: with status 409.
    """
    if key is None:
        return
    digest = sha256(path.encode() + b"\n" + body).hexdigest()
    name = sha256(f"{caller.name}\n{key}".encode()).hexdigest()
    if engine.once(name, digest) != digest:
        message = f"the idempotency key {key!r} came with another request before; use a new one for each request"
        raise RequestRefused(ErrorCode.KEY_REUSED, message)


def _order(order: OrderIn, caller: Caller, request_id: str, catalogue: Catalogue) -> Order:
    reference = _reference(order, caller, catalogue)
    task: Job | Inquiry | Inspection
    match order:
        case EvaluateIn():
            task = Job(submission=order.submission, reference=reference, config=order.config)
            if order.target_digest is not None:
                task = task.model_copy(update={"target_digest": order.target_digest})
        case DescribeIn():
            task = Inquiry(reference=reference)
        case InspectIn():
            task = Inspection(reference=reference)
    return Order(task=task, priority=order.priority, deadline_s=order.deadline_s, request_id=request_id)


def _reference(order: OrderIn, caller: Caller, catalogue: Catalogue) -> Reference:
    if (order.problem is None) == (order.reference is None):
        message = "an order names a `problem` of the server's or brings a `reference`: one of them, not both or neither"
        raise RequestRefused(ErrorCode.INVALID, message)
    if order.problem is not None:
        return catalogue.reference(order.problem)
    assert order.reference is not None
    require(caller, Scope.REFERENCES)
    validate_reference(order.reference.source, order.reference.id)
    return order.reference
