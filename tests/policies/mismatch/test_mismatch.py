"""Which tokens are rejected, what the others weigh, and what is told of it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgym.errors import BadUsage
from policies.mismatch import Level, RejectionBand, keep_mask, mismatch_metrics, truncated_weights
from policies.mismatch.metrics import METRICS
from tests.policies.mismatch.naive import naive_kept, naive_weights

NAN = float("nan")
WIDE = RejectionBand(lower=1e-300, upper=1e300)


def tensors(ratios, mask=None, turns=None, sampling=-1.0):
    """Returns the four arguments for these log-ratios, of one turn per row unless turns are given."""
    ratios = torch.tensor(ratios, dtype=torch.float64)
    mask = torch.ones_like(ratios, dtype=torch.bool) if mask is None else torch.tensor(mask).bool()
    turns = torch.zeros_like(ratios, dtype=torch.long) if turns is None else torch.tensor(turns)
    return torch.full_like(ratios, sampling) + ratios, torch.full_like(ratios, sampling), mask, turns


@st.composite
def batches(draw):
    rows, length, turns = draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(st.integers(1, 3))
    step = st.one_of(st.just(0.0), st.floats(-0.004, 0.004), st.floats(-25, 25))

    def table(values):
        return [draw(st.lists(values, min_size=length, max_size=length)) for _ in range(rows)]

    sampling = table(st.one_of(st.floats(-5, -0.01), st.just(NAN)))
    moves = table(step)
    train = [
        [(-1.0 if math.isnan(old) else old) + move for old, move in zip(*pair, strict=True)]
        for pair in zip(sampling, moves, strict=True)
    ]
    mask = table(st.booleans())
    ids = [
        [turn if flag else -1 for turn, flag in zip(*pair, strict=True)]
        for pair in zip(table(st.integers(0, turns - 1)), mask, strict=True)
    ]
    return train, sampling, mask, ids


@st.composite
def bands(draw):
    return RejectionBand(
        lower=draw(st.sampled_from([0.999, 0.5])),
        upper=draw(st.sampled_from([1.001, 2.0])),
        level=draw(st.sampled_from([Level.TURN, Level.EPISODE])),
        veto=draw(st.sampled_from([None, 1e-4, 0.9])),
        veto_level=draw(st.sampled_from([Level.TURN, Level.EPISODE])),
    )


def as_tensors(batch):
    return tuple(torch.tensor(part, dtype=torch.float64) for part in batch[:2]) + tuple(
        torch.tensor(p) for p in batch[2:]
    )


@settings(max_examples=200, deadline=None)
@given(batches(), bands())
def test_every_token_is_kept_as_by_the_definition(batch, band):
    assert keep_mask(*as_tensors(batch), band).tolist() == naive_kept(*batch, band)


@settings(max_examples=150, deadline=None)
@given(batches(), st.sampled_from(Level), st.sampled_from([1.0, 2.0]), st.sampled_from([None, 0.0, 0.5]))
def test_every_weight_is_that_of_the_definition(batch, level, upper, lower):
    expected = torch.tensor(naive_weights(*batch, level, upper, lower), dtype=torch.float32)
    torch.testing.assert_close(
        truncated_weights(*as_tensors(batch), level, upper, lower), expected, rtol=1e-5, atol=1e-9
    )


@settings(max_examples=100, deadline=None)
@given(batches(), bands(), st.sampled_from([NAN, float("inf"), 1e30]))
def test_what_stands_outside_the_mask_changes_nothing(batch, band, garbage):
    train, sampling, mask, turns = as_tensors(batch)
    others = (train.where(mask, garbage), sampling.where(mask, garbage), mask, turns.where(mask, -7))
    kept = keep_mask(train, sampling, mask, turns, band)
    assert torch.equal(kept, keep_mask(*others, band))
    assert torch.equal(truncated_weights(train, sampling, mask, turns), truncated_weights(*others))
    assert mismatch_metrics(train, sampling, mask, turns, kept, band) == mismatch_metrics(*others, kept, band)


@settings(max_examples=100, deadline=None)
@given(batches(), bands())
def test_episodes_do_not_judge_one_another(batch, band):
    together = keep_mask(*as_tensors(batch), band)
    for row in range(len(together)):
        alone = keep_mask(*(part[row : row + 1] for part in as_tensors(batch)), band)
        assert torch.equal(together[row : row + 1], alone)


def test_the_band_is_a_tenth_of_a_percent_of_the_mean_ratio():
    inside, outside = 0.0009995, 0.0009996  # log 1.001 = 0.00099950
    assert keep_mask(*tensors([[inside], [outside], [-0.0010005], [-0.0010006]]), RejectionBand()).tolist() == [
        [True],
        [False],
        [True],
        [False],
    ]


def test_deviations_of_an_episode_cancel_over_all_its_turns_but_not_over_one():
    arguments = tensors([[0.01, 0.01, -0.01, -0.01]], turns=[[0, 0, 1, 1]])
    assert keep_mask(*arguments, RejectionBand()).all()
    assert not keep_mask(*arguments, RejectionBand(level=Level.TURN)).any()


def test_one_turn_far_off_takes_the_whole_episode_or_only_itself():
    arguments = tensors([[0.1, 0.0, 0.0]], turns=[[0, 1, 1]])
    assert keep_mask(*arguments, RejectionBand()).tolist() == [[False, False, False]]
    assert keep_mask(*arguments, RejectionBand(level=Level.TURN)).tolist() == [[False, True, True]]


def test_an_impossible_token_takes_its_turn_or_its_episode():
    arguments = tensors([[-9.3, 9.3, 0.0]], turns=[[0, 0, 1]])  # log 1e-4 = -9.21; the mean is in the band
    assert keep_mask(*arguments, RejectionBand()).tolist() == [[False, False, True]]
    assert not keep_mask(*arguments, RejectionBand(veto_level=Level.EPISODE)).any()
    assert keep_mask(*arguments, RejectionBand(veto=None)).all()
    assert keep_mask(*tensors([[-9.2, 9.2]]), RejectionBand()).all()


def test_a_log_probability_that_sampling_could_not_tell_is_no_difference():
    train, sampling, mask, turns = tensors([[0.0, 5.0], [0.5, 0.0]])
    sampling[0, 1] = sampling[1, 0] = NAN
    assert keep_mask(train, sampling, mask, turns, RejectionBand()).all()
    assert truncated_weights(train, sampling, mask, turns).tolist() == [[1, 1], [1, 1]]
    metrics = mismatch_metrics(train, sampling, mask, turns, mask, RejectionBand())
    assert (metrics["unknown_tokens"], metrics["kl"], metrics["perplexity_ratio"]) == (0.5, 0.0, 1.0)


def test_one_that_training_could_not_tell_is_in_no_band():
    train, sampling, mask, turns = tensors([[0.0, 0.0], [0.0, 0.0]])
    train[0, 1] = NAN
    assert keep_mask(train, sampling, mask, turns, RejectionBand()).tolist() == [[False, False], [True, True]]


def test_infinite_ratios_are_rejected_and_weigh_what_the_clamp_says():
    train, sampling, mask, turns = tensors([[0.0], [0.0]])
    train[0, 0], sampling[1, 0] = -float("inf"), -float("inf")
    assert not keep_mask(train, sampling, mask, turns, WIDE).any(1)[0]
    assert truncated_weights(train, sampling, mask, turns, upper=1e12).flatten().tolist() == pytest.approx(
        [math.exp(-20), math.exp(20)]
    )


@pytest.mark.parametrize("level", [Level.TURN, Level.EPISODE])
def test_a_row_or_a_batch_without_tokens_is_no_fault(level):
    band = RejectionBand(level=level)
    row = tensors([[0.0, 0.0], [9.0, 9.0]], mask=[[1, 1], [0, 0]], turns=[[0, 1], [-1, -1]])
    assert keep_mask(*row, band).tolist() == [[True, True], [False, False]]
    metrics = mismatch_metrics(*row, keep_mask(*row, band), band)
    assert (metrics["kl"], metrics["masked_episodes"], metrics["ratio_max"]) == (0.0, 0.0, 1.0)
    none = tensors([[1.0], [2.0]], mask=[[0], [0]])
    assert not keep_mask(*none, band).any()
    assert truncated_weights(*none, level).tolist() == [[0.0], [0.0]]
    assert mismatch_metrics(*none, keep_mask(*none, band), band) == dict.fromkeys(METRICS, 0.0)
    empty = tensors([[], []])
    assert keep_mask(*empty, band).shape == (2, 0)


def test_weights_are_cut_from_above_and_of_products_if_so_asked():
    arguments = tensors([[math.log(1.5), math.log(1.2), math.log(0.5)]], turns=[[0, 0, 1]])
    assert truncated_weights(*arguments).tolist() == [pytest.approx([1.5, 1.2, 0.5])]
    assert truncated_weights(*arguments, upper=1.3).tolist() == [pytest.approx([1.3, 1.2, 0.5])]
    assert truncated_weights(*arguments, lower=0.8).tolist() == [pytest.approx([1.5, 1.2, 0.8])]
    assert truncated_weights(*arguments, Level.TURN).tolist() == [pytest.approx([1.8, 1.8, 0.5])]
    assert truncated_weights(*arguments, Level.EPISODE).tolist() == [pytest.approx([0.9, 0.9, 0.9])]


def test_no_gradient_flows_through_weights_and_masks():
    train, sampling, mask, turns = tensors([[0.1, 0.2]])
    train.requires_grad_()
    assert not truncated_weights(train, sampling, mask, turns).requires_grad
    assert not keep_mask(train, sampling, mask, turns, RejectionBand()).requires_grad
    assert mismatch_metrics(train, sampling, mask, turns, mask, RejectionBand())["kl"] == pytest.approx(-0.15)


def test_the_metrics_are_those_of_their_formulas():
    d = [[0.3, -0.1, 0.2], [0.0, -10.0, 0.4]]
    mask, turns = [[1, 1, 1], [1, 1, 0]], [[0, 0, 1], [0, 1, -1]]
    arguments = tensors(d, mask, turns, sampling=-0.5)
    band = RejectionBand(lower=0.9, upper=1.12, level=Level.TURN)
    kept = keep_mask(*arguments, band)
    assert kept.tolist() == [[True, True, False], [True, False, False]]
    tokens = [0.3, -0.1, 0.2, 0.0, -10.0]
    weights = [math.exp(x) for x in tokens]
    turn_means = [0.1, 0.2, 0.0, -10.0]
    nll = [0.5 - 0.4 / 3, 0.5 + 5.0]
    expected = {
        "kl": 9.6 / 5,
        "k3": sum(w - x - 1 for w, x in zip(weights, tokens, strict=True)) / 5,
        "train_perplexity": (math.exp(nll[0]) + math.exp(nll[1])) / 2,
        "sampling_perplexity": math.exp(0.5),
        "log_perplexity_difference": (5.0 - 0.4 / 3) / 2,
        "perplexity_ratio": (math.exp(-0.4 / 3) + math.exp(5.0)) / 2,
        "chi_square_token": sum(w * w for w in weights) / 5 - 1,
        "chi_square_episode": (math.exp(0.8) + math.exp(-20.0)) / 2 - 1,
        "weight_mean": sum(weights) / 5,
        "weight_min": math.exp(-10),
        "weight_max": math.exp(0.3),
        "ratio_mean": sum(math.exp(x) for x in turn_means) / 4,
        "ratio_min": math.exp(-10),
        "ratio_max": math.exp(0.2),
        "outside_band": 0.5,
        "vetoed": 0.25,
        "masked_tokens": 0.4,
        "masked_episodes": 0.0,
        "catastrophic_tokens": 0.2,
        "unknown_tokens": 0.0,
    }
    assert mismatch_metrics(*arguments, kept, band) == pytest.approx(expected, rel=1e-9)
    assert tuple(expected) == METRICS


def test_without_a_veto_nothing_is_vetoed_but_catastrophic_tokens_are_told():
    arguments = tensors([[0.0, -10.0]])
    metrics = mismatch_metrics(*arguments, arguments[2], RejectionBand(veto=None))
    assert (metrics["vetoed"], metrics["catastrophic_tokens"]) == (0.0, 0.5)


def test_the_divergences_are_those_of_two_distributions():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 12, generator=generator, dtype=torch.float64) * 0.3
    sampling, train = logits.log_softmax(1)
    drawn = torch.multinomial(sampling.exp(), 200_000, replacement=True, generator=generator)[None]
    mask, turns = torch.ones_like(drawn, dtype=torch.bool), torch.zeros_like(drawn)
    metrics = mismatch_metrics(train[drawn], sampling[drawn], mask, turns, mask, RejectionBand())
    exact = float((sampling.exp() * (sampling - train)).sum())
    assert metrics["k3"] == pytest.approx(exact, rel=0.02)
    assert metrics["kl"] == pytest.approx(exact, rel=0.05)
    assert metrics["weight_mean"] == pytest.approx(1.0, abs=0.01)
    assert metrics["chi_square_token"] == pytest.approx(float((train.exp() ** 2 / sampling.exp()).sum()) - 1, rel=0.05)


def test_a_mask_that_does_not_fit_the_turns_is_refused():
    with pytest.raises(ValueError, match="negative turn"):
        keep_mask(*tensors([[0.0]], turns=[[-1]]), RejectionBand())


@pytest.mark.parametrize(
    "change",
    [{"lower": 0.0}, {"lower": 1.1}, {"upper": 0.9}, {"upper": NAN}, {"veto": 0.0}, {"veto": 2.0}, {"level": "token"}],
)
def test_bands_that_make_no_sense_are_refused(change):
    with pytest.raises(BadUsage):
        RejectionBand(**change)


@pytest.mark.parametrize("bounds", [{"upper": 0.5}, {"lower": 1.5}, {"lower": -0.1}])
def test_bounds_of_weights_that_make_no_sense_are_refused(bounds):
    with pytest.raises(BadUsage, match="importance weights"):
        truncated_weights(*tensors([[0.0]]), **bounds)
