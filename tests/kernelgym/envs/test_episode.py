"""Turns, ends, and which candidate was best."""

import pytest

from kernelgym.envs import Episode, Rules
from kernelgym.errors import BadUsage, EpisodeOver, InvalidReference
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem, get_problem, list_solutions
from rewards import UnknownReward
from sandboxes.contracts import EvalConfig, Outcome, Report, Submission
from tests.kernelgym.envs.script import Scripted, completion, described


def begin(**rules: object) -> Episode:
    problem = get_problem("core/softmax")
    return Episode(problem, described(problem), Rules(**rules))  # type: ignore[arg-type]


def play(episode: Episode, *words: str) -> list[float | None]:
    evaluator = Scripted()
    return [episode.play(completion(word), evaluator).reward.value for word in words]


def test_the_last_turn_terminates() -> None:
    episode = begin(max_turns=2)
    assert play(episode, "slow") == [pytest.approx(2.3)]
    assert not episode.done
    play(episode, "hack")
    assert (episode.terminated, episode.truncated) == (True, False)
    with pytest.raises(EpisodeOver, match="core/softmax ended after 2 turns"):
        play(episode, "fast")
    assert len(episode.turns) == 2


def test_the_target_speedup_terminates_early() -> None:
    episode = begin(target_speedup=4.0)
    play(episode, "slow", "fast")
    assert (episode.terminated, episode.truncated, len(episode.turns)) == (True, False, 2)
    assert episode.turns[-1].observation.endswith("the episode is over.")


def test_a_lost_turn_is_used_up_and_a_lost_last_turn_truncates() -> None:
    episode = begin(max_turns=2)
    assert play(episode, "infrastructure") == [None]
    assert not episode.done
    assert episode.turns[0].lost
    assert episode.best is None
    play(episode, "infrastructure")
    assert (episode.terminated, episode.truncated) == (False, True)


def test_the_best_turn_has_the_highest_reward_then_speedup_and_was_first() -> None:
    episode = begin(max_turns=6)
    for word, best in [("incorrect", 1), ("slow", 2), ("fast", 3), ("infrastructure", 3), ("fast", 3), ("hack", 3)]:
        play(episode, word)
        assert episode.best is not None
        assert episode.best.number == best


def test_a_request_that_makes_no_sense_uses_up_no_turn() -> None:
    class Refusing(Scripted):
        def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
            raise InvalidReference(problem.id, "raises", "correct it")

    episode = begin()
    with pytest.raises(InvalidReference):
        episode.play(completion("fast"), Refusing())
    assert episode.turns == []


def test_the_described_reference_is_the_one_that_is_evaluated() -> None:
    problem = get_problem("core/softmax")
    known = described(problem)
    scaled = known.reference.model_copy(update={"check_constants": ({"4096": 3},)})
    evaluator = Scripted()
    Episode(problem, known.model_copy(update={"reference": scaled}), Rules()).play(completion("fast"), evaluator)
    assert evaluator.requests[0][1].reference.check_constants == ({"4096": 3},)


def test_rules_are_checked() -> None:
    for wrong in ({"max_turns": 0}, {"target_speedup": 0.0}, {"config": EvalConfig(target="h20")}):
        with pytest.raises(BadUsage):
            Rules(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UnknownReward):
        Rules(reward="drkernel")


@pytest.mark.slow
def test_real_candidates_get_real_feedback(evaluator: LocalEvaluator) -> None:
    problem = get_problem("core/add_relu")
    sources = {solution.name: solution.source for solution in list_solutions(problem.id)}
    episode = Episode(problem, evaluator.describe(problem), Rules(max_turns=4))
    said = [
        episode.play(f"```python\n{sources[name]}\n```", evaluator).observation
        for name in ("demo/compile_error", "wrong", "demo/out_of_bounds", "correct")
    ]
    assert [turn.report.outcome for turn in episode.turns] == [
        Outcome.COMPILE_ERROR, Outcome.INCORRECT, Outcome.MEMORY_ERROR, Outcome.OK,
    ]  # fmt: skip
    assert ">   15 |     tl.store(" in said[0]
    assert "elements are wrong" in said[1]
    assert "out-of-bounds load" in said[2]
    assert "modelled for NVIDIA H200" in said[3]
    assert "bound by device memory" in said[3]
