"""Sequential test-time scaling: how many turns there are, and which stay in the chat."""

from dataclasses import replace

import pytest

from kernelgym.chat import Role
from kernelgym.envs import Episode, Rules, Scaling, Select, Turn
from kernelgym.envs.scaling import retained
from kernelgym.envs.turn import best_turn
from kernelgym.errors import BadUsage
from kernelgym.problems import get_problem
from rewards import Reward, Term
from sandboxes.contracts import Outcome
from tests.kernelgym.envs.script import Scripted, completion, described
from tests.policies.episodes import fast_report
from tests.reports import failed_report, ok_report


def turns(*rewards: float | None) -> list[Turn]:
    return [
        Turn(
            number=number,
            completion=f"completion {number}",
            submission=None,
            report=ok_report(),
            reward=Reward(() if reward is None else (Term("all", reward, ""),)),
            observation=f"feedback {number}",
        )
        for number, reward in enumerate(rewards, 1)
    ]


def kept(rewards: list[float | None], keep: int, select: Select) -> list[int]:
    return [turn.number for turn in retained(turns(*rewards), keep, select)]


def test_the_papers_ten_iterations_of_five_turns_with_four_kept_have_fourteen_turns() -> None:
    scaling = Scaling(iterations=10, keep=4)
    assert scaling.total_turns(5) == 14
    assert Rules(max_turns=5, scaling=scaling).total_turns == 14


@pytest.mark.parametrize(
    ("rewards", "keep", "top", "window", "last"),
    [
        ([0.0, 3.0, 0.0, 2.0, 1.0], 2, [2, 4], [1, 2], [4, 5]),
        ([5.0, 0.0, 0.0, 3.0, 3.0], 2, [1, 4], [4, 5], [4, 5]),
        ([1.0, 1.0, 1.0, 1.0], 2, [1, 2], [1, 2], [3, 4]),
        ([2.0, 1.0, 2.0, 1.0], 3, [1, 2, 3], [1, 2, 3], [2, 3, 4]),
        ([None, -1.0, None, 0.0], 2, [2, 4], [3, 4], [3, 4]),
        ([None, None, None], 1, [1], [1], [3]),
        ([4.0, None, 1.0, 1.0], 2, [1, 3], [3, 4], [3, 4]),
        ([3.0, 1.0], 2, [1, 2], [1, 2], [1, 2]),
        ([3.0, 1.0], 5, [1, 2], [1, 2], [1, 2]),
        ([3.0, 1.0], 0, [], [], []),
    ],
)
def test_what_is_kept(
    rewards: list[float | None], keep: int, top: list[int], window: list[int], last: list[int]
) -> None:
    assert kept(rewards, keep, Select.TOP) == top
    assert kept(rewards, keep, Select.WINDOW) == window
    assert kept(rewards, keep, Select.LAST) == last


def test_of_equal_rewards_the_fastest_stays_so_that_the_best_turn_is_never_dropped() -> None:
    capped = [
        replace(turn, report=fast_report(speedup)) for turn, speedup in zip(turns(5.0, 5.0), (4.0, 9.0), strict=True)
    ]
    assert [turn.number for turn in retained(capped, 1, Select.TOP)] == [2]
    assert best_turn(capped) == capped[1]


def test_paid_by_the_step_the_fastest_stay_not_the_largest_steps() -> None:
    failed = replace(turns(1.0)[0], report=failed_report(Outcome.INCORRECT))
    steps = [
        replace(turn, report=fast_report(speedup))
        for turn, speedup in zip(turns(2.0, 0.5, 0.0), (1.0, 1.5, 1.2), strict=True)
    ]
    played = [replace(turn, number=number) for number, turn in enumerate([*steps, failed], 1)]
    assert [turn.number for turn in retained(played, 2, Select.TOP, relative=True)] == [2, 3]
    assert [turn.number for turn in retained(played, 2, Select.TOP)] == [1, 4]
    assert [turn.number for turn in retained(played, 2, Select.WINDOW, relative=True)] == [2, 3]
    assert best_turn(played, relative=True) == played[1]
    assert best_turn(played) == played[0]


def play(rules: Rules, *words: str) -> tuple[Episode, list[list[str]]]:
    """Plays words; returns the episode and, for each turn, the words that were in its chat."""
    problem, evaluator = get_problem("core/softmax"), Scripted()
    episode = Episode(problem, described(problem), rules)
    chats = []
    for word in words:
        answers = [message.content for message in episode.chat if message.role is Role.ASSISTANT]
        chats.append([answer.partition("# ")[2].partition("\n")[0] for answer in answers])
        assert [message.role for message in episode.chat] == [Role.USER] + [Role.ASSISTANT, Role.USER] * len(answers)
        episode.play(completion(word), evaluator)
    return episode, chats


def test_an_iteration_begins_with_what_was_kept_of_the_chat_so_far() -> None:
    rules = Rules(max_turns=3, scaling=Scaling(iterations=3, keep=2))
    assert rules.total_turns == 5
    episode, chats = play(rules, "slow", "incorrect", "fast", "hack", "slow")
    assert chats == [[], ["slow"], ["slow", "incorrect"], ["slow", "fast"], ["slow", "fast"]]
    assert (episode.terminated, len(episode.turns)) == (True, 5)
    assert episode.best is not None
    assert episode.best.number == 3


def test_with_nothing_kept_every_iteration_begins_with_the_task_alone() -> None:
    rules = Rules(max_turns=2, scaling=Scaling(iterations=3, keep=0))
    episode, chats = play(rules, "slow", "fast", "incorrect", "fast", "slow", "slow")
    assert chats == [[], ["slow"], [], ["incorrect"], [], ["slow"]]
    assert episode.terminated


def test_the_feedback_on_a_turn_that_is_kept_tells_how_many_turns_are_left_now() -> None:
    rules = Rules(max_turns=2, scaling=Scaling(iterations=3, keep=1))
    episode, _ = play(rules, "fast", "incorrect", "slow")
    assert "3 turns are left" in episode.turns[0].observation
    assert episode.chat[2].content.startswith("Turn 1 of 4: ok")
    assert "1 turn is left" in episode.chat[2].content
    assert "This is the best so far (the next best: turn 3, " in episode.chat[2].content
    assert episode.turns[2].observation.startswith("Turn 3 of 4")


def test_a_target_or_a_submission_ends_it_in_any_iteration() -> None:
    scaling = Scaling(iterations=3, keep=1)
    episode, _ = play(Rules(max_turns=2, scaling=scaling, target_speedup=4.0), "slow", "slow", "fast")
    assert (episode.terminated, len(episode.turns)) == (True, 3)
    episode, _ = play(Rules(max_turns=2, scaling=scaling), "slow", "slow")
    assert episode.play("SUBMIT", Scripted()) is None
    assert (episode.terminated, episode.submitted, len(episode.turns)) == (True, True, 2)


def test_numbers_that_make_no_sense_are_refused() -> None:
    for wrong in ({"iterations": 0, "keep": 1}, {"iterations": 2, "keep": -1}):
        with pytest.raises(BadUsage):
            Scaling(**wrong)
    with pytest.raises(BadUsage, match="keep is 3, but an iteration has 3 turns"):
        Rules(max_turns=3, scaling=Scaling(iterations=2, keep=3))
