"""What a client of the HTTP API can rely on."""

from typing import Any

import pytest

from kernelgym.serving.http.app import create_app
from kernelgym.serving.jobs import JobView
from tests.kernelgym.serving.http.app_client import AppClient
from tests.kernelgym.serving.http.scripted_engine import ScriptedEngine, finished

ORDER: dict[str, Any] = {"kind": "evaluate", "problem": {"id": "core/softmax"}, "submission": {"source": "x = 1"}}


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def client(engine: ScriptedEngine) -> AppClient:
    return AppClient(create_app(engine))


def test_a_job_is_ordered_waited_for_and_answered(client: AppClient, engine: ScriptedEngine) -> None:
    taken = client.post("/v1/jobs", json=ORDER, headers={"x-request-id": "mine-1"})
    assert taken.status_code == 202, taken.text
    assert taken.headers["x-request-id"] == "mine-1"
    view = JobView.model_validate_json(taken.content)
    assert view.request_id == "mine-1"
    assert client.get(f"/v1/jobs/{view.id}").status_code == 202
    engine.finish(view.id)
    answered = client.get(f"/v1/jobs/{view.id}", params={"wait_s": 5})
    assert answered.status_code == 200
    assert JobView.model_validate_json(answered.content).answer == finished(engine.orders[0].task)
    assert client.post("/v1/jobs", json=ORDER).json()["cached"]


def test_a_stream_tells_each_end_once_and_then_its_own(client: AppClient, engine: ScriptedEngine) -> None:
    orders = [ORDER | {"submission": {"source": f"x = {number}"}} for number in range(3)]
    jobs = client.post("/v1/jobs/batch", json={"orders": orders}).json()["jobs"]
    ids = [job["id"] for job in jobs]
    for id in ids:
        engine.finish(id)
    text = client.post("/v1/jobs/stream", json={"ids": [*ids, "0" * 64]}).text
    assert text.count("event: job\n") == 3
    assert text.count("event: unknown\n") == 1
    assert text.endswith("event: end\ndata: {}\n\n")
