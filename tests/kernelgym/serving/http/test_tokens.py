"""Who may do what: a token's scopes and limits hold, and its file is believed only as long as it is good."""

import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kernelgym.errors import BadUsage
from kernelgym.serving.http import tokens
from kernelgym.serving.http.access import Access
from kernelgym.serving.http.app import create_app
from kernelgym.serving.http.limits import LOOK_FROM, Limits
from kernelgym.serving.http.threads import Threads
from kernelgym.serving.http.tokens import LOCAL_CALLER, Caller, Scope, TokenFile, digest_of, entry
from kernelgym.serving.http.wire import ErrorCode
from tests.kernelgym.serving.http.app_client import AppClient
from tests.kernelgym.serving.http.test_api import ORDER, orders, refusal
from tests.kernelgym.serving.scripted_engine import ScriptedEngine

SOURCE = "class Model: ...\ndef get_init_inputs(): return []\ndef get_inputs(): return []\n"

pytestmark = pytest.mark.slow

Connect = Callable[..., AppClient]


def write(path: Path, *callers: Caller) -> Path:
    path.write_text("tokens:\n" + "".join(map(entry, callers)), encoding="utf-8")
    path.chmod(0o600)
    return path


def caller(name: str, *scopes: Scope, **limits: int) -> Caller:
    return Caller(name=name, sha256=digest_of(f"kg_{name}"), scopes=frozenset(scopes), **limits)


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def connect(tmp_path: Path, engine: ScriptedEngine) -> Connect:
    """Returns a client of a server with one token of these scopes and limits."""

    def make(*scopes: Scope, **limits: int) -> AppClient:
        file = TokenFile(write(tmp_path / "tokens.yaml", caller("me", *scopes, **limits)))
        return AppClient(create_app(engine, access=Access(file, frozenset())), authorization="Bearer kg_me")

    return make


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        (Scope.READ, "GET", "/v1/problems", None),
        (Scope.READ, "GET", "/v1/jobs/" + "0" * 64, None),
        (Scope.READ, "POST", "/v1/jobs/poll", {"ids": ["0" * 64]}),
        (Scope.READ, "POST", "/v1/jobs/stream", {"ids": ["0" * 64]}),
        (Scope.SUBMIT, "POST", "/v1/jobs", ORDER),
        (Scope.SUBMIT, "POST", "/v1/jobs/batch", orders(2)),
        (Scope.SUBMIT, "DELETE", "/v1/jobs/" + "0" * 64, None),
        (Scope.OPERATE, "GET", "/v1/status", None),
        (Scope.OPERATE, "GET", "/v1/verdicts", None),
        (Scope.OPERATE, "GET", "/metrics", None),
    ],
)
def test_each_route_takes_its_scope_and_no_other(
    connect: Connect, scope: Scope, method: str, path: str, body: object
) -> None:
    others = refusal(connect(*(set(Scope) - {scope})).request(method, path, json=body), 403, ErrorCode.FORBIDDEN)
    assert f"lacks the scope '{scope}'" in others.message
    assert connect(scope).request(method, path, json=body).status_code in (200, 202, 404)
    for wrong in ({"authorization": "Bearer kg_other"}, {"authorization": "Basic kg_me"}, {"authorization": ""}):
        unknown = connect(*Scope).request(method, path, json=body, headers=wrong)
        refusal(unknown, 401, ErrorCode.UNAUTHORIZED)
        assert unknown.headers["www-authenticate"].startswith("Bearer")


def test_code_that_runs_outside_of_the_sandbox_takes_a_scope_of_its_own(connect: Connect) -> None:
    own = {"kind": "describe", "reference": {"id": "mine/x", "source": SOURCE}}
    refusal(connect(Scope.READ, Scope.SUBMIT).post("/v1/jobs", json=own), 403, ErrorCode.FORBIDDEN)
    assert connect(Scope.SUBMIT, Scope.REFERENCES).post("/v1/jobs", json=own).status_code == 202


