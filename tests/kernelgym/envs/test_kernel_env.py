"""The environment behaves as Gymnasium and its wrappers expect."""

import json
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RecordEpisodeStatistics, TimeLimit

import kernelgym
from kernelgym.envs import KernelEnv
from kernelgym.errors import BadUsage, EpisodeOver, UnknownProblem
from kernelgym.evaluators import LocalEvaluator
from kernelgym.registration import KERNEL_ENV, register_environments
from sandboxes.contracts import Report
from tests.kernelgym.envs.script import Scripted, completion

GARBAGE = ("", " \n", "\0", "```python\n\0\n```", "\ud800", "```python\n\udcff\n```", "x" * 1_000_000, "```" * 999)


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture
def env(scripted: Scripted) -> Iterator[gym.Env[str, str]]:
    made = gym.make(KERNEL_ENV, evaluator=scripted, problems="core/softmax,core/add_relu")
    yield made
    made.close()


@pytest.mark.parametrize("mode", [None, "ansi", "human"])
def test_gymnasiums_checker_finds_nothing(scripted: Scripted, mode: str | None) -> None:
    env = gym.make(KERNEL_ENV, evaluator=scripted, render_mode=mode)
    check_env(env.unwrapped)
    env.close()


def test_the_spec_can_be_written_as_json() -> None:
    assert json.loads(gym.spec(KERNEL_ENV).to_json())["id"] == KERNEL_ENV
    env = gym.make(KERNEL_ENV, problems="core/softmax", max_turns=2)
    assert env.spec is not None
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.spec is not None
    assert again.spec.kwargs["max_turns"] == 2


def test_registering_twice_does_nothing() -> None:
    register_environments()
    assert gym.spec(KERNEL_ENV).nondeterministic
    assert kernelgym.__doc__


def test_an_episode_goes_from_the_task_to_the_end_of_the_turns(env: gym.Env[str, str]) -> None:
    task, info = env.reset(options={"problem": "core/softmax"})
    assert "torch.softmax" in task
    assert info == {"problem": "core/softmax", "turn": 0, "max_turns": 3}
    for turn, (word, reward, last) in enumerate([("wrong", 0.0, False), ("fast", 4.8, False), ("slow", 2.3, True)], 1):
        feedback, value, terminated, truncated, info = env.step(completion(word))
        assert feedback.startswith(f"Turn {turn} of 3: {info['outcome']}")
        assert value == pytest.approx(reward)
        assert (type(value), terminated, truncated) == (float, last, False)
    assert info["best"] == {"turn": 2, "reward": pytest.approx(4.8), "speedup": 4.0, "outcome": "ok"}
    with pytest.raises(EpisodeOver, match="reset it"):
        env.step(completion("fast"))


def test_every_info_is_plain_and_holds_the_report(env: gym.Env[str, str]) -> None:
    env.reset(seed=1)
    for word in ("incorrect", "infrastructure", "fast"):
        info = env.step(completion(word))[4]
        assert json.loads(json.dumps(info)) == info
        assert Report.model_validate(info["report"]).outcome == info["outcome"]
        assert "episode" not in info


def test_a_lost_evaluation_says_so(env: gym.Env[str, str]) -> None:
    env.reset()
    feedback, reward, terminated, truncated, info = env.step(completion("infrastructure"))
    assert (reward, terminated, truncated, info["infrastructure"], info["reward"]) == (0.0, False, False, True, None)
    assert "Send the same candidate again" in feedback
    assert "best" not in info


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_is_survived(env: gym.Env[str, str], text: str) -> None:
    env.reset()
    feedback, reward, *_ = env.step(text)
    assert reward == 0.0
    assert len(feedback) <= 4000
    assert feedback.isprintable() or feedback.replace("\n", "").isprintable()


def test_the_seed_decides_which_problem_comes(env: gym.Env[str, str]) -> None:
    first = [env.reset(seed=7)[1]["problem"], *(env.reset()[1]["problem"] for _ in range(8))]
    again = [env.reset(seed=7)[1]["problem"], *(env.reset()[1]["problem"] for _ in range(8))]
    assert first == again
    assert set(first) == {"core/softmax", "core/add_relu"}


def test_what_does_not_exist_is_named(env: gym.Env[str, str]) -> None:
    with pytest.raises(UnknownProblem, match="core/softmax"):
        env.reset(options={"problem": "core/sofmax"})
    with pytest.raises(BadUsage, match="id of a problem"):
        env.reset(options={"problem": 3})
    with pytest.raises(BadUsage, match="h200"):
        KernelEnv(target="h20")
    with pytest.raises(BadUsage, match="precision is 'fp16'"):
        KernelEnv(precision="fp16")
    with pytest.raises(BadUsage, match="max_turns is 0"):
        KernelEnv(max_turns=0)
    with pytest.raises(BadUsage, match="render_mode"):
        KernelEnv(render_mode="rgb_array")
    with pytest.raises(TypeError, match="max_turn"):
        KernelEnv(max_turn=2)


def test_a_step_needs_an_episode_and_a_text() -> None:
    env = KernelEnv(evaluator=Scripted())
    with pytest.raises(gym.error.ResetNeeded, match="call reset"):
        env.step("")
    env.reset()
    with pytest.raises(BadUsage, match="not of type int"):
        env.step(3)  # type: ignore[arg-type]
    assert env.step(np.str_("text"))[4]["outcome"] == "no_code"


def test_the_usual_wrappers_work(scripted: Scripted) -> None:
    inner = gym.make(KERNEL_ENV, evaluator=scripted, max_episode_steps=2)
    env = RecordEpisodeStatistics(TimeLimit(inner, 5))
    env.reset(seed=1)
    assert env.step(completion("slow"))[2:4] == (False, False)
    *_, terminated, truncated, info = env.step(completion("fast"))
    assert (terminated, truncated) == (False, True)
    assert info["episode"]["l"] == 2


def test_frames_are_what_the_agent_reads(scripted: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    env = gym.make(KERNEL_ENV, evaluator=scripted, render_mode="ansi")
    task, _ = env.reset()
    assert env.render() == task
    feedback, *_ = env.step("")
    assert env.render() == feedback
    human = gym.make(KERNEL_ENV, evaluator=scripted, render_mode="human")
    human.reset()
    assert human.step("")[0] in capsys.readouterr().out
    assert gym.make(KERNEL_ENV, evaluator=scripted, render_mode="ansi_list").reset()


def test_only_an_evaluator_of_its_own_is_closed(scripted: Scripted) -> None:
    env = KernelEnv(evaluator=scripted)
    env.close()
    env.close()
    assert not scripted.closed
    with pytest.raises(BadUsage, match="environment is closed"):
        env.reset()


def test_settings_are_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELGYM_TARGET", "a100")
    assert "NVIDIA A100" in KernelEnv(evaluator=Scripted()).reset()[0]
    assert "NVIDIA H100" in KernelEnv(evaluator=Scripted(), target="h100").reset()[0]


def test_an_evaluator_with_processes_can_be_handed_to_make() -> None:
    with LocalEvaluator() as local:
        env = RecordEpisodeStatistics(gym.make(KERNEL_ENV, evaluator=local))
        assert env.spec is not None, "copies its arguments"
        env.close()
