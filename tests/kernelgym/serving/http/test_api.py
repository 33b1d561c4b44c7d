"""What a client of the HTTP API can rely on."""

import threading
from typing import Any

import pytest

from kernelgym.evaluators.messages import Task
from kernelgym.serving.errors import NoSuchStation
from kernelgym.serving.http.app import create_app
from kernelgym.serving.http.wire import ErrorCode, ErrorOut, ProblemOut, ProblemsOut
from kernelgym.serving.jobs import Answer, JobState, JobView, Overview
from tests.kernelgym.serving.http.app_client import AppClient
from tests.kernelgym.serving.scripted_engine import ScriptedEngine, finished

ORDER: dict[str, Any] = {"kind": "evaluate", "problem": {"id": "core/softmax"}, "submission": {"source": "x = 1"}}


def orders(count: int) -> dict[str, Any]:
    return {"orders": [ORDER | {"submission": {"source": f"x = {number}"}} for number in range(count)]}


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def client(engine: ScriptedEngine) -> AppClient:
    return AppClient(create_app(engine))


def refusal(response: Any, status: int, code: ErrorCode) -> ErrorOut:
    """Returns the body of a refusal, which says the same as its head."""
    assert response.status_code == status, response.text
    out = ErrorOut.model_validate_json(response.content)
    assert out.code is code
    assert response.headers["x-request-id"] == out.request_id
    return out


def test_a_job_is_ordered_waited_for_and_answered(client: AppClient, engine: ScriptedEngine) -> None:
    taken = client.post("/v1/jobs", json=ORDER, headers={"x-request-id": "mine-1"})
    assert taken.status_code == 202, taken.text
    assert taken.headers["x-request-id"] == "mine-1"
    view = JobView.model_validate_json(taken.content)
    assert view.request_id == "mine-1"
    assert client.get(f"/v1/jobs/{view.id}").status_code == 202
    threading.Timer(0.05, engine.finish, [view.id]).start()
    answered = client.get(f"/v1/jobs/{view.id}", params={"wait_s": 30})
    assert answered.status_code == 200
    assert JobView.model_validate_json(answered.content).answer == finished(engine.orders[0].task)
    again = client.post("/v1/jobs", json=ORDER)
    assert again.status_code == 200
    assert again.json()["cached"]


def test_a_poll_for_many_comes_back_with_the_first_that_is_done(client: AppClient, engine: ScriptedEngine) -> None:
    ids = [job["id"] for job in client.post("/v1/jobs/batch", json=orders(3)).json()["jobs"]]
    threading.Timer(0.05, engine.finish, [ids[1]]).start()
    jobs = client.post("/v1/jobs/poll", json={"ids": ids, "wait_s": 30}).json()["jobs"]
    assert [job["state"] for job in jobs] == ["queued", "done", "queued"]
    asked = {"ids": [*ids, "0" * 64], "only_done": True}
    done = client.post("/v1/jobs/poll", json=asked).json()
    assert [job["id"] for job in done["jobs"]] == [ids[1]]
    assert done["unknown"] == ["0" * 64]


def test_a_stream_tells_each_end_once_and_then_its_own(client: AppClient, engine: ScriptedEngine) -> None:
    ids = [job["id"] for job in client.post("/v1/jobs/batch", json=orders(40)).json()["jobs"]]
    for id in ids[1:]:
        engine.finish(id)
    threading.Timer(0.05, engine.finish, [ids[0]]).start()
    text = client.post("/v1/jobs/stream", json={"ids": [*ids, "0" * 64]}).text
    assert text.count("event: job\n") == 40
    assert text.count("event: unknown\n") == 1
    assert text.endswith("event: end\ndata: {}\n\n")


def test_who_cancels_takes_back_its_own_interest_alone(client: AppClient) -> None:
    id = client.post("/v1/jobs", json=ORDER, headers={"x-kernelgym-client": "one"}).json()["id"]
    client.post("/v1/jobs", json=ORDER, headers={"x-kernelgym-client": "other"})
    kept = client.delete(f"/v1/jobs/{id}", headers={"x-kernelgym-client": "one"})
    assert kept.json()["state"] == JobState.QUEUED
    ended = client.delete(f"/v1/jobs/{id}", headers={"x-kernelgym-client": "other"})
    assert ended.json()["state"] == JobState.CANCELLED
    refusal(client.delete("/v1/jobs/" + "0" * 64), 404, ErrorCode.UNKNOWN_JOB)


def test_an_idempotency_key_names_one_request(client: AppClient) -> None:
    key = {"idempotency-key": "step-17"}
    first = client.post("/v1/jobs/batch", json=orders(2), headers=key)
    assert client.post("/v1/jobs/batch", json=orders(2), headers=key).json() == first.json()
    refused = refusal(client.post("/v1/jobs/batch", json=orders(3), headers=key), 409, ErrorCode.KEY_REUSED)
    assert "'step-17'" in refused.message


def test_problems_are_listed_and_shown_and_another_one_of_the_same_name_is_noticed(client: AppClient) -> None:
    listed = ProblemsOut.model_validate_json(client.get("/v1/problems", params={"selection": "core/*max*"}).content)
    assert "core/softmax" in [problem.id for problem in listed.problems]
    shown = ProblemOut.model_validate_json(client.get("/v1/problems/core/softmax").content)
    assert shown.reference.digest == shown.digest
    known = {"id": "core/softmax", "digest": shown.digest}
    assert client.post("/v1/jobs", json=ORDER | {"problem": known}).status_code == 202
    other = client.post("/v1/jobs", json=ORDER | {"problem": known | {"digest": "0" * 64}})
    refusal(other, 409, ErrorCode.OTHER_PROBLEM)
    unknown = refusal(client.get("/v1/problems/core/softmacks"), 404, ErrorCode.UNKNOWN_PROBLEM)
    assert "did you mean 'core/softmax'" in unknown.message


