"""How diversity is measured, and what it makes of the temperature."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgym.errors import BadUsage
from policies.diversity import DiversityTemperature, TemperatureState, diversity

ANSWERS = st.lists(st.lists(st.integers(0, 2), max_size=8), max_size=6)
RULE = DiversityTemperature(stage=4, settle=2, step=0.2, tolerance=0.1)


def after(rule, state, *measured):
    for value in measured:
        state = rule.after(state, value)
    return state


def test_answers_that_are_all_alike_have_none():
    assert diversity([[1, 2, 3, 4, 5]] * 7) == 0.0


def test_answers_without_a_common_n_gram_have_all_of_it():
    assert diversity([[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [1, 3, 5, 2, 4]]) == 1.0


def test_it_is_the_share_of_n_grams_that_another_answer_lacks():
    assert diversity([[1, 2, 3], [1, 2, 4]], n=2) == 0.5
    assert diversity([[1, 2, 3], [1, 2, 3], [1, 2, 4]], n=2) == pytest.approx((0.25 + 0.25 + 0.5) / 3)


def test_short_answers_are_taken_whole():
    assert diversity([[1], [1]]) == 0.0
    assert diversity([[1], [2]]) == 1.0


@pytest.mark.parametrize("answers", [[], [[1, 2, 3, 4]], [[1, 2, 3, 4], []]])
def test_fewer_than_two_answers_tell_nothing(answers):
    assert diversity(answers) is None


@settings(max_examples=150, deadline=None)
@given(ANSWERS, st.integers(1, 4))
def test_it_is_the_mean_over_all_pairs(answers, n):
    grams = [
        {tuple(answer[i : i + n]) for i in range(len(answer) - n + 1)} or {tuple(answer)}
        for answer in answers
        if answer
    ]
    pairs = [1 - len(one & other) / len(one) for i, one in enumerate(grams) for j, other in enumerate(grams) if i != j]
    expected = sum(pairs) / len(pairs) if pairs else None
    assert diversity(answers, n) == (None if expected is None else pytest.approx(expected, abs=1e-12))


def test_it_does_not_grow_with_the_number_of_answers():
    draw = random.Random(0)

    def mean(size):
        groups = [[[draw.randrange(6) for _ in range(20)] for _ in range(size)] for _ in range(8_000 // size)]
        return sum(diversity(group, 2) for group in groups) / len(groups)

    assert mean(2) == pytest.approx(mean(12), abs=0.01)


def test_the_temperature_is_held_for_a_stage():
    state = RULE.start(1.0)
    for value in (0.8, 0.7, 0.1):
        state = RULE.after(state, value)
        assert state.temperature == 1.0


def test_the_first_stage_says_what_is_to_be_kept():
    state = after(RULE, RULE.start(1.0), 0.6, 0.8, 0.6, 0.8)
    assert (state.temperature, state.target) == (1.0, pytest.approx(0.7))


def test_diversity_that_sinks_raises_the_temperature_by_one_step_and_too_much_lowers_it():
    start = after(RULE, RULE.start(1.0), *[0.7] * 4)
    assert after(RULE, start, *[0.5] * 4).temperature == 1.2
    assert after(RULE, start, *[0.9] * 4).temperature == 0.8
    assert after(RULE, start, *[0.65] * 4).temperature == 1.0
    assert after(RULE, start, *[0.75] * 4).temperature == 1.0


def test_a_target_may_be_given():
    rule = DiversityTemperature(stage=1, settle=0, target=0.7)
    assert after(rule, rule.start(1.0), 0.5).temperature == 1.1


def test_batches_after_a_change_settle_unmeasured():
    state = after(RULE, RULE.start(1.0), *[0.7] * 4, *[0.5] * 4)
    assert state.temperature == 1.2
    assert after(RULE, state, 0.0, 0.0, 0.7, 0.7).temperature == 1.2
    assert after(RULE, state, 0.0, 0.0, 0.5, 0.5).temperature == 1.4


def test_batches_that_tell_nothing_pass_and_a_stage_waits_for_one_that_does():
    start = after(RULE, RULE.start(1.0), *[0.7] * 4)
    assert after(RULE, start, None, 0.5, None, None).temperature == 1.2
    waiting = after(RULE, start, *[None] * 9)
    assert waiting.temperature == 1.0
    assert after(RULE, waiting, 0.5).temperature == 1.2


def test_answers_that_are_all_alike_from_the_start_raise_it_and_are_no_target():
    state = after(RULE, RULE.start(1.0), *[0.0] * 4)
    assert (state.temperature, state.target) == (1.2, None)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=80), st.floats(0.6, 1.8))
def test_it_stays_within_its_bounds_and_moves_a_step_at_most(measured, first):
    rule = DiversityTemperature(stage=3, settle=1, step=0.25)
    state = rule.start(first)
    for value in measured:
        before, state = state, rule.after(state, value)
        assert 0.6 <= state.temperature <= 1.8
        assert abs(state.temperature - before.temperature) <= 0.25 + 1e-5


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=30), st.lists(st.floats(0, 1), max_size=30))
def test_a_restored_state_goes_on_as_if_never_interrupted(before, later):
    state = after(RULE, RULE.start(1.0), *before)
    restored = TemperatureState.restored(json.loads(json.dumps(state.state())))
    assert after(RULE, restored, *later) == after(RULE, state, *later)


def test_something_else_is_no_state():
    with pytest.raises(BadUsage, match="no state of a temperature"):
        TemperatureState.restored({"warmth": 1.0})


@pytest.mark.parametrize(
    "options",
    [
        {"target": 0.0},
        {"target": 2.0},
        {"tolerance": -0.1},
        {"step": 0.0},
        {"stage": 0},
        {"settle": 20},
        {"least": 0.0},
        {"least": 2.0},
        {"greatest": float("inf")},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadUsage):
        DiversityTemperature(**options)


def test_a_start_outside_the_bounds_is_refused():
    with pytest.raises(BadUsage, match=r"not within 0.6 to 1.8"):
        DiversityTemperature().start(2.0)
