"""`kernelgym run --policy openai` with a server that knows the solutions: from the command line to the summary."""

import asyncio
import json
import signal
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kernelgym.cli import app
from kernelgym.cli.exits import ExitCode
from kernelgym.cli.services import Services
from kernelgym.problems import get_problem, list_solutions
from kernelgym.runs.record import Loss
from kernelgym.settings import Settings
from policies.rollouts import GRACE_S
from policies.run import INTERRUPTED
from policies.scripted import without_docstring
from tests.policies.episodes import LightEvaluator, judge
from tests.policies.openai.conftest import KEY
from tests.policies.openai.endpoint import (
    DONE,
    HANG,
    Answer,
    Endpoint,
    Request,
    fail,
    good,
    raw,
    says,
    send,
    used,
    wait_until,
)

PROBLEMS = ("core/softmax", "core/matmul", "core/add_relu", "core/row_sum")


def solve(request: Request) -> str:
    """Answers as a model would that is wrong at first and reads the feedback."""
    task, feedback = request.body["messages"][0]["content"], request.body["messages"][-1]["content"]
    (problem,) = (name for name in PROBLEMS if get_problem(name).reference.source.strip() in task)
    choice = "correct" if feedback.startswith("Turn 1 of 2: incorrect") else "wrong"
    (source,) = (solution.source for solution in list_solutions(problem) if solution.name == choice)
    return f"Here it is.\n\n```python\n{without_docstring(source).strip()}\n```\n"


async def model(request: Request, writer: asyncio.StreamWriter) -> None:
    text = solve(request)
    await send(0.01, says(text[:50]), says(text[50:]), says(None, "stop"), used(1000, 100), DONE)(request, writer)


def run(endpoint: Endpoint, out: Path, *arguments: str, evaluator: LightEvaluator | None = None) -> Result:
    services = Services(settings=Settings(), open_evaluator=lambda *_: evaluator or LightEvaluator(judge))
    command = ["run", "--out", str(out), "--problems", ",".join(PROBLEMS), "--turns", "2", "--policy", "openai"]
    options = {"model": "asked", "base_url": endpoint.url, "backoff_s": "0.001"}
    command += [word for option in options.items() for word in ("--policy-option", "=".join(option))]
    return CliRunner().invoke(app, [*command, *arguments], obj=services, catch_exceptions=False)


def records(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]


def test_a_run_asks_judges_and_sums_up(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answers = [fail(429, Retry_After="0.01"), fail(500), model]
    arguments = ("--samples", "4", "--concurrency", "8", "--policy-option", "prompt_price=2", "--policy-option",
                 "completion_price=10")  # fmt: skip
    result = run(endpoint, tmp_path, *arguments)
    assert result.exit_code == ExitCode.VERDICT, result.stderr
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["summary"]["costs"] == {
        "turns": 32, "reported": 32, "prompt_tokens": 32_000, "completion_tokens": 3200, "cost_usd": 0.096,
    }  # fmt: skip
    assert [episode["outcomes"] for episode in summary["episodes"]] == [["incorrect", "ok"]] * 16
    assert summary["run"]["policy"] == "openai:asked"
    assert len(endpoint.requests) == 34
    usages = [turn["usage"] for record in records(tmp_path) for turn in record["turns"]]  # type: ignore[attr-defined]
    assert sum(usage["attempts"] for usage in usages) == 34
    assert {usage["model"] for usage in usages} == {"served"}
    kept = "".join(path.read_text() for path in tmp_path.iterdir())
    assert KEY not in kept + result.output


def test_episodes_of_a_run_ask_at_the_same_time(endpoint: Endpoint, tmp_path: Path) -> None:
    together = threading.Semaphore(0)
    waiting = 0

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 8:
            for _ in range(16):
                together.release()
        while not together.acquire(blocking=False):  # for ever, unless eight ask at the same time
            await asyncio.sleep(0.005)
        await good("```python\npass\n```")(request, writer)

    endpoint.answers = [answer]
    result = run(
        endpoint, tmp_path, "--samples", "2", "--turns", "1", "--concurrency", "8", "--policy-option", "timeout_s=20"
    )
    assert result.exit_code == ExitCode.VERDICT, result.stderr


def test_ctrl_c_waits_for_no_answer(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.answers = [model, model, raw(HANG)]
    pressed_at: list[float] = []
    before = threading.active_count()

    def press() -> None:
        wait_until(lambda: endpoint.open == 4 and len(endpoint.requests) >= 4)
        pressed_at.append(time.monotonic())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=press).start()
    handled = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin by ignoring it
    try:
        result = run(endpoint, tmp_path, "--samples", "3", "--concurrency", "4")
    finally:
        signal.signal(signal.SIGINT, handled)
    assert time.monotonic() - pressed_at[0] < GRACE_S
    assert result.exit_code == INTERRUPTED
    assert "the same command goes on from there" in result.stderr
    assert "PolicyClosed" not in result.output, "nothing is recorded of episodes that were dropped"
    assert threading.active_count() == before, "nobody is left waiting"


@pytest.mark.parametrize(
    ("answer", "option", "loss", "reason"),
    [
        (fail(401, {"error": f"bad key {KEY}"}), "stream=true", Loss.INFRASTRUCTURE, "put a valid key into"),
        (fail(400, {"error": "context_length_exceeded"}), "stream=true", Loss.POLICY, "longer than the model's"),
        (good(), "max_tokens_total=12", Loss.INFRASTRUCTURE, "the tokens of max_tokens_total=12 are used up; raise it"),
    ],
    ids=["key", "context", "budget"],
)  # fmt: skip
def test_what_ends_an_episode_is_told_once_and_the_same_command_plays_it_again(
    endpoint: Endpoint, tmp_path: Path, answer: Answer, option: str, loss: Loss, reason: str
) -> None:
    endpoint.answers = [answer]
    result = run(endpoint, tmp_path, "--policy-option", option)
    assert result.exit_code == ExitCode.INFRASTRUCTURE
    assert result.stderr.count(reason) == 1
    assert KEY not in result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert [episode["loss"] for episode in summary["episodes"]] == [loss] * 4
    endpoint.answers = [model]
    evaluator = LightEvaluator(judge)
    assert run(endpoint, tmp_path, evaluator=evaluator).exit_code == ExitCode.VERDICT
    assert len(evaluator.requests) == 8
