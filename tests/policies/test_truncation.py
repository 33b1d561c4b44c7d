"""Which turns that were cut off are masked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgym.errors import BadUsage
from policies.truncation import Truncated, TruncationRule, TurnEnd, repeats

LONG = tuple(range(600))


def end(tokens=LONG, *, cut_off=True, incorrect=False):
    return TurnEnd(tokens=tokens, cut_off=cut_off, incorrect=incorrect)


def masked(*turns, mode=Truncated.CONDITIONAL, share=1.0, prompt="p", rollout=0, step=0, **options):
    rule = TruncationRule(mode=mode, share=share, **options)
    return rule.masked(turns, step=step, prompt=prompt, rollout=rollout)


def test_by_default_nothing_is_masked():
    assert TruncationRule().masked([end()], step=0, prompt="p", rollout=0) == (False,)


def test_all_that_was_cut_off_is_masked_if_so_asked():
    assert masked(end(), end(cut_off=False), end(incorrect=True), end((7,) * 600), mode=Truncated.MASK) == (
        True,
        False,
        True,
        True,
    )


def test_what_was_cut_off_is_masked_unless_it_is_wrong_or_repeats_itself():
    turns = (end(), end(incorrect=True), end((7,) * 600), end(LONG[:10]), end(cut_off=False))
    assert masked(*turns) == (True, False, False, True, False)


def test_a_share_of_them_is_masked():
    drawn = [masked(end(), share=0.3, rollout=rollout)[0] for rollout in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(0.3, abs=4.5 * (0.21 / 20_000) ** 0.5)
    assert not any(masked(end(), share=0.0, rollout=rollout)[0] for rollout in range(100))


def test_draws_depend_on_place_and_seed_and_on_nothing_else():
    turns = [end()] * 20
    first = masked(*turns, share=0.5)
    assert masked(*turns[:7], share=0.5) == first[:7]
    assert masked(*turns, share=0.5) == first
    for other in ({"seed": 1}, {"step": 1}, {"prompt": "q"}, {"rollout": 1}):
        assert masked(*turns, share=0.5, **other) != first


@pytest.mark.parametrize("period", [1, 2, 50, 127, 128])
def test_a_loop_of_up_to_the_window_is_a_repetition(period):
    loop = [place % period for place in range(400)]
    assert repeats(list(range(1000, 1200)) + loop, 128)
    assert repeats(loop[:256], 128)


def test_a_loop_longer_than_the_window_is_none():
    assert not repeats([place % 129 for place in range(400)], 128)


def test_a_loop_that_stopped_is_none():
    assert not repeats([7] * 400 + [8], 128)
    assert not repeats([7] * 300 + list(range(130)), 128)


def test_an_answer_shorter_than_two_windows_is_none():
    assert not repeats([7] * 255, 128)
    assert not repeats([], 1)
    assert repeats([7, 7], 1)


def test_the_published_comparison_sees_periods_that_divide_the_window_only():
    for period, seen in ((1, True), (64, True), (128, True), (50, False)):
        assert repeats([place % period for place in range(400)], 128, any_period=False) is seen


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 1), max_size=20), st.integers(1, 8))
def test_repetition_is_what_its_definition_says(tokens, window):
    tail = tokens[-2 * window :]
    periodic = any(
        all(tail[place] == tail[place - period] for place in range(period, len(tail)))
        for period in range(1, window + 1)
    )
    assert repeats(tokens, window) is (len(tokens) >= 2 * window and periodic)
    assert repeats(tokens, window, any_period=False) is (
        len(tokens) >= 2 * window and tokens[-window:] == tokens[-2 * window : -window]
    )


@pytest.mark.parametrize("options", [{"share": 1.5}, {"share": float("nan")}, {"window": 0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadUsage, match=next(iter(options))):
        TruncationRule(**options)