def test_a_selection_never_leaves_the_servers_own_problems(client: AppClient) -> None:
    for selection in ("file:/etc/passwd", "jsonl:/etc/passwd", "../*", "hf:x", ",", "[" * 500):
        refusal(client.get("/v1/problems", params={"selection": selection}), 404, ErrorCode.UNKNOWN_PROBLEM)
        order = ORDER | {"problem": {"id": selection[:400]}}
        refusal(client.post("/v1/jobs", json=order), 404, ErrorCode.UNKNOWN_PROBLEM)


def test_a_reference_of_ones_own_is_looked_at_before_it_is_taken(client: AppClient, engine: ScriptedEngine) -> None:
    source = client.get("/v1/problems/core/softmax").json()["reference"]["source"]
    own = {"kind": "describe", "reference": {"id": "mine/softmax", "source": source}}
    assert client.post("/v1/jobs", json=own).status_code == 202
    assert engine.orders[-1].task.kind == "inquiry"
    broken = client.post("/v1/jobs", json=own | {"reference": {"id": "mine/x", "source": "x = 1"}})
    assert "does not define `Model`" in refusal(broken, 422, ErrorCode.INVALID).message
    refusal(client.post("/v1/jobs", json={"kind": "describe"}), 422, ErrorCode.INVALID)
    refusal(client.post("/v1/jobs", json=own | {"problem": {"id": "core/softmax"}}), 422, ErrorCode.INVALID)


def test_no_room_and_no_ledger_are_told_apart_and_say_when_to_ask_again(
    client: AppClient, engine: ScriptedEngine
) -> None:
    small = AppClient(create_app(ScriptedEngine(max_open=1)))
    busy = small.post("/v1/jobs/batch", json=orders(2))
    assert refusal(busy, 503, ErrorCode.TOO_BUSY).retry_after_s == 1
    assert busy.headers["retry-after"] == "1"
    engine.break_down()
    for away in (
        client.post("/v1/jobs", json=ORDER),
        client.get("/v1/jobs/" + "0" * 64, params={"wait_s": 30}),
        client.get("/v1/status"),
    ):
        assert "password" not in refusal(away, 503, ErrorCode.UNAVAILABLE).message
        assert away.headers["retry-after"]
    assert client.get("/health/live").status_code == 200


def test_a_gpu_that_no_worker_has_is_told_from_one_that_may_come_back() -> None:
    for retry_after_s in (None, 2.0):

        def refuse(task: Task, again: float | None = retry_after_s) -> Answer | None:
            raise NoSuchStation("no worker serves measure.h100; start one: kernelgym worker --gpu 0", again)

        client = AppClient(create_app(ScriptedEngine(refuse)))
        error = refusal(client.post("/v1/jobs", json=ORDER), 503, ErrorCode.NO_WORKER)
        assert error.retry_after_s == retry_after_s
        assert "kernelgym worker --gpu" in error.message


def test_health_status_and_metrics_are_there_for_who_runs_the_server(client: AppClient, engine: ScriptedEngine) -> None:
    engine.problem = "no worker serves trace; start one: kernelgym worker"
    unready = client.get("/health/ready")
    assert (unready.status_code, unready.json()) == (503, {"ok": False, "message": engine.problem})
    engine.problem = None
    assert client.get("/health/ready").status_code == 200
    engine.finish(client.post("/v1/jobs", json=ORDER).json()["id"])
    overview = Overview.model_validate_json(client.get("/v1/status", params={"recent": 1}).content)
    assert overview.recent[0].problem == "core/softmax"
    assert len(client.get("/v1/verdicts").json()["verdicts"]) == 1
    text = client.get("/metrics").text
    assert 'kernelgym_http_requests_total{method="POST",route="/v1/jobs",status="202"} 1.0' in text
    assert 'route="/v1/problems/{id:path}"' not in text


def test_every_refusal_has_the_same_form(client: AppClient) -> None:
    unknown = "/v1/jobs/" + "0" * 64
    for method, path, status, code in (
        ("GET", "/v1/nothing", 404, ErrorCode.NOT_FOUND),
        ("PUT", "/v1/jobs", 405, ErrorCode.INVALID),
        ("GET", "/v1/jobs/abc", 422, ErrorCode.INVALID),
        ("GET", f"{unknown}?wait_s=nan", 422, ErrorCode.INVALID),
        ("GET", f"{unknown}?wait_s=61", 422, ErrorCode.INVALID),
        ("GET", "/v1/jobs/../../etc/passwd", 404, ErrorCode.NOT_FOUND),
    ):
        refusal(client.request(method, path), status, code)


def test_a_bug_of_ours_tells_the_client_nothing_but_where_to_look(
    client: AppClient, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(recent: int = 50) -> Overview:
        raise ZeroDivisionError("a secret of the server")

    monkeypatch.setattr(engine, "overview", broken)
    out = refusal(client.get("/v1/status"), 500, ErrorCode.INTERNAL)
    assert "secret" not in out.message
    assert out.request_id in caplog.text
    assert "a secret of the server" in caplog.text