def test_health_and_pages_need_no_token(connect: Connect) -> None:
    client = connect(Scope.READ)
    for path in ("/health/live", "/health/ready", "/", "/openapi.json"):
        assert client.get(path, headers={"authorization": ""}).status_code == 200


def test_requests_in_a_minute_are_limited_for_each_token(connect: Connect) -> None:
    client = connect(Scope.READ, requests_per_minute=3)
    assert [client.get("/v1/problems/core/softmax").status_code for _ in range(3)] == [200] * 3
    refused = client.get("/v1/problems/core/softmax")
    assert refusal(refused, 429, ErrorCode.TOO_MANY_REQUESTS).retry_after_s
    assert client.get("/health/live").status_code == 200


def test_open_jobs_are_limited_until_some_are_done(connect: Connect, engine: ScriptedEngine) -> None:
    client = connect(Scope.SUBMIT, open_jobs=3)
    ids = [job["id"] for job in client.post("/v1/jobs/batch", json=orders(3)).json()["jobs"]]
    refusal(client.post("/v1/jobs", json=ORDER | {"kind": "describe"}), 422, ErrorCode.INVALID)
    new = ORDER | {"submission": {"source": "new"}}
    refusal(client.post("/v1/jobs", json=new), 429, ErrorCode.TOO_MANY_REQUESTS)
    engine.finish(ids[0])
    assert client.post("/v1/jobs", json=new).status_code == 202
    client.delete(f"/v1/jobs/{ids[1]}")
    assert client.post("/v1/jobs", json=ORDER | {"submission": {"source": "newer"}}).status_code == 202


class EverythingEnded(ScriptedEngine):
    def wait(self, ids: Sequence[str], timeout_s: float) -> set[str]:
        return set(ids)


class Id(str):
    """One that can be seen to be forgotten."""


@pytest.mark.parametrize("batch", [1, 100])
def test_jobs_that_have_ended_cost_the_server_no_memory_however_many_a_caller_may_have(batch: int) -> None:
    limits, remembered = Limits(EverythingEnded(), Threads()), weakref.WeakSet[Id]()
    for first in range(0, 10 * LOOK_FROM, batch):
        ids = [Id(number) for number in range(first, first + batch)]
        remembered.update(ids)
        limits.check_open(LOCAL_CALLER, batch)
        limits.opened(LOCAL_CALLER, list[str](ids))
    del ids
    assert len(remembered) <= LOOK_FROM


def test_a_token_that_is_struck_off_is_refused_soon_and_a_spoilt_file_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "CHECK_S", 0.0)
    path = write(tmp_path / "tokens.yaml", caller("one", Scope.READ), caller("other", Scope.READ))
    file = TokenFile(path)
    assert file.caller("kg_one") == caller("one", Scope.READ)
    write(path, caller("other", Scope.READ))
    assert file.caller("kg_one") is None
    path.write_text("tokens: [", encoding="utf-8")
    assert file.caller("kg_other") is not None
    path.unlink()
    assert file.caller("kg_other") is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "makes no sense"),
        ("tokens: []", "tokens"),
        ("tokens: {", "makes no sense"),
        ("!!python/object/apply:os.system ['true']", "makes no sense"),
        ("a: &a [" + "*a," * 5 + "]", "makes no sense"),
        ("tokens:\n" + entry(caller("x")).replace("[]", "[red]"), "tokens.0.scopes"),
        ("tokens:\n" + entry(caller("x")) + "    more: 1\n", "tokens.0.more"),
        ("tokens:\n" + entry(caller("x")) * 2, "two entries with name x"),
    ],
)
def test_a_token_file_that_makes_no_sense_is_refused_with_the_place(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadUsage, match=says):
        TokenFile(path)


def test_a_token_file_that_others_may_write_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "tokens.yaml", caller("x"))
    os.chmod(path, 0o666)  # noqa: PTH101 - what is tested is a mode
    with pytest.raises(BadUsage, match="chmod go-w"):
        TokenFile(path)
    with pytest.raises(BadUsage, match="can't be read"):
        TokenFile(tmp_path / "nothing.yaml")
