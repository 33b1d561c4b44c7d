"""Turns of single sub-environments: each is heard of when it is finished, and none disturbs another."""

import threading
import time
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import pytest

from kernelgym.envs import KernelVectorEnv
from kernelgym.errors import BadUsage, EpisodeOver, EvaluatorBroken
from kernelgym.problems import Problem
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission
from tests.kernelgym.envs.script import Scripted, completion

FAST, SLOW = completion("fast"), completion("slow")


class Gated(Scripted):
    """Evaluates a candidate that says `wait` once its gate is opened; raises for `raise`."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        if "# wait" in submission.source:
            assert self.gate.wait(20)
        if "# raise" in submission.source:
            raise EvaluatorBroken("nobody is there")
        return super().evaluate(submission, problem, config)


@pytest.fixture
def evaluator() -> Iterator[Gated]:
    gated = Gated()
    yield gated
    gated.gate.set()


@pytest.fixture
def envs(evaluator: Gated) -> Iterator[KernelVectorEnv]:
    made = KernelVectorEnv(3, evaluator=evaluator, problems="core/softmax", max_turns=2)
    made.reset()
    yield made
    evaluator.gate.set()
    made.close()


def only(*chosen: int) -> dict[str, object]:
    return {"reset_mask": np.isin(np.arange(3), chosen)}


def test_answers_come_in_the_order_in_which_turns_are_finished(envs: KernelVectorEnv, evaluator: Gated) -> None:
    envs.send(0, completion("wait"))
    envs.send(2, FAST)
    first = envs.receive(20)
    assert (first.index, first.reward, first.terminated, first.truncated) == (2, pytest.approx(4.85), False, False)
    assert first.turn is not None
    assert first.turn.report.outcome is Outcome.OK
    assert first.info["outcome"] == "ok"
    assert first.observation == first.turn.observation
    assert envs.in_flight == (0,)
    envs.send(2, SLOW)
    second = envs.receive(20)
    assert (second.index, second.terminated) == (2, True)
    evaluator.gate.set()
    assert envs.receive(20).index == 0
    assert envs.in_flight == ()


def test_it_plays_what_step_plays(envs: KernelVectorEnv) -> None:
    actions = [FAST, completion("incorrect"), completion("infrastructure")]
    observations, rewards, terminations, truncations, infos = envs.step(actions)
    envs.reset()
    for index, action in enumerate(actions):
        envs.send(index, action)
    answers = sorted((envs.receive(20) for _ in actions), key=lambda answer: answer.index)
    assert tuple(answer.observation for answer in answers) == observations
    assert [answer.reward or 0.0 for answer in answers] == rewards.tolist()
    assert [answer.terminated for answer in answers] == terminations.tolist()
    assert [answer.truncated for answer in answers] == truncations.tolist()
    assert [answer.info["outcome"] for answer in answers] == infos["outcome"].tolist()
    assert [answer.reward is None for answer in answers] == [False, False, True], "lost, not bad"


def test_what_raises_is_an_answer_without_a_reward(envs: KernelVectorEnv) -> None:
    envs.send(1, completion("raise"))
    answer = envs.receive(20)
    assert (answer.reward, answer.turn, answer.terminated, answer.truncated) == (None, None, False, True)
    assert (answer.info["infrastructure"], answer.info["error"]) == (True, "EvaluatorBroken: nobody is there")
    with pytest.raises(EpisodeOver, match=r"sub-environment 1 \(core/softmax\)"):
        envs.send(1, FAST)


def test_a_bare_submit_ends_the_episode_and_is_no_turn(envs: KernelVectorEnv) -> None:
    envs.send(0, FAST)
    envs.receive(20)
    envs.send(0, "SUBMIT")
    answer = envs.receive(20)
    assert (answer.reward, answer.turn, answer.terminated, answer.info["submitted"]) == (0.0, None, True, True)


def test_some_begin_anew_while_others_are_in_flight(envs: KernelVectorEnv, evaluator: Gated) -> None:
    envs.send(0, completion("wait"))
    envs.send(1, FAST)
    assert envs.receive(20).index == 1
    observations, infos = envs.reset(options={**only(1), "problem": "core/row_sum"})
    assert infos["problem"][1] == "core/row_sum"
    assert "row" in observations[1]
    envs.send(1, FAST)
    assert envs.receive(20).info["problem"] == "core/row_sum"
    evaluator.gate.set()
    assert envs.receive(20).info["problem"] == "core/softmax"


def test_one_in_flight_can_neither_begin_anew_nor_be_sent_more(envs: KernelVectorEnv) -> None:
    envs.send(1, completion("wait"))
    for options in (None, only(1), only(0, 1)):
        with pytest.raises(BadUsage, match="sub-environment 1 is in flight; receive"):
            envs.reset(options=options)
    with pytest.raises(BadUsage, match="sub-environment 1 is in flight; receive"):
        envs.send(1, FAST)
    with pytest.raises(BadUsage, match=r"sub-environments are in flight: \[1\]; receive"):
        envs.step([FAST] * 3)


def test_an_answer_that_was_not_received_is_still_in_flight(envs: KernelVectorEnv) -> None:
    envs.send(0, FAST)
    time.sleep(0.2)
    with pytest.raises(BadUsage, match="in flight"):
        envs.step([FAST] * 3)
    assert envs.receive(0).index == 0
    envs.reset()
    envs.step([FAST] * 3)


def test_a_wait_ends_in_time_and_loses_nothing(envs: KernelVectorEnv, evaluator: Gated) -> None:
    envs.send(0, completion("wait"))
    for timeout in (0, 0.05):
        with pytest.raises(TimeoutError, match="in flight: 1"):
            envs.receive(timeout)
    evaluator.gate.set()
    assert envs.receive(20).index == 0
    with pytest.raises(BadUsage, match="nothing is in flight; send"):
        envs.receive(0)


def test_the_time_is_that_of_the_evaluation_whenever_it_is_asked_for(envs: KernelVectorEnv, evaluator: Gated) -> None:
    envs.send(0, completion("wait"))
    envs.send(1, FAST)
    time.sleep(0.6)
    assert envs.receive(20).elapsed_s < 0.6
    evaluator.gate.set()
    assert 0.6 <= envs.receive(20).elapsed_s < 5.0


def test_what_was_given_up_is_not_heard_of_again(envs: KernelVectorEnv, evaluator: Gated) -> None:
    envs.send(0, completion("wait"))
    envs.give_up()
    assert envs.in_flight == ()
    with pytest.raises(gym.error.ResetNeeded, match=r"sub-environment 0 .* was interrupted"):
        envs.send(0, FAST)
    evaluator.gate.set()
    time.sleep(0.1)
    envs.reset(options=only(0))
    envs.send(0, SLOW)
    answer = envs.receive(20)
    assert (answer.info["turn"], answer.reward) == (1, pytest.approx(2.3))


def test_an_interrupt_reaches_the_caller_and_ends_only_this_episode() -> None:
    class Interrupted(Scripted):
        def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
            raise KeyboardInterrupt

    envs = KernelVectorEnv(2, evaluator=Interrupted())
    envs.reset()
    envs.send(0, FAST)
    with pytest.raises(KeyboardInterrupt):
        envs.receive(20)
    with pytest.raises(gym.error.ResetNeeded, match=r"sub-environment 0 .* was interrupted"):
        envs.send(0, "")
    envs.send(1, "")
    assert envs.receive(20).info["outcome"] == "no_code"
    envs.close()


def test_who_is_not_there_or_has_not_begun_is_named(envs: KernelVectorEnv) -> None:
    for index in (-1, 3):
        with pytest.raises(BadUsage, match=f"no sub-environment {index}; give a number from 0 to 2"):
            envs.send(index, FAST)
    with pytest.raises(BadUsage, match="type int; it must be a string"):
        envs.send(0, 1)  # type: ignore[arg-type]
    with pytest.raises(gym.error.ResetNeeded, match="sub-environment 0 has no episode"):
        KernelVectorEnv(1, evaluator=Scripted()).send(0, "")


def test_episodes_are_truncated_after_as_many_steps_as_by_step(evaluator: Gated) -> None:
    envs = KernelVectorEnv(1, evaluator=evaluator, problems="core/softmax", max_episode_steps=1)
    envs.reset()
    envs.send(0, SLOW)
    answer = envs.receive(20)
    assert (answer.terminated, answer.truncated, answer.reward) == (False, True, pytest.approx(2.3))
    envs.close()
