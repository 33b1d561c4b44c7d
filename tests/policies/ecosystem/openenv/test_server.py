"""The real server of OpenEnv on a real socket, and its real client."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

pytest.importorskip("openenv.core", reason="OpenEnv is not installed; `make test-openenv` tests in its own environment")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from kernelgym.errors import BadUsage, EvaluatorBroken
from kernelgym.problems import Problem
from policies.ecosystem.openenv import KernelAction, KernelClient, KernelServer
from policies.ecosystem.openenv.server import MAX_MESSAGE
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission
from tests.kernelgym.envs.script import Scripted, answer, completion

pytestmark = pytest.mark.ecosystem

PROBLEMS = "core/softmax,core/matmul"


class Moody(Scripted):
    """Breaks down where a candidate says so."""

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        if "# breaks" in submission.source:
            raise EvaluatorBroken("no worker could answer")
        self.requests.append((submission, problem, config))
        return answer(submission, problem, config)


class Waiting(Scripted):
    """Answers when it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answer = threading.Event(), threading.Event()

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        self.asked.set()
        assert self.answer.wait(60)
        return super().evaluate(submission, problem, config)


@pytest.fixture(scope="module")
def evaluator() -> Moody:
    return Moody()


@pytest.fixture(scope="module")
def server(evaluator: Moody) -> Iterator[KernelServer]:
    with KernelServer(port=0, sessions=4, evaluator=evaluator, problems=PROBLEMS, max_turns=3) as serving:
        yield serving


@pytest.fixture
def client(server: KernelServer) -> Iterator[Any]:
    with KernelClient(server.url).sync() as connected:
        yield connected


def act(word: str) -> KernelAction:
    return KernelAction(completion=completion(word))


