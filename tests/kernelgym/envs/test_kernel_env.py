"""The environment behaves as Gymnasium and its wrappers expect."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RecordEpisodeStatistics, TimeLimit

import kernelgym
from kernelgym.envs import KernelEnv
from kernelgym.envs.episode import MAX_COMPLETION
from kernelgym.errors import BadUsage, EpisodeOver, InvalidReference, UnknownProblem
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem, get_problem
from kernelgym.registration import KERNEL_ENV, register_environments
from sandboxes.contracts import Description, Report
from tests.kernelgym.envs.script import Picky, Scripted, completion

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
    said = [{"role": "user", "content": task}]
    assert info == {"problem": "core/softmax", "turn": 0, "max_turns": 3, "chat": said}
    for turn, (word, reward, last) in enumerate([("wrong", 0.0, False), ("fast", 4.85, False), ("slow", 2.3, True)], 1):
        feedback, value, terminated, truncated, info = env.step(completion(word))
        assert feedback.startswith(f"Turn {turn} of 3: {info['outcome']}")
        assert value == pytest.approx(reward)
        assert (type(value), terminated, truncated) == (float, last, False)
        newest = [{"role": "assistant", "content": completion(word)}, {"role": "user", "content": feedback}]
        assert info["chat"][0] == said[0]
        assert info["chat"][-2:] == newest
        assert len(info["chat"]) == 1 + 2 * turn
    assert info["best"] == {"turn": 2, "reward": pytest.approx(4.85), "speedup": 4.0, "outcome": "ok"}
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_turns": 2.0}, "max_turns is 2.0; give a whole number"),
        ({"max_turns": True}, "max_turns is True"),
        ({"max_turns": "3"}, "max_turns is '3'"),
        ({"target_speedup": "2"}, "target_speedup is '2'; give a number above 0, or None"),
        ({"target_speedup": float("nan")}, "target_speedup is nan"),
        ({"sandbox": "bublewrap"}, "no sandbox is called 'bublewrap'; did you mean 'bubblewrap'"),
        ({"sandbox": 3}, "sandbox is 3; give a text, or None"),
        ({"evaluator": 7}, "evaluator is 7; give an object with describe, evaluate"),
        ({"evaluator": LocalEvaluator}, "evaluator is <class .*; give an object"),
        ({"tags": "matmul"}, r"tags is 'matmul'; give a sequence"),
        ({"tags": [3]}, "a member of tags is 3; give a text"),
        ({"levels": 1}, "levels is 1; give a sequence"),
        ({"difficulties": None}, "difficulties is None; give a sequence"),
        ({"problems": ["core/softmax"]}, r"problems is \['core/softmax'\]; give a text"),
        ({"reward": None}, "reward is None; give a text"),
        ({"target": 200}, "target is 200; give a text, or None"),
    ],
)
def test_options_of_the_wrong_kind_are_named_with_a_remedy(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadUsage, match=message):
        KernelEnv(**options)


def test_reset_knows_its_options(env: gym.Env[str, str]) -> None:
    with pytest.raises(BadUsage, match="reset has no option 'problems'; did you mean 'problem'"):
        env.unwrapped.reset(options={"problems": "core/softmax"})
    with pytest.raises(BadUsage, match="give a dictionary"):
        env.unwrapped.reset(options="core/softmax")  # type: ignore[arg-type]


def test_reset_takes_what_denotes_one_problem(env: gym.Env[str, str], tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(get_problem("core/softmax").reference.source)
    assert env.reset(options={"problem": "core/row_sum"})[1]["problem"] == "core/row_sum"
    assert "torch.softmax" in env.reset(options={"problem": f"file:{file}"})[0]
    with pytest.raises(BadUsage, match="denotes"):
        env.reset(options={"problem": "core"})


def test_a_drawn_problem_that_cannot_be_described_is_put_aside() -> None:
    env = KernelEnv(evaluator=Picky("core/softmax"), problems="core/softmax,core/add_relu,core/row_sum")
    with pytest.warns(UserWarning, match="core/softmax can't be used and will not be drawn again: .*raises") as warned:
        drawn = [env.reset(seed=5)[1]["problem"], *(env.reset()[1]["problem"] for _ in range(20))]
    assert len(warned) == 1
    assert set(drawn) == {"core/add_relu", "core/row_sum"}
    again = [env.reset(seed=5)[1]["problem"], *(env.reset()[1]["problem"] for _ in range(20))]
    assert again == drawn, "the seed decides, not what was found out in between"
    with pytest.raises(InvalidReference, match="core/softmax: raises"):
        env.reset(options={"problem": "core/softmax"})


def test_if_no_problem_is_left_that_is_an_error() -> None:
    with pytest.raises(InvalidReference, match="core/softmax: raises on inputs of its own; correct it"):
        KernelEnv(evaluator=Picky("core/softmax"), problems="core/softmax").reset()
    env = KernelEnv(evaluator=Picky("core/softmax", "core/add_relu"), problems="core/softmax,core/add_relu")
    with (
        pytest.warns(UserWarning, match="will not be drawn again"),
        pytest.raises(InvalidReference, match="none of its 2 problems can be used"),
    ):
        env.reset()
    with pytest.raises(InvalidReference, match="none of its 2"):
        env.reset()


def test_members_that_cannot_be_loaded_are_named_in_one_warning(tmp_path: Path) -> None:
    row = {"name": "good", "code": get_problem("core/softmax").reference.source}
    rows = [row, *({"name": f"bad_{number}", "code": "x = 1"} for number in range(5))]
    file = tmp_path / "set.jsonl"
    file.write_text("".join(f"{json.dumps(one)}\n" for one in rows))
    with pytest.warns(
        UserWarning, match="5 members of 'jsonl:.*will not be drawn: .*does not define.*and 2 more"
    ) as warned:
        env = KernelEnv(evaluator=Scripted(), problems=f"jsonl:{file}")
    assert len(warned) == 1
    assert "torch.softmax" in env.reset()[0]


def test_a_completion_that_is_too_long_is_the_candidates_fault(env: gym.Env[str, str]) -> None:
    env.reset()
    start = time.monotonic()
    feedback, reward, *_, info = env.step(completion("fast") + "x" * MAX_COMPLETION)
    assert time.monotonic() - start < 1
    assert (reward, info["outcome"]) == (0.0, "no_code")
    assert "at most 4,194,304 are looked at" in feedback
    start = time.monotonic()
    assert env.step("```\n" * (MAX_COMPLETION // 4))[4]["outcome"] == "no_code"
    assert time.monotonic() - start < 20, "the worst that is looked at is bounded, too"


def test_nothing_that_is_printed_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    problem = get_problem("core/softmax")
    source = f"# \x1b[2J\x1b]0;title\x07\n{problem.reference.source}"
    reference = problem.reference.model_copy(update={"source": source})

    class Describing(Scripted):
        def describe(self, problem: Problem) -> Description:
            return super().describe(problem).model_copy(update={"reference": reference})

    KernelEnv(evaluator=Describing(), problems="core/softmax", render_mode="human").reset()
    printed = capsys.readouterr().out
    assert "# \\x1b[2J\\x1b]0;title\\x07" in printed
    assert printed.replace("\n", "").isprintable()


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
