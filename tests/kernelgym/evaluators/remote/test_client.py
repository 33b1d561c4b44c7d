"""The client asks a server for what it needs, says clearly what can't get better, and tries again what can."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import yaml

from kernelgym.errors import BadUsage, InvalidReference
from kernelgym.evaluators import Evaluator, Inspector, Request
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Refusal, Refused, Task
from kernelgym.evaluators.remote import AsyncKernelGymClient, KernelGymClient, Ticket
from kernelgym.problems import Problem, get_problem
from kernelgym.serving.http.server import listen
from kernelgym.serving.http.tokens import Scope, TokenFile
from kernelgym.serving.identity import job_id
from kernelgym.serving.jobs import Answer
from sandboxes.contracts import EvalConfig, Outcome, Reference, Report, Submission
from tests.kernelgym.evaluators.remote.served import served
from tests.kernelgym.serving.scripted_engine import ScriptedEngine, incorrect

PROBLEM = get_problem("core/add_relu")
OWN = Problem(
    reference=Reference(id="mine/add_relu", source=PROBLEM.reference.source + "\n"), title="one that no server has"
)
QUICK = Manners(patience_s=0.3, greeting_s=0.3, pause_s=0.002, longest_pause_s=0.02, longest_wait_s=0.5)


def request(number: int, problem: Problem = PROBLEM) -> Request:
    return Submission(source=f"number = {number}"), problem, EvalConfig()


def requests(count: int) -> list[Request]:
    return [request(number) for number in range(count)]


@pytest.fixture(scope="module")
def engine() -> ScriptedEngine:
    return ScriptedEngine(incorrect)


@pytest.fixture(scope="module")
def url(engine: ScriptedEngine) -> Iterator[str]:
    with served(engine) as address:
        yield address


def test_is_an_evaluator_and_an_inspector(url: str) -> None:
    with KernelGymClient(url) as client:
        checked: Evaluator = client
        assert isinstance(checked, Inspector)
        assert checked.inspect(PROBLEM) == ()


def test_every_request_has_its_report_in_the_order_asked_for(url: str) -> None:
    with KernelGymClient(url, manners=Manners(in_flight=16, batch=8)) as client:
        found = list(client.stream(iter(requests(60)), ordered=True))
    assert [index for index, _ in found] == list(range(60))
    assert all(report.submission == request(index)[0].digest for index, report in found)


@pytest.mark.slow
def test_the_asynchronous_client_gives_the_same_reports(url: str) -> None:
    async def ask() -> tuple[list[str], str, str]:
        async with AsyncKernelGymClient(url) as client:
            streamed = {index: report async for index, report in client.stream(requests(5))}
            ticket = await client.submit(*request(2))
            assert isinstance(ticket, Ticket)
            again = await client.result(ticket)
            assert await client.inspect(PROBLEM) == ()
            single, *_ = await asyncio.gather(*(client.evaluate(*each) for each in requests(20)))
            return [streamed[index].model_dump_json() for index in range(5)], again.submission, single.submission

    with KernelGymClient(url) as client:
        ours = [client.evaluate(*each).model_dump_json() for each in requests(5)]
    theirs, again, single = asyncio.run(ask())
    assert ours == theirs
    assert (again, single) == (request(2)[0].digest, request(0)[0].digest)


def test_a_problem_that_the_server_does_not_have_is_sent_in_full(url: str) -> None:
    with KernelGymClient(url) as client:
        mixed = [request(number, OWN if number % 2 else PROBLEM) for number in range(20)]
        found = dict(client.evaluate_many(mixed))
    assert {report.problem for report in found.values()} == {"core/add_relu", "mine/add_relu"}
    assert all(found[index].outcome is Outcome.INCORRECT for index in range(20))


@pytest.mark.slow
def test_a_problem_of_the_same_name_with_another_reference_is_sent_in_full(url: str, engine: ScriptedEngine) -> None:
    changed = PROBLEM.model_copy(
        update={"reference": PROBLEM.reference.model_copy(update={"source": PROBLEM.reference.source + "\n# mine\n"})}
    )
    with KernelGymClient(url) as client:
        assert client.evaluate(*request(1, changed)).outcome is Outcome.INCORRECT
        assert client.evaluate(*request(1)).outcome is Outcome.INCORRECT
    assert engine.times_ordered[job_id(engine.orders[-2].task)] == 1


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, engine: ScriptedEngine) -> Iterator[tuple[str, Path]]:
    from hashlib import sha256  # noqa: PLC0415 - of this fixture alone

    path = tmp_path_factory.mktemp("tokens") / "tokens.yaml"
    entries = [
        {"name": name, "sha256": sha256(f"kg_{name}".encode()).hexdigest(), "scopes": scopes}
        for name, scopes in (("full", list(map(str, Scope))), ("plain", ["read", "submit"]), ("reader", ["read"]))
    ]
    path.write_text(yaml.safe_dump({"tokens": entries}))
    path.chmod(0o600)
    with served(engine, tokens=TokenFile(path)) as address:
        yield address, path


def test_the_token_comes_from_the_environment_and_a_wrong_one_is_named_with_its_remedy(
    guarded: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = guarded
    monkeypatch.setenv("KERNELGYM_TOKEN", "kg_full")
    with KernelGymClient(url) as client:
        assert client.evaluate(*request(1)).outcome is Outcome.INCORRECT
        assert "kg_full" not in repr(client._line.__dict__)
    with KernelGymClient(url, token="kg_wrong") as client, pytest.raises(BadUsage, match="KERNELGYM_TOKEN") as caught:
        client.evaluate(*request(1))
    assert "kg_wrong" not in str(caught.value)
    with KernelGymClient(url, token="kg_reader") as client, pytest.raises(BadUsage, match="submit"):
        client.evaluate(*request(1))


@pytest.mark.slow
def test_a_reference_of_ones_own_without_the_scope_costs_that_request_alone(guarded: tuple[str, Path]) -> None:
    with KernelGymClient(guarded[0], token="kg_plain") as client:
        found: dict[int, Outcome] = {}
        with pytest.raises(BadUsage, match=r"`references`.*install the problem"):
            outcomes(client.evaluate_many([request(1), request(2, OWN), request(3)]), found)
    assert found == {0: Outcome.INCORRECT, 2: Outcome.INCORRECT}


@pytest.mark.slow
def test_an_invalid_reference_is_the_users_and_the_others_have_their_reports() -> None:
    def answer(task: Task) -> Answer:
        wrong = task.reference.id == "core/softmax"
        return Refused(why=Refusal.REFERENCE, message="raises") if wrong else incorrect(task)

    softmax = get_problem("core/softmax")
    with served(ScriptedEngine(answer)) as url, KernelGymClient(url) as client:
        found: dict[int, Outcome] = {}
        with pytest.raises(InvalidReference, match="core/softmax"):
            outcomes(client.evaluate_many([request(1, softmax), request(1)]), found)
        assert found == {1: Outcome.INCORRECT}


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("localhost:8000", "not one of a server"),
        ("http://", "not one of a server"),
        ("http://host:99999", "not one of a server"),
        ("http://me:secret@host", "KERNELGYM_TOKEN"),
        ("http://host/?a=b", "after its path"),
    ],
)
def test_an_address_that_is_none_is_refused_at_once(address: str, words: str) -> None:
    with pytest.raises(BadUsage, match=words) as caught:
        KernelGymClient(address)
    assert "secret" not in str(caught.value)


def outcomes(reports: Iterator[tuple[int, Report]], found: dict[int, Outcome]) -> None:
    for index, report in reports:
        found[index] = report.outcome


def client_of(answer: httpx.Response) -> KernelGymClient:
    return KernelGymClient("http://somewhere", manners=QUICK, transport=httpx.MockTransport(lambda request: answer))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, text="<html>welcome</html>"), "no KernelGym server.*text/"),
        (httpx.Response(404, text="nothing here"), "no KernelGym server"),
        (httpx.Response(302, headers={"location": "https://login.example"}), "sends its visitors on.*login.example"),
        (httpx.Response(200, json={}, headers={"x-kernelgym-wire": "2"}), "version 2 .*install the same version"),
    ],
)
def test_whatever_is_no_server_of_this_version_is_said_to_be_none(answer: httpx.Response, words: str) -> None:
    with client_of(answer) as client, pytest.raises(BadUsage, match=words):
        client.evaluate(*request(1))


@pytest.mark.slow
def test_a_server_that_is_not_there_is_named_and_costs_no_exception() -> None:
    with KernelGymClient("http://127.0.0.1:9", manners=QUICK) as client:
        report = client.evaluate(*request(1))
    assert report.outcome is Outcome.INFRASTRUCTURE
    assert "http://127.0.0.1:9" in report.diagnostics[0].message
    assert "kernelgym serve" in report.diagnostics[0].message


@pytest.mark.slow
def test_a_gateway_that_fails_is_asked_again_and_then_the_same_words_have_the_same_key() -> None:
    keys: list[str] = []
    engine = ScriptedEngine(incorrect)
    with served(engine) as url:

        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("batch"):
                keys.append(request.headers["idempotency-key"])
                if len(keys) < 3:
                    return httpx.Response(502, text="bad gateway")
            with httpx.Client() as http:
                real = http.request(
                    request.method, f"{url}{request.url.path}", content=request.content,
                    headers={"content-type": "application/json"},
                )  # fmt: skip
            return httpx.Response(real.status_code, content=real.content, headers={"content-type": "application/json"})

        with KernelGymClient("http://somewhere", manners=QUICK, transport=httpx.MockTransport(answer)) as client:
            assert client.evaluate(*request(1)).outcome is Outcome.INCORRECT
    assert len(set(keys)) == 1
    assert len(engine.orders) == 1


@pytest.mark.slow
def test_closing_the_generator_cancels_what_is_open_on_the_server() -> None:
    engine = ScriptedEngine()
    with served(engine) as url, KernelGymClient(url, manners=QUICK) as client:
        stream = client.stream(requests(4))
        engine.finish_soon()
        next(stream)
        stream.close()
        assert engine.open == []


def test_no_answer_on_a_kept_connection_is_held_back() -> None:
    with closing(listen("127.0.0.1", 0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP  # asyncio looks at it before it switches Nagle's algorithm off
