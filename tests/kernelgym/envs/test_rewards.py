"""A reward from a file is a reward like any other, in every way an episode can be played."""

from pathlib import Path

import gymnasium as gym
import pytest

from kernelgym.envs import Episode, Rules, Scaling
from kernelgym.evaluators import ScriptedEvaluator
from kernelgym.problems import get_problem
from policies.identity import describe_run
from policies.scripted import DemoPolicy
from rewards import EXCLUDED, InvalidReward
from sandboxes.contracts import Outcome
from tests.policies.episodes import CODE, LightEvaluator, fast_report
from tests.reports import failed_report

FILE = "name: {name}\nterms: [{{term: improvement, cap: {cap}}}]\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text(FILE.format(name="mine", cap=2))
    return file


def test_a_file_is_read_once_and_scores_with_the_history(path: Path) -> None:
    rules = Rules(reward=str(path), max_turns=4)
    path.write_text(FILE.format(name="other", cap=0.1))
    reports = iter(
        [fast_report(1.0), failed_report(Outcome.INFRASTRUCTURE), failed_report(Outcome.INCORRECT), fast_report(9.0)]
    )
    evaluator = LightEvaluator(lambda submission, problem, config: next(reports))
    problem = get_problem("core/softmax")
    episode = Episode(problem, evaluator.describe(problem), rules)
    turns = [episode.play(CODE, evaluator) for _ in range(4)]
    assert [turn.reward.value for turn in turns if turn] == [2.0, None, 0.0, 1.0]
    assert turns[1] is not None
    assert turns[1].reward == EXCLUDED


def test_paid_by_the_step_the_best_turn_is_the_fastest_in_all_that_an_episode_says_of_it(path: Path) -> None:
    reports = iter([fast_report(1.0), fast_report(1.5), fast_report(1.2), fast_report(1.5)])
    evaluator = LightEvaluator(lambda submission, problem, config: next(reports))
    problem = get_problem("core/softmax")
    rules = Rules(reward=str(path), max_turns=3, scaling=Scaling(iterations=2, keep=1))
    episode = Episode(problem, evaluator.describe(problem), rules)
    second, third = [episode.play(CODE, evaluator) for _ in range(3)][1:]
    assert second is not None
    assert third is not None
    assert (second.reward.value, episode.best) == (0.5, second)
    assert "best so far" in second.observation
    assert "turn 2" in third.observation.lower()
    assert episode.chat[-1].content.startswith(second.observation[:20])
    confirmed = episode.confirm(evaluator)
    assert confirmed is not None
    assert confirmed[0].speedup == 1.5


def test_a_run_writes_down_which_terms_it_was_played_with(path: Path) -> None:
    before = describe_run(DemoPolicy(), [], Rules(reward=str(path)), samples=1, seed=0)
    path.write_text(FILE.format(name="mine", cap=3))
    after = describe_run(DemoPolicy(), [], Rules(reward=str(path)), samples=1, seed=0)
    assert before.reward.startswith("mine@")
    assert before.differences(after) == [f"reward is {before.reward} there and {after.reward} here"]
    assert describe_run(DemoPolicy(), [], Rules(), samples=1, seed=0).reward == "drkernel_guarded"


def test_gymnasiums_environment_takes_a_file(path: Path) -> None:
    evaluator = ScriptedEvaluator(lambda submission, problem, config: fast_report(1.5))
    with gym.make(
        "kernelgym:KernelGym/Kernel-v0", problems="core/softmax", reward=str(path), evaluator=evaluator
    ) as env:
        env.reset(seed=0)
        assert env.step(CODE)[1] == 2.5
        assert env.step(CODE)[1] == 0.0
    path.write_text("terms: [{term: improvment}]")
    with pytest.raises(InvalidReward, match="did you mean `improvement`"):
        gym.make("kernelgym:KernelGym/Kernel-v0", problems="core/softmax", reward=str(path), evaluator=evaluator)
