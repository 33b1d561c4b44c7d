"""Rollouts by the real machinery of verifiers: its loaders, interception, client and scoring; a fake endpoint."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "verifiers.v1", reason="verifiers is not installed; `make test-verifiers` tests in its own environment"
)

import verifiers.v1 as vf
from pydantic import ValidationError

from kernelgym.errors import BadUsage
from policies.ecosystem.verifiers import ChatHarness, KernelEnv, KernelTaskset, load_environment
from sandboxes.contracts import Outcome
from tests.kernelgym.envs.script import Scripted, completion
from tests.policies.openai.endpoint import Answer, Endpoint, answers, fail

pytestmark = pytest.mark.ecosystem

PROBLEMS = "core/softmax,core/matmul"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where verifiers makes the folder of each rollout: elsewhere it is in the user's home."""
    monkeypatch.setattr("verifiers.v1.runtimes.subprocess.CACHE_DIR", tmp_path)
    return tmp_path


def roll_out(
    *script: Answer, samples: int = 1, watch: Callable[[Endpoint], None] | None = None, **options: Any
) -> list[vf.Episode]:
    """Plays rollouts of the first task with a model that gives these answers."""
    env = load_environment(**{"problems": PROBLEMS, "evaluator": Scripted()} | options)

    async def play(url: str) -> list[vf.Episode]:
        config = vf.EvalClientConfig(base_url=url, api_key_var="A_KEY_THAT_NOBODY_HAS")
        context = vf.ModelContext(model="served", client=config)
        task = next(iter(env.taskset))
        async with env.serving():
            return list(await asyncio.gather(*(env.run_slot(slot, context) for slot in env.slots(task, samples))))

    with Endpoint(*script) as endpoint:
        episodes = asyncio.run(play(endpoint.url))
        if watch is not None:
            watch(endpoint)
    return episodes


def test_a_task_per_problem_is_known_by_its_id() -> None:
    tasks = list(load_environment(problems=PROBLEMS).taskset)
    assert [task.data.problem for task in tasks] == PROBLEMS.split(",")
    assert [task.key for task in tasks] == PROBLEMS.split(",")


def test_the_plugin_is_found_by_its_name() -> None:
    assert type(load_environment()) is KernelEnv
    assert type(load_environment().taskset) is KernelTaskset
    assert type(vf.load_harness(vf.default_agent_harness("kernelgym-verifiers"))) is ChatHarness


def test_a_rollout_is_an_episode_of_several_turns() -> None:
    told: list[list[str]] = []

    def watch(endpoint: Endpoint) -> None:
        told.extend([message["content"] for message in request.body["messages"]] for request in endpoint.requests)

    (episode,) = roll_out(answers(completion("incorrect")), answers(completion("fast")), answers("SUBMIT"), watch=watch)
    assert episode.ok, episode.errors
    (trace,) = episode.traces
    assert [turn["outcome"] for turn in trace.info["turns"]] == ["incorrect", "ok"]
    assert [len(messages) for messages in told] == [1, 3, 5]
    assert "softmax" in told[0][0]
    assert told[1][2].startswith("Turn 1 of 3: incorrect")
    assert told[2][:3] == told[1], "the conversation is append-only"


def test_the_reward_and_the_metrics_are_those_of_the_turns() -> None:
    (episode,) = roll_out(answers(completion("incorrect")), answers(completion("fast")), answers("SUBMIT"))
    (trace,) = episode.traces
    wrong, right = (turn["reward"] for turn in trace.info["turns"])
    assert right > wrong
    assert trace.reward == right
    expected = {"reward_turn_1": wrong, "reward_turn_2": right, "turns_played": 2.0, "correct": 1.0, "speedup": 4.0}
    assert trace.metrics == pytest.approx(expected)


@pytest.mark.parametrize(("how", "expected"), [("best", 1), ("last", 2), ("sum", None)])
def test_what_a_rollout_earns_can_be_chosen(how: str, expected: int | None) -> None:
    script = [answers(completion(word)) for word in ("incorrect", "fast", "slow")]
    (episode,) = roll_out(*script, episode_reward=how)
    (trace,) = episode.traces
    rewards = [turn["reward"] for turn in trace.info["turns"]]
    assert trace.reward == pytest.approx(sum(rewards) if expected is None else rewards[expected])


def test_rewards_of_turns_are_stored_with_the_trace() -> None:
    (episode,) = roll_out(answers(completion("fast")), max_turns=1)
    stored = json.loads(json.dumps(episode.to_record()))["traces"][0]
    assert stored["info"]["turns"][0]["outcome"] == "ok"
    assert stored["rewards"]["kernel"]["score"] == stored["info"]["turns"][0]["reward"]


def test_a_lost_evaluation_is_an_error_and_no_reward() -> None:
    (episode,) = roll_out(answers(completion(Outcome.INFRASTRUCTURE)))
    assert not episode.ok
    assert "EvaluatorBroken: turn 1 on core/softmax was lost, no reward: " in episode.errors[-1].message
    assert episode.traces[0].rewards == {}


def test_a_lost_evaluation_is_tried_again_if_verifiers_is_told_so() -> None:
    script = [answers(completion(Outcome.INFRASTRUCTURE)), answers(completion("fast"))]
    (episode,) = roll_out(*script, max_turns=1, retries={"max_retries": 1})
    assert episode.ok
    assert episode.traces[-1].reward > 0


def test_an_endpoint_that_fails_is_an_error_and_no_reward() -> None:
    (episode,) = roll_out(fail(400, {"error": {"message": "no such model"}}))
    assert not episode.ok
    (trace,) = episode.traces
    assert "no such model" in trace.errors[-1].message
    assert trace.rewards == {}


def test_a_limit_of_verifiers_ends_the_rollout_with_the_reward_so_far() -> None:
    (episode,) = roll_out(answers(completion("fast")), agent={"max_turns": 1})
    (trace,) = episode.traces
    assert (trace.stop_condition, len(trace.info["turns"])) == ("max_turns", 1)
    assert trace.reward == trace.info["turns"][0]["reward"]


def test_rollouts_play_at_the_same_time() -> None:
    evaluator = Scripted()
    episodes = roll_out(answers(completion("fast")), samples=6, max_turns=2, evaluator=evaluator)
    assert [len(episode.traces[0].info["turns"]) for episode in episodes] == [2] * 6
    assert len(evaluator.requests) == 12
    assert not evaluator.closed


@pytest.mark.parametrize("text", [None, "", "no code", "\x00\u202e{{ 7*7 }}", "#" * (2**22 + 1)])
def test_a_completion_without_code_is_a_turn_like_any_other(text: str | None) -> None:
    evaluator = Scripted()
    (episode,) = roll_out(answers(text), max_turns=1, evaluator=evaluator)
    assert episode.ok, episode.errors
    assert [turn["outcome"] for turn in episode.traces[0].info["turns"]] == ["no_code"]
    assert evaluator.requests == []


def test_options_that_can_not_be_followed_are_refused_before_anything_is_played() -> None:
    with pytest.raises(BadUsage, match="max_turns is 0"):
        load_environment(max_turns=0)
    with pytest.raises(BadUsage, match="episode_reward is 'bset'; did you mean 'best'"):
        load_environment(episode_reward="bset")
    with pytest.raises(ValidationError, match="max_trun"):
        load_environment(max_trun=3)


def test_nothing_is_left_behind(cache: Path) -> None:
    roll_out(answers(completion("fast")), samples=2, max_turns=1)
    assert [path for path in cache.rglob("*") if path.is_file()] == []
