"""The policy that plays the demo's corpus."""

import pytest

from kernelgym.chat import Message, Role
from kernelgym.errors import BadUsage
from kernelgym.problems import get_problem
from policies.training.demo.sketches import SKETCHES
from policies.training.demo.teacher import TUNED, TeacherPlayer, TeacherPolicy

TASK = Message(role=Role.USER, content="task")


def chat(verdict: str) -> list[Message]:
    told = Message(role=Role.USER, content=f"Turn 1 of 2: {verdict}")
    return [TASK, Message(role=Role.ASSISTANT, content="..."), told]


def begin(seed: int) -> TeacherPlayer:
    return TeacherPolicy().begin(get_problem("core/softmax"), seed)


def wrong(player: TeacherPlayer) -> int:
    sketch = SKETCHES["core/softmax"]
    return sum(player._filling[key] >= hole.right for key, hole in sketch.holes.items())


def test_the_same_seed_and_chat_give_the_same_programs() -> None:
    one, other = begin(3), begin(3)
    assert one.act([TASK]) == other.act([TASK])
    assert one.act(chat("incorrect - wrong result")) == other.act(chat("incorrect - wrong result"))


def test_failures_are_mended_and_never_made_worse() -> None:
    mended = 0
    for seed in range(100):
        player = begin(seed)
        player.act([TASK])
        before = wrong(player)
        player.act(chat("incorrect - wrong result"))
        assert wrong(player) <= before
        mended += before - wrong(player)
    assert mended > 50


def test_after_a_success_only_launch_parameters_change() -> None:
    for seed in range(30):
        player = begin(seed)
        player.act([TASK])
        before = dict(player._filling)
        player.act(chat("ok - 1.02× as fast as the reference"))
        assert {key for key in before if before[key] != player._filling[key]} <= set(TUNED)


def test_problems_without_a_sketch_are_refused_by_name() -> None:
    with pytest.raises(BadUsage, match="no sketch of core/matmul"):
        TeacherPolicy().begin(get_problem("core/matmul"), 0)
