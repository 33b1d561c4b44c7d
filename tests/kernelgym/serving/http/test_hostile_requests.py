"""Requests that mean no good: each is refused, quickly, without harm to others."""

import json
from pathlib import Path
from typing import Any

import pytest

from kernelgym.serving.http.access import Access
from kernelgym.serving.http.app import create_app
from kernelgym.serving.http.tokens import Caller, Scope, TokenFile, digest_of, entry
from kernelgym.serving.http.wire import ErrorCode
from tests.kernelgym.serving.http.app_client import AppClient
from tests.kernelgym.serving.http.test_api import ORDER, orders, refusal
from tests.kernelgym.serving.scripted_engine import ScriptedEngine

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client() -> AppClient:
    return AppClient(create_app(ScriptedEngine()))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"kind": "evaluate", "submission": {"source": "\xff"}}',
        b'{"kind": "evaluate", "submission": {"source": "\\ud800"}}',
        b'{"ids": ["' + b"0" * 64 + b'"], "wait_s": NaN}',
        b'{"ids": ["' + b"0" * 64 + b'"], "wait_s": 1e999}',
        b'{"ids": ["' + b"0" * 64 + b'"], "wait_s": ' + b"9" * 100_000 + b"}",
        b'{"ids": ["' + b"0" * 63 + b'\\u0660"]}',
        b"",
        b"null",
        b"{}",
        b'\xef\xbb\xbf{"kind": "describe"}',
        b'{"kind": "describe", "kind": {"$ref": "x"}}',
    ],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/poll"])
def test_a_body_that_makes_no_sense_is_the_clients_mistake(client: AppClient, path: str, body: bytes) -> None:
    refusal(client.post(path, content=body, headers=JSON), 422, ErrorCode.INVALID)


def test_a_body_of_a_million_mistakes_is_not_answered_with_a_million(client: AppClient) -> None:
    many_keys = b'{"kind":"evaluate",' + b",".join(b'"%d":0' % number for number in range(300_000)) + b"}"
    refusal(client.post("/v1/jobs", content=many_keys, headers=JSON), 413, ErrorCode.TOO_LARGE)
    some = {"ids": ["x" * 5000] * 1000}
    assert len(client.post("/v1/jobs/poll", json=some).content) < 2000


def test_the_words_of_a_refusal_are_short_whatever_was_sent(client: AppClient) -> None:
    order = ORDER | {"kind": "x" * 100_000, "y" * 100_000: 1}
    assert len(client.post("/v1/jobs", json=order).content) < 2000
    assert len(client.get("/v1/" + "z" * 10_000).content) < 2000
    assert len(client.post("/v1/jobs", json=ORDER | {"problem": {"id": "q" * 500}}).content) < 2000


def test_a_body_is_read_as_far_as_allowed_whatever_length_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    small = Caller(name="small", sha256=digest_of("kg_small"), scopes=frozenset(Scope), body_bytes=2000)
    path.write_text("tokens:\n" + entry(small), encoding="utf-8")
    client = AppClient(create_app(ScriptedEngine(), access=Access(TokenFile(path))), authorization="Bearer kg_small")
    body = json.dumps(orders(50)).encode()
    declared = client.post("/v1/jobs/batch", content=body, headers=JSON)
    refusal(declared, 413, ErrorCode.TOO_LARGE)
    assert declared.headers["connection"] == "close"
    sent = []

    async def pieces() -> Any:
        for number in range(1000):
            sent.append(number)
            yield b" " * 100

    refusal(client.post("/v1/jobs/batch", content=pieces(), headers=JSON), 413, ErrorCode.TOO_LARGE)
    refusal(client.post("/v1/jobs", content=body, headers=JSON | {"content-length": "-1"}), 413, ErrorCode.TOO_LARGE)
    assert client.post("/v1/jobs", json=ORDER).status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {},
    ],
)
def test_a_form_of_a_web_page_is_no_order(client: AppClient, headers: dict[str, str]) -> None:
    body = json.dumps(ORDER).encode()
    refusal(client.post("/v1/jobs", content=body, headers=headers), 415, ErrorCode.INVALID)


def test_a_compressed_body_is_not_unpacked(client: AppClient) -> None:
    refused = client.post("/v1/jobs", content=b"\x1f\x8b", headers=JSON | {"content-encoding": "gzip"})
    refusal(refused, 415, ErrorCode.INVALID)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:8000"}, 421),
        ({"host": "localhost.evil.example"}, 421),
        ({"host": ""}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:9999"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_a_web_page_of_somebody_else_gets_nothing(client: AppClient, headers: dict[str, str], status: int) -> None:
    refusal(client.post("/v1/jobs", json=ORDER, headers=headers), status, ErrorCode.FORBIDDEN)
    refusal(client.get("/v1/status", headers=headers), status, ErrorCode.FORBIDDEN)


def test_pages_of_the_server_itself_may_ask_it(client: AppClient) -> None:
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"):
        own = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
        answered = client.get("/v1/status", headers=own)
        assert answered.status_code == 200
        assert "access-control-allow-origin" not in answered.headers


@pytest.mark.parametrize("name", ["a b", "x" * 101, "ä", "a\tb", ""])
def test_a_request_id_that_could_forge_a_line_of_a_log_is_replaced(client: AppClient, name: str) -> None:
    answered = client.get("/health/live", headers={"x-request-id": name.encode()})
    assert answered.headers["x-request-id"] != name
    assert len(answered.headers["x-request-id"]) == 16


@pytest.mark.parametrize(
    "headers",
    [
        {"idempotency-key": "x" * 201},
        {"idempotency-key": "a b"},
        {"x-kernelgym-client": "a/b"},
        {"x-kernelgym-client": ""},
    ],
)
def test_names_in_headers_are_plain_and_short(client: AppClient, headers: dict[str, str]) -> None:
    refusal(client.post("/v1/jobs", json=ORDER, headers=headers), 422, ErrorCode.INVALID)


@pytest.mark.parametrize(
    "path",
    ["/v1/problems/../../etc/passwd", "/v1/problems/%2e%2e/%2e%2e/etc/passwd", "/v1/problems/core%00softmax",
     "/v1/problems//etc/passwd", "/v1/problems/file:x", "/v1/problems/%ff"],
)  # fmt: skip
def test_a_problems_id_is_no_path(client: AppClient, path: str) -> None:
    assert client.get(path).status_code == 404
