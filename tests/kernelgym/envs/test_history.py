"""What stays in the chat: the newest turn in full, of older ones what can still be used; numbers are always right."""

from itertools import pairwise

import pytest

from kernelgym.chat import Role
from kernelgym.envs import Episode, Options, Rules, estimate_tokens
from kernelgym.envs.scaling import Scaling, Select
from kernelgym.errors import BadUsage
from kernelgym.problems import get_problem
from kernelgym.settings import Settings
from tests.kernelgym.envs.script import Scripted, completion, described

REASONING = "I think about it for a while.\n\n"


def played(*words: str, **rules: object) -> Episode:
    problem = get_problem("core/softmax")
    episode = Episode(problem, described(problem), Rules(**rules))  # type: ignore[arg-type]
    for word in words:
        episode.play(REASONING + completion(word), Scripted())
    return episode


def test_the_newest_turn_is_shown_in_full() -> None:
    episode = played("incorrect", "slow")
    *_, written, told = episode.chat
    assert (written.role, told.role) == (Role.ASSISTANT, Role.USER)
    assert written.content == REASONING + completion("slow")
    assert told.content == episode.turns[-1].observation


def test_of_older_turns_the_code_the_verdict_and_the_lesson_stay() -> None:
    episode = played("compile_error", "slow", "hack", "fast", max_turns=6)
    said = [message.content for message in episode.chat]
    assert said[0] == episode.prompt
    assert said[1] == "```python\nclass ModelNew:  # compile_error\n    pass\n```"
    assert said[2] == "Turn 1 of 6: compile_error - does not compile\nname `tl` is not defined (line 23)"
    assert said[4].startswith(
        "Turn 2 of 6: ok - 0.5× as fast as the reference (modelled for NVIDIA H200 SXM)\nWhat lim"
    )
    assert said[6].startswith(
        "Turn 3 of 6: hack - a rule is broken, so nothing is paid\nRule `no_live_launch` is broken"
    )
    assert all(text.count("\n") <= 3 for text in said[1:7])
    assert REASONING not in "".join(said[1:7])
    assert sum(map(estimate_tokens, said[1:7])) < 250


def test_drkernel_keeps_everything() -> None:
    episode = played("compile_error", "slow", "fast", style="drkernel")
    said = [message.content for message in episode.chat]
    full = [text for turn in episode.turns for text in (turn.completion.strip("\n"), turn.observation)]
    assert [text.strip("\n") for text in said[1:]] == full


def test_in_full_the_chat_only_grows_and_says_everything_as_it_was_first_said() -> None:
    words = ("compile_error", "slow", "infrastructure", "fast", "incorrect")
    chats = [played(*words[:turns], history="full", max_turns=6).chat for turns in range(len(words) + 1)]
    for before, after in pairwise(chats):
        assert after[: len(before)] == before
        assert len(after) == len(before) + 2
    said = [message.content for message in chats[-1]]
    episode = played(*words, history="full", max_turns=6)
    assert said[0] == episode.prompt
    assert said[1::2] == [REASONING + completion(word) for word in words]
    assert said[2::2] == [turn.observation for turn in episode.turns]


def test_in_full_a_bare_submit_changes_nothing() -> None:
    episode = played("slow", history="full")
    before = episode.chat
    episode.play("SUBMIT", Scripted())
    assert episode.chat == before


def test_the_whole_history_does_not_go_with_test_time_scaling() -> None:
    with pytest.raises(BadUsage, match="history is 'full', but test-time scaling"):
        Rules(history="full", scaling=Scaling(iterations=2, keep=1))
    with pytest.raises(BadUsage, match="history is 'full', but"):
        Options(history="full", iterations=2).rules(Settings())
    assert Options(history="full").rules(Settings()).history == "full"


def test_a_history_that_there_is_not_is_named() -> None:
    with pytest.raises(BadUsage, match="'fulll'; did you mean 'full'"):
        Rules(history="fulll")
    with pytest.raises(BadUsage, match="history is 1; give a text"):
        Options(history=1)  # type: ignore[arg-type]


def test_an_older_completion_without_code_is_shown_by_its_begin() -> None:
    problem = get_problem("core/softmax")
    episode = Episode(problem, described(problem), Rules())
    episode.play("I don't know. " * 1000, Scripted())
    episode.play(completion("slow"), Scripted())
    assert episode.chat[1].content.startswith("I don't know.")
    assert len(episode.chat[1].content) <= 400


def test_a_chat_is_the_same_each_time_it_is_read() -> None:
    episode = played("incorrect", "slow", "fast")
    assert episode.chat == episode.chat == played("incorrect", "slow", "fast").chat


def test_code_with_braces_and_fences_stays_as_it_is() -> None:
    problem = get_problem("core/softmax")
    episode = Episode(problem, described(problem), Rules())
    code = 'class ModelNew:  # slow\n    text = "{{ 7 * 7 }} {% raw %} ```"'
    episode.play(f"````python\n{code}\n````", Scripted())
    episode.play(completion("fast"), Scripted())
    assert code in episode.chat[1].content
    assert episode.chat[1].content.startswith("````python\n")


@pytest.mark.parametrize("select", list(Select))
def test_with_scaling_the_last_message_tells_how_many_turns_are_left(select: Select) -> None:
    scaling = Scaling(iterations=4, keep=1, select=select)
    episode = played("fast", "slow", "incorrect", max_turns=3, scaling=scaling)
    task, written, told = episode.chat
    kept = 3 if select is Select.LAST else 1
    assert "You have 9 turns" in task.content
    assert told.content.startswith(f"Turn {kept} of 9: ")
    assert told.content.splitlines()[-1].startswith("6 turns are left. ")
    assert written.content == episode.turns[kept - 1].completion
    if select is Select.LAST:
        assert "Best so far: turn 1, 4.00× (not shown any more)." in told.content
    else:
        assert "Best so far" not in told.content or "Go on from that one" in told.content


def test_with_scaling_that_keeps_nothing_the_task_tells_how_many_turns_are_used_up() -> None:
    scaling = Scaling(iterations=3, keep=0)
    episode = played("fast", "slow", max_turns=2, scaling=scaling)
    (task,) = episode.chat
    assert "You have 6 turns, 2 of them used up" in task.content
    assert "used up;" not in episode.prompt
    assert (
        played("fast", max_turns=2, scaling=scaling).chat[-1].content.splitlines()[-1].startswith("5 turns are left.")
    )


def test_submitting_with_code_ends_with_words_that_say_so() -> None:
    problem = get_problem("core/softmax")
    episode = Episode(problem, described(problem), Rules())
    turn = episode.play(completion("slow") + "\nSUBMIT", Scripted())
    assert turn is not None
    assert turn.observation.endswith("The episode is over: the best candidate so far is submitted.")
