"""The adapter for TRL's environment_factory, as TRL uses it; the trainer itself is in `test_trl_trainer`."""

import inspect

import pytest

from kernelgym.errors import BadUsage, EvaluatorBroken, UnknownProblem
from kernelgym.problems import Problem
from policies.ecosystem import EpisodeReward, TRLEnvironment, TRLEnvironments
from policies.ecosystem.trl_environment import INSTRUCTION, LOST, OVER
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission
from tests.kernelgym.envs.script import Scripted, completion

CORRECT_AND_FAST, CORRECT_AND_SLOW, WRONG = completion("fast"), completion("slow"), completion("wrong")


class Broken(Scripted):
    """Has lost all its workers."""

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        raise EvaluatorBroken("no worker could answer")


def environment(**options: object) -> TRLEnvironment:
    environments = TRLEnvironments(**{"evaluator": Scripted(), "problems": "core/softmax"} | options)
    made = environments()
    made.reset(**environments.rows()[0])
    return made


def test_the_only_tool_is_to_submit_a_kernel() -> None:
    public = [name for name, _ in inspect.getmembers(TRLEnvironment, inspect.isfunction) if not name.startswith("_")]
    assert public == ["get_reward", "reset", "submit_kernel"]


def test_a_row_per_problem_has_the_columns_that_reset_reads() -> None:
    environments = TRLEnvironments(evaluator=Scripted(), problems="core/softmax,core/matmul")
    assert environments.rows() == [
        {"prompt": [{"role": "user", "content": ""}], "problem": problem} for problem in ("core/softmax", "core/matmul")
    ]


def test_reset_returns_the_task_and_says_how_to_submit() -> None:
    made = environment()
    observation = made.reset(problem="core/softmax", prompt=[], another_column=3)
    assert "softmax" in observation
    assert observation.endswith(INSTRUCTION)
    assert "SUBMIT" not in observation


def test_a_row_without_a_problem_is_refused() -> None:
    with pytest.raises(BadUsage, match="the column `problem` of a row is None"):
        environment().reset(prompt=[])


def test_an_unknown_problem_is_an_error() -> None:
    with pytest.raises(UnknownProblem, match="core/sofmax"):
        environment().reset(problem="core/sofmax")


def test_submitting_gives_feedback_and_a_reward_for_each_turn() -> None:
    made = environment(max_turns=3)
    assert made.turn_rewards == ()
    assert made.submit_kernel(WRONG).startswith("Turn 1 of 3: incorrect")
    assert made.submit_kernel(CORRECT_AND_FAST).startswith("Turn 2 of 3: ok")
    wrong, right = made.turn_rewards
    assert wrong is not None
    assert right is not None
    assert right > wrong


@pytest.mark.parametrize("bare", ["import torch\n\n\nclass ModelNew:  # fast\n    pass\n"])
def test_code_needs_no_fence(bare: str) -> None:
    assert environment().submit_kernel(bare).startswith("Turn 1 of 3: ok")


def test_the_reward_is_that_of_the_best_the_last_or_all_turns() -> None:
    rewards = {}
    for how in EpisodeReward:
        made = environment(max_turns=3, episode_reward=how)
        for sent in (WRONG, CORRECT_AND_FAST, CORRECT_AND_SLOW):
            made.submit_kernel(sent)
        rewards[how] = made.get_reward()
        turns = made.turn_rewards
    assert rewards == {EpisodeReward.BEST: turns[1], EpisodeReward.LAST: turns[2], EpisodeReward.SUM: sum(turns)}
    assert len(set(rewards.values())) == 3


def test_a_rollout_that_submits_nothing_earns_what_a_completion_without_code_does() -> None:
    silent, empty = environment(), environment()
    empty.submit_kernel("")
    assert silent.get_reward() == empty.get_reward()
    assert silent.get_reward() is not None


def test_after_the_last_turn_nothing_is_evaluated_any_more() -> None:
    evaluator = Scripted()
    made = environment(max_turns=1, evaluator=evaluator)
    made.submit_kernel(WRONG)
    before = made.get_reward()
    assert made.submit_kernel(CORRECT_AND_FAST) == OVER
    assert len(evaluator.requests) == 1
    assert made.get_reward() == before


@pytest.mark.parametrize("evaluator", [Broken(), Scripted()])
def test_a_lost_evaluation_leaves_the_rollout_without_a_reward(evaluator: Scripted) -> None:
    made = environment(evaluator=evaluator)
    assert made.submit_kernel(completion(Outcome.INFRASTRUCTURE)) == LOST
    assert made.submit_kernel(CORRECT_AND_FAST) == LOST
    assert made.get_reward() is None


def test_the_next_reset_forgets_a_lost_rollout() -> None:
    made = environment()
    made.submit_kernel(completion(Outcome.INFRASTRUCTURE))
    made.reset(problem="core/softmax")
    made.submit_kernel(CORRECT_AND_FAST)
    assert made.get_reward() is not None
    assert len(made.turn_rewards) == 1


@pytest.mark.parametrize("argument", [None, 17, ["class ModelNew: pass"], {"code": "x"}, "\ud800", "\x00" * 10])
def test_an_argument_that_is_no_program_is_a_turn_without_code(argument: object) -> None:
    made = environment()
    assert made.submit_kernel(argument).startswith("Turn 1 of 3: no_code")  # type: ignore[arg-type]


def test_a_huge_argument_is_a_turn_without_code_and_is_not_evaluated() -> None:
    evaluator = Scripted()
    made = environment(evaluator=evaluator)
    assert "no_code" in made.submit_kernel(CORRECT_AND_FAST + "#" * 2**22)
    assert evaluator.requests == []


def test_an_unknown_way_to_reward_names_the_known_ones() -> None:
    with pytest.raises(BadUsage, match="episode_reward is 'bset'; did you mean 'best'"):
        TRLEnvironments(episode_reward="bset")


def test_test_time_scaling_is_refused_because_trl_forgets_no_turn() -> None:
    with pytest.raises(BadUsage, match="history is 'full', but test-time scaling"):
        TRLEnvironments(evaluator=Scripted(), iterations=2)


def test_an_evaluator_that_was_given_stays_open() -> None:
    evaluator = Scripted()
    with TRLEnvironments(evaluator=evaluator) as environments:
        environments()
    assert not evaluator.closed


def test_reports_are_there_for_reward_functions() -> None:
    made = environment()
    made.submit_kernel(WRONG)
    assert made.episode is not None
    assert made.episode.turns[0].report.outcome is Outcome.INCORRECT