def get(url: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Returns status and body of what a server answers."""
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def socket_of(server: KernelServer, query: str = "", **options: Any) -> Any:
    return connect(server.url.replace("http", "ws") + "/ws" + query, max_size=None, proxy=None, **options)


def ask(connection: Any, message: object) -> dict[str, Any]:
    connection.send(message if isinstance(message, str) else json.dumps(message))
    told: dict[str, Any] = json.loads(connection.recv(timeout=30))
    return told


def test_a_client_plays_an_episode(client: Any) -> None:
    result = client.reset(problem="core/softmax")
    assert "softmax" in result.observation.text
    assert (result.reward, result.done, result.observation.max_turns) == (None, False, 3)
    assert result.observation.messages == [{"role": "user", "content": result.observation.text}]

    wrong = client.step(act("incorrect"))
    assert wrong.observation.text.startswith("Turn 1 of 3: incorrect")
    assert (wrong.observation.outcome, wrong.observation.speedup, wrong.done) == ("incorrect", None, False)
    assert [message["role"] for message in wrong.observation.messages] == ["user", "assistant", "user"]

    right = client.step(act("fast"))
    assert right.reward > wrong.reward
    assert right.observation.speedup == pytest.approx(4.0)
    assert right.reward == pytest.approx(sum(term["value"] for term in right.observation.reward_breakdown))

    last = client.step(KernelAction(completion="SUBMIT"))
    assert (last.done, last.reward, last.observation.submitted) == (True, None, True)
    assert last.observation.best["turn"] == 2


def test_the_state_tells_how_an_episode_stands(client: Any) -> None:
    assert client.state().problem is None
    client.reset(problem="core/matmul", episode_id="mine")
    client.step(act("fast"))
    state = client.state()
    assert (state.episode_id, state.step_count, state.problem, state.done) == ("mine", 1, "core/matmul", False)
    assert len(state.rewards) == 1


def test_the_same_seed_draws_the_same_problems(client: Any) -> None:
    def drawn() -> list[str]:
        first = client.reset(seed=0).observation.problem
        return [first] + [client.reset().observation.problem for _ in range(11)]

    assert drawn() == drawn()
    assert set(drawn()) == set(PROBLEMS.split(","))


def test_a_lost_evaluation_has_no_reward_and_can_be_sent_again(client: Any) -> None:
    client.reset(problem="core/softmax")
    lost = client.step(act(Outcome.INFRASTRUCTURE))
    assert (lost.reward, lost.observation.infrastructure, lost.done) == (None, True, False)
    assert client.step(act("fast")).reward is not None
    assert client.state().rewards[0] is None


def test_an_evaluator_that_breaks_is_an_error_and_uses_up_no_turn(client: Any) -> None:
    client.reset(problem="core/softmax")
    with pytest.raises(RuntimeError, match="no worker could answer"):
        client.step(act("breaks"))
    assert client.step(act("fast")).observation.turn == 1


def test_sessions_play_at_the_same_time_without_knowing_of_each_other(server: KernelServer) -> None:
    def play(word: str) -> tuple[str, list[float | None]]:
        with KernelClient(server.url).sync() as mine:
            problem = "core/softmax" if word == "fast" else "core/matmul"
            mine.reset(problem=problem)
            outcomes = {mine.step(act(word)).observation.outcome for _ in range(3)}
            assert outcomes == {"ok" if word == "fast" else word}
            return mine.state().problem, mine.state().rewards

    with ThreadPoolExecutor(4) as pool:
        words = ["fast", "incorrect", "compile_error", "timeout"]
        played = list(pool.map(play, words))
    assert [problem for problem, _ in played] == ["core/softmax"] + ["core/matmul"] * 3
    assert all(len(rewards) == 3 for _, rewards in played)


def test_the_asynchronous_client_plays_too(server: KernelServer) -> None:
    async def play() -> float | None:
        async with KernelClient(server.url) as mine:
            await mine.reset(problem="core/softmax")
            result = await mine.step(act("fast"))
            return float(result.reward)

    assert asyncio.run(play()) > 0


def test_one_session_too_many_is_refused_and_a_closed_one_makes_room(evaluator: Moody) -> None:
    with KernelServer(port=0, sessions=1, evaluator=evaluator, problems=PROBLEMS) as small:
        with KernelClient(small.url).sync() as first:
            first.reset()
            with KernelClient(small.url).sync() as second, pytest.raises(RuntimeError, match="at capacity"):
                second.reset()
        with KernelClient(small.url).sync() as third:
            assert third.reset().observation.turn == 0


def test_the_schema_tells_what_an_action_is(server: KernelServer) -> None:
    status, body = get(f"{server.url}/schema")
    assert status == 200
    assert json.loads(body)["action"]["required"] == ["completion"]


def test_openenv_finds_nothing_wrong_with_the_server(server: KernelServer) -> None:
    command = [sys.executable, "-m", "openenv.cli", "validate", "--url", server.url]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "Verdict: PASS" in result.stdout, result.stdout + result.stderr


def test_problems_can_be_listed_and_asked_for_by_index(server: KernelServer, client: Any) -> None:
    status, body = get(f"{server.url}/kernelgym/tasks", b'{"split": "train"}', **{"Content-Type": "application/json"})
    assert status == 200
    tasks = json.loads(body)["tasks"]
    assert [task["id"] for task in tasks] == PROBLEMS.split(",")
    assert client.reset(split="train", index=1).observation.problem == tasks[1]["id"]
    with pytest.raises(RuntimeError, match="there is no problem 2"):
        client.reset(index=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"problem": "core/sofmax"}, "core/softmax"),
        ({"problem": "file:/etc/passwd"}, "no problem is called 'file:/etc/passwd'"),
        ({"problem": "core/rms_norm"}, "no problem is called 'core/rms_norm'"),
        ({"problem": ["core/softmax"]}, "problem is .*; give the id of a problem"),
        ({"problem": "core/softmax", "index": 0}, "without an index"),
        ({"seed": -1}, "seed is '-1'; give a whole number from 0"),
        ({"seed": "7"}, "seed is '7'"),
        ({"seed": True}, "seed is 'True'"),
        ({"index": 0.5}, "index is '0.5'"),
        ({"split": "test"}, "split is 'test'"),
        ({"episode_id": "x" * 300}, "episode_id is"),
        ({"probelm": "core/softmax"}, "reset has no option 'probelm'; did you mean 'problem'"),
    ],
)
def test_what_a_reset_can_not_follow_is_an_error_that_says_why(
    client: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RuntimeError, match=message):
        client.reset(**options)
    assert client.reset(problem="core/softmax").observation.turn == 0


def test_a_step_before_a_reset_or_after_the_end_is_an_error(client: Any) -> None:
    with pytest.raises(RuntimeError, match=r"call reset\(\) before step"):
        client.step(act("fast"))
    client.reset(problem="core/softmax")
    client.step(KernelAction(completion=completion("fast") + "\nSUBMIT"))
    with pytest.raises(RuntimeError, match="ended after 1 turn"):
        client.step(act("fast"))


@pytest.mark.parametrize("data", [{}, {"completion": 3}, {"completion": None}, {"completion": "x", "code": "y"}, [1]])
def test_an_action_of_the_wrong_kind_is_refused_and_uses_up_no_turn(server: KernelServer, data: object) -> None:
    with socket_of(server) as connection:
        ask(connection, {"type": "reset", "data": {"problem": "core/softmax"}})
        told = ask(connection, {"type": "step", "data": data})
        assert told["type"] == "error"
        assert told["data"]["code"] == "VALIDATION_ERROR"
        state = ask(connection, {"type": "state"})
        assert state["data"]["step_count"] == 0


def test_a_completion_of_any_characters_is_an_ordinary_turn(server: KernelServer) -> None:
    strange = "\"\\ud800\\u0000\\u202e\" ''' {{ 7*7 }} \x00"
    with socket_of(server) as connection:
        ask(connection, {"type": "reset", "data": {"problem": "core/softmax"}})
        told = ask(connection, {"type": "step", "data": {"completion": "\ud800\x00\u202e {{ 7*7 }}"}})
        assert told["data"]["observation"]["outcome"] == "no_code"
        told = ask(connection, {"type": "step", "data": {"completion": completion("fast") + strange + "\ud800"}})
        assert told["data"]["observation"]["outcome"] == "ok"


def test_a_completion_too_long_to_be_looked_at_is_a_turn_without_code(server: KernelServer) -> None:
    with socket_of(server) as connection:
        ask(connection, {"type": "reset", "data": {"problem": "core/softmax"}})
        told = ask(connection, {"type": "step", "data": {"completion": "#" * (2**22 + 1)}})
        assert told["data"]["observation"]["outcome"] == "no_code"


def test_a_message_that_is_too_large_ends_its_session_only(server: KernelServer, client: Any) -> None:
    client.reset(problem="core/softmax")
    with socket_of(server) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            ask(connection, json.dumps({"type": "step", "data": {"completion": "#" * MAX_MESSAGE}}))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    assert client.step(act("fast")).observation.outcome == "ok"


@pytest.mark.parametrize("message", ["", "{", "[]", "3", '{"type": "exec"}', '{"type": ["reset"]}', "[" * 100_000])
def test_a_message_that_makes_no_sense_harms_no_other_session(server: KernelServer, client: Any, message: str) -> None:
    client.reset(problem="core/softmax")
    with socket_of(server) as connection:
        assert ask(connection, message)["type"] == "error"
    assert client.step(act("fast")).observation.outcome == "ok"


def test_an_unknown_session_can_not_be_joined(server: KernelServer) -> None:
    with socket_of(server, "?session_id=somebody-elses") as connection:
        told = json.loads(connection.recv(timeout=10))
        assert told["data"]["message"] == "Unknown session_id: somebody-elses"
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=10)


def test_requests_without_a_session_are_not_served(server: KernelServer) -> None:
    for path, body in {"/reset": b"{}", "/step": b'{"action": {"completion": "x"}}', "/state": None}.items():
        assert get(server.url + path, body, **{"Content-Type": "application/json"})[0] == 404


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: KernelServer) -> None:
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/mcp")
    connection.putheader("Content-Length", str(MAX_MESSAGE + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_of_unknown_length_is_read_up_to_the_limit(server: KernelServer) -> None:
    chunk = b"10000\r\n" + b" " * 2**16 + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10) as raw:
        raw.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):
            while sent < 64 * MAX_MESSAGE:
                raw.sendall(chunk)
                sent += 2**16
    assert sent < 2 * MAX_MESSAGE
    assert get(f"{server.url}/health")[0] == 200


def test_a_web_page_is_refused(server: KernelServer) -> None:
    assert get(f"{server.url}/health", Origin="http://evil.example")[0] == 403
    with pytest.raises(InvalidStatus, match="403"), socket_of(server, origin="http://evil.example"):
        pass


def test_a_server_with_a_token_wants_to_be_told_it(evaluator: Moody) -> None:
    with KernelServer(port=0, token="secret", evaluator=evaluator, problems=PROBLEMS) as guarded:
        assert get(f"{guarded.url}/health")[0] == 401
        with pytest.raises(ConnectionError), KernelClient(guarded.url).sync():
            pass
        headers = {"Authorization": "Bearer secret"}
        with KernelClient(guarded.url, headers=headers).sync() as knowing:
            assert knowing.reset().observation.turn == 0


def test_an_address_that_others_can_reach_needs_a_token(evaluator: Moody) -> None:
    with pytest.raises(BadUsage, match=r"host is '0.0.0.0', which others can reach; give a token"):
        KernelServer(host="0.0.0.0", port=0, evaluator=evaluator)


def test_a_port_that_is_taken_is_named(server: KernelServer, evaluator: Moody) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(BadUsage, match=f"can't listen at 127.0.0.1:{port}"):
        KernelServer(port=port, evaluator=evaluator)


@pytest.mark.parametrize("option", [{"sessions": 0}, {"session_timeout_s": 0.0}, {"token": ""}])
def test_limits_that_make_no_sense_are_refused(evaluator: Moody, option: dict[str, Any]) -> None:
    with pytest.raises(BadUsage, match=f"{next(iter(option))} is"):
        KernelServer(port=0, evaluator=evaluator, **option)


def test_a_server_that_ends_does_not_wait_for_evaluations() -> None:
    patient = Waiting()
    with KernelServer(port=0, evaluator=patient, problems=PROBLEMS) as ending, socket_of(ending) as connection:
        ask(connection, {"type": "reset", "data": {"problem": "core/softmax"}})
        connection.send(json.dumps({"type": "step", "data": {"completion": completion("fast")}}))
        assert patient.asked.wait(10)
        begin = time.monotonic()
        ending.__exit__(None, None, None)
        took = time.monotonic() - begin
    patient.answer.set()
    assert took < 10


def test_ctrl_c_ends_a_server_without_a_trace() -> None:
    serve = (
        "from policies.ecosystem.openenv import KernelServer; from tests.kernelgym.envs.script import Scripted\n"
        "server = KernelServer(port=0, evaluator=Scripted(), problems='core/softmax'); print(server.url, flush=True)\n"
        "server.run()"
    )
    process = subprocess.Popen([sys.executable, "-c", serve], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with KernelClient(url).sync() as connected:
            assert connected.reset().observation.turn == 0
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_an_evaluator_that_was_given_stays_open(evaluator: Moody) -> None:
    with KernelServer(port=0, evaluator=evaluator, problems=PROBLEMS):
        pass
    assert not evaluator.closed
