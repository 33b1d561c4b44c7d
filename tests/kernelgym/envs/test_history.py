"""What stays in the chat: the newest turn in full, of older ones what can still be used; numbers are always right."""

import pytest

from kernelgym.chat import Role
from kernelgym.envs import Episode, Rules, estimate_tokens
from kernelgym.envs.scaling import Scaling, Select
from kernelgym.problems import get_problem
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
