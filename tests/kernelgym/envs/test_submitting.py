"""An agent ends an episode by saying so, and not by accident."""

import pytest

from kernelgym.envs import Episode, Rules
from kernelgym.envs.submitting import submits
from kernelgym.problems import get_problem
from tests.kernelgym.envs.script import Scripted, completion, described


@pytest.mark.parametrize(
    "text", ["SUBMIT", "done.\nSUBMIT\n\n", "**SUBMIT**", "`SUBMIT`", "<SUBMIT>", "code\n```\n# SUBMIT", "SUBMIT.\r\n"]
)
def test_a_last_line_that_says_nothing_else_submits(text: str) -> None:
    assert submits(text)


@pytest.mark.parametrize(
    "text", ["", "\n", "submit", "I SUBMIT", "SUBMIT\nor not", "SUBMITTED", "RESUBMIT", "SUBMIT it", "\ud800", "\0"]
)
def test_anything_else_does_not(text: str) -> None:
    assert not submits(text)


def begin(**rules: object) -> Episode:
    problem = get_problem("core/softmax")
    return Episode(problem, described(problem), Rules(**rules))  # type: ignore[arg-type]


def test_code_that_is_submitted_is_judged_first() -> None:
    episode = begin(max_turns=5)
    turn = episode.play(completion("slow") + "\nSUBMIT", Scripted())
    assert turn is not None
    assert turn.report.speedup == 0.5
    assert (episode.submitted, episode.terminated, episode.truncated) == (True, True, False)


def test_the_word_alone_submits_what_was_sent_before_and_is_no_turn() -> None:
    episode = begin(max_turns=5)
    episode.play(completion("slow"), Scripted())
    assert episode.play("That is all.\n\nSUBMIT", Scripted()) is None
    assert (episode.submitted, episode.terminated, len(episode.turns)) == (True, True, 1)


def test_the_word_alone_before_anything_was_sent_is_a_turn_without_code() -> None:
    episode = begin(max_turns=5)
    turn = episode.play("SUBMIT", Scripted())
    assert turn is not None
    assert turn.report.outcome == "no_code"
    assert not episode.done


def test_a_lost_turn_does_not_submit() -> None:
    episode = begin(max_turns=5)
    episode.play(completion("infrastructure") + "\nSUBMIT", Scripted())
    assert not episode.done


def test_where_it_is_not_allowed_the_word_means_nothing() -> None:
    episode = begin(max_turns=2, allow_submit=False)
    assert "SUBMIT" not in episode.prompt
    episode.play(completion("slow") + "\nSUBMIT", Scripted())
    turn = episode.play("SUBMIT", Scripted())
    assert turn is not None
    assert (episode.submitted, episode.terminated, len(episode.turns)) == (False, True, 2)
