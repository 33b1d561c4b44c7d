"""The climb finds the top of a hill, steps back from what fails, and repeats nothing."""

from collections.abc import Callable
from math import log2
from random import Random

import pytest

from policies.search.climbing import Climber
from policies.search.knobs import Knob, Setting
from policies.search.places import Kind

LIMITS = ((1, 1024), (1, 1024), (1, 1024))


def knob(*places: int) -> Knob:
    return Knob(name="k", kind=Kind.TILE, places=places, limits=tuple(LIMITS[place] for place in places))


KNOBS = (knob(0, 1, 2), knob(0), knob(1), knob(2))


def hill(*top: int) -> Callable[[Setting], float | None]:
    """Scores fall with the number of doublings that separate a setting from the top."""
    return lambda setting: 2.0 ** -sum(abs(log2(a) - log2(b)) for a, b in zip(setting, top, strict=True))


def climb(
    score: Callable[[Setting], float | None],
    turns: int,
    seed: int = 0,
    too_large: Callable[[Setting], bool] = lambda _: False,
) -> tuple[Climber, list[Setting]]:
    climber, asked = Climber((32, 32, 1), KNOBS, Random(seed)), list[Setting]()
    while len(asked) < turns and (setting := climber.ask()) is not None:
        asked.append(setting)
        climber.tell(setting, None if too_large(setting) else score(setting), too_large=too_large(setting))
    return climber, asked


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("top", [(256, 64, 8), (32, 32, 1), (1, 1024, 1), (512, 512, 16)])
def test_the_top_of_a_smooth_hill_is_found(top: Setting, seed: int) -> None:
    climber, _ = climb(hill(*top), 60, seed)
    assert climber.best == top
    assert climber.best_score == 1.0


def test_the_start_is_asked_first_and_nothing_twice_until_nothing_is_left() -> None:
    small = Climber((1,), (Knob(name="k", kind=Kind.TILE, places=(0,), limits=((1, 8),)),), Random(0))
    asked = []
    while (setting := small.ask()) is not None:
        asked.append(setting)
        small.tell(setting, 1.0)
    assert asked[0] == (1,)
    assert sorted(asked) == [(1,), (2,), (4,), (8,)]


@pytest.mark.parametrize("seed", range(5))
def test_no_setting_is_tried_twice_and_the_seed_decides_the_order(seed: int) -> None:
    _, asked = climb(hill(256, 1, 1), 60, seed)
    assert len(set(asked)) == len(asked) == 60
    assert climb(hill(256, 1, 1), 60, seed)[1] == asked
    assert climb(hill(256, 1, 1), 60, seed + 1)[1] != asked


@pytest.mark.parametrize("seed", range(5))
def test_what_is_too_large_rules_out_all_that_is_nowhere_smaller(seed: int) -> None:
    climber, asked = climb(hill(1024, 1024, 1024), 80, seed, lambda setting: setting[0] * setting[1] > 128 * 128)
    failed: list[Setting] = []
    for setting in asked:
        assert not any(all(a >= b for a, b in zip(setting, large, strict=True)) for large in failed)
        if setting[0] * setting[1] > 128 * 128:
            failed.append(setting)
    assert failed
    assert climber.best[0] * climber.best[1] == 128 * 128
    assert climber.best[2] == 1024


def test_a_start_that_is_too_large_is_made_smaller() -> None:
    climber, asked = climb(hill(1, 1, 1), 30, 0, lambda setting: setting[0] > 16)
    assert asked[0] == (32, 32, 1)
    assert climber.best_score == 1.0


def test_a_start_that_fails_is_left_for_anything_that_works() -> None:
    climber, _ = climb(lambda setting: None if setting == (32, 32, 1) else 0.1, 5)
    assert climber.best_score == 0.1


def test_noise_is_no_gain() -> None:
    climber, asked = climb(lambda setting: 1.0 + 0.004 * (setting[0] > 32), 30)
    assert climber.best == (32, 32, 1)
    assert len(asked) == 30


def test_without_knobs_there_is_only_the_start() -> None:
    climber = Climber((), (), Random(0))
    assert climber.ask() == ()
    climber.tell((), 1.0)
    assert climber.ask() is None


def test_a_valley_is_left_by_a_kick() -> None:
    far = (128, 16, 2)
    climber, asked = climb(lambda setting: 5.0 if setting == far else float(setting == (32, 32, 1)), 500)
    assert far in asked
    assert climber.best == far
