"""The space of texts is small to hold and holds every text."""

import copy
import pickle

import pytest
from gymnasium.spaces import Tuple
from gymnasium.vector.utils import batch_space

from kernelgym.envs import UnicodeText
from kernelgym.errors import BadUsage


@pytest.mark.parametrize("text", ["", "λ", "\0", "\ud800", "\U0001f600" * 5, "a\nb"])
def test_any_text_up_to_the_length_is_inside(text: str) -> None:
    assert text in UnicodeText(5)


def test_longer_texts_and_other_things_are_outside() -> None:
    space = UnicodeText(5)
    assert all(thing not in space for thing in ("123456", b"abc", None, 3, ["a"]))


def test_samples_follow_the_seed_and_are_inside() -> None:
    first, second = UnicodeText(10**6, seed=4), UnicodeText(10**6, seed=4)
    samples = [first.sample() for _ in range(20)]
    assert samples == [second.sample() for _ in range(20)]
    assert all(text in first and text.isascii() for text in samples)
    assert len(UnicodeText(1, seed=1).sample()) <= 1
    assert len({UnicodeText(3).sample() for _ in range(20)}) > 1


def test_it_is_cheap_to_copy_and_to_show() -> None:
    space = UnicodeText(2**24, seed=1)
    assert repr(space) == "UnicodeText(16777216)"
    assert len(pickle.dumps(space)) < 2000
    assert copy.deepcopy(space) == space == pickle.loads(pickle.dumps(space))  # noqa: S301 - our own bytes
    assert len({space, UnicodeText(2**24), UnicodeText(3)}) == 2
    assert space.from_jsonable(space.to_jsonable(["a", "λ"])) == ["a", "λ"]
    assert not space.is_np_flattenable


def test_a_batch_of_them_is_a_tuple_of_independent_spaces() -> None:
    batch = batch_space(UnicodeText(100, seed=3), 3)
    assert isinstance(batch, Tuple)
    assert batch.sample() in batch
    assert len(set(batch.sample())) > 1


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(BadUsage):
        UnicodeText(0)
    with pytest.raises(BadUsage):
        UnicodeText(3).sample(mask=(1, None))
