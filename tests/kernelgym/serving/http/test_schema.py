"""The API does what its own description says, whatever is sent to it (schemathesis makes it up)."""

from collections.abc import Iterator
from typing import Any

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="needs the extra dev")

from hypothesis import HealthCheck, given, settings  # noqa: E402 - only where schemathesis is there
from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

from kernelgym.evaluators.messages import Task  # noqa: E402
from kernelgym.serving.http.server import HttpServer  # noqa: E402
from kernelgym.serving.http.tokens import Caller, Scope, TokenFile, digest_of, entry  # noqa: E402
from kernelgym.serving.jobs import Answer  # noqa: E402
from tests.kernelgym.serving.scripted_engine import ScriptedEngine, finished  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


ORDERS = ("POST /v1/jobs", "POST /v1/jobs/batch")
"""What is refused for more reasons than a schema can tell: a reference has to be a reference."""


def some(task: Task) -> Answer | None:
    """Answers half of all tasks."""
    return finished(task) if len(task.reference.source) % 2 else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    fuzzer = Caller(
        name="fuzzer", sha256=digest_of("kg_fuzzer"), scopes=frozenset(Scope), requests_per_minute=10**6,
        open_jobs=10**6,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("fuzz") / "tokens.yaml"
    path.write_text("tokens:\n" + entry(fuzzer), encoding="utf-8")
    with HttpServer(ScriptedEngine(some), tokens=TokenFile(path)) as server:
        yield server


def operations(server: HttpServer) -> Iterator[Any]:
    described = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    return (found.ok() for found in described.get_all_operations())


def name_a_problem(body: Any) -> None:
    """Makes orders for problems that nobody has orders for one that there is."""
    for order in body.get("orders", [body]):
        if order.get("problem") is not None:
            order["problem"] = {"id": "core/softmax"}
            order.pop("reference", None)


def test_every_route_answers_as_it_is_described(server: HttpServer) -> None:
    tried = []
    for operation in operations(server):

        @given(case=operation.as_strategy())
        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def answers_as_described(case: Any) -> None:
            for part in (case.query, case.body):
                if isinstance(part, dict) and isinstance(part.get("wait_s"), float | int):
                    part["wait_s"] = 0
            orders = case.operation.label in ORDERS
            if orders and case.meta.generation.mode.is_positive:
                name_a_problem(case.body)
            case.call_and_validate(
                timeout=20, headers={"Authorization": "Bearer kg_fuzzer"},
                excluded_checks=[positive_data_acceptance] if orders else [],
            )  # fmt: skip

        answers_as_described()
        tried.append(operation.label)
    assert len(tried) >= 13, tried
