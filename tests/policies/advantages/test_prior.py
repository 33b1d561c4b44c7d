"""The shrunk baseline: what it is pulled to, how far, and that the prior is what batches have shown."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.advantages import AdvantageOptions, Alone, Estimator, Prior, TurnPrior, advantages, updated_prior
from tests.policies.advantages.naive import naive_pull
from tests.policies.advantages.test_properties import batches

# Two groups with means 1 and 3, sigma^2 = 2 with 2 degrees of freedom, N = 2: tau^2 = 2 - 2 / 2 = 1.
KNOWN = TurnPrior(groups=2, mean=2.0, squares=2.0, freedom=2, within=4.0, inverses=1.0)


def shrunk(rewards, prior, groups=None, alone=Alone.ZERO):
    rewards = torch.tensor(rewards)
    groups = torch.zeros(len(rewards), dtype=torch.long) if groups is None else torch.tensor(groups)
    options = AdvantageOptions(estimator=Estimator.EBPO, prior=prior, alone=alone)
    return advantages(rewards, torch.ones_like(rewards, dtype=torch.bool), groups, options).values


def seen(batch, before=None):
    rewards, counted, groups = batch
    options = AdvantageOptions(prior=before)
    return updated_prior(torch.tensor(rewards), torch.tensor(counted), torch.tensor(groups), options)


def test_the_baseline_lies_between_the_others_and_what_is_usual():
    # m = 2 others: s = 2 / (2 + 2 * 1) = 1/2, baseline of the first = (1/2) 3 + (1/2) 2
    assert shrunk([[6.0], [2.0], [4.0]], Prior((KNOWN,))).tolist() == [[3.5], [-1.5], [1.0]]


def test_a_group_that_failed_altogether_still_gets_a_signal():
    assert shrunk([[0.0], [0.0], [0.0]], Prior((KNOWN,))).tolist() == [[-1.0], [-1.0], [-1.0]]


def test_one_that_is_alone_is_compared_with_what_is_usual():
    assert shrunk([[5.0]], Prior((KNOWN,))).tolist() == [[3.0]]
    assert shrunk([[5.0]], Prior((KNOWN,)), alone=Alone.RAW).tolist() == [[3.0]]


def test_larger_groups_are_pulled_less():
    pulls = []
    for size in (2, 4, 16, 64):
        values = shrunk([[0.0]] * size, Prior((KNOWN,)))
        pulls.append(-float(values[0, 0]) / KNOWN.mean)
    assert pulls == sorted(pulls, reverse=True)
    assert pulls[-1] == pytest.approx(2 / (2 + 63))


def test_without_anything_known_it_is_leave_one_out():
    assert shrunk([[3.0], [0.0], [0.0], [0.0]], Prior()).tolist() == [[3.0], [-1.0], [-1.0], [-1.0]]
    assert shrunk([[3.0], [0.0], [0.0], [0.0]], None).tolist() == [[3.0], [-1.0], [-1.0], [-1.0]]
    assert shrunk([[2.0]], Prior()).tolist() == [[0.0]]


def test_turns_that_the_prior_does_not_know_are_leave_one_out():
    values = shrunk([[0.0, 3.0], [0.0, 1.0]], Prior((KNOWN,)))
    assert values[:, 1].tolist() == [2.0, -2.0]
    assert values[:, 0].tolist() != [2.0, -2.0]


def test_where_all_prompts_are_alike_baselines_are_pulled_all_the_way():
    prior = Prior((TurnPrior(groups=4, mean=1.0, squares=0.0, freedom=4, within=4.0, inverses=2.0),))
    assert shrunk([[4.0], [0.0]], prior).tolist() == [[3.0], [-1.0]]


def test_where_returns_within_a_prompt_do_not_scatter_baselines_are_not_pulled():
    prior = Prior((TurnPrior(groups=4, mean=1.0, squares=9.0, freedom=4, within=0.0, inverses=2.0),))
    assert shrunk([[4.0], [0.0]], prior).tolist() == [[4.0], [-4.0]]


@settings(max_examples=100, deadline=None)
@given(st.lists(batches(), min_size=1, max_size=3))
def test_the_prior_says_what_all_batches_together_would_say(drawn):
    prior = None
    returns = {}
    for number, (rewards, counted, groups) in enumerate(drawn):
        prior = seen((rewards, counted, groups), prior)
        for row, flags in enumerate(counted):
            for turn, flag in enumerate(flags):
                if flag:
                    later = [r for r, f in zip(rewards[row][turn:], flags[turn:], strict=True) if f]
                    returns.setdefault(turn, {}).setdefault((number, groups[row]), []).append(sum(later))
    for turn, known in enumerate(prior.turns):
        members = list(returns.get(turn, {}).values())
        means = [sum(group) / len(group) for group in members]
        assert known.groups == len(members)
        assert known.freedom == sum(len(group) - 1 for group in members)
        assert math.isclose(known.mean, sum(means) / max(1, len(means)), abs_tol=1e-6)
        deviation = sum((mean - known.mean) ** 2 for mean in means)
        assert math.isclose(known.squares, deviation, rel_tol=1e-6, abs_tol=1e-6)


@settings(max_examples=100, deadline=None)
@given(batches(), batches())
def test_a_prior_pulls_as_its_groups_would_if_they_were_there(earlier, batch):
    prior = seen(earlier)
    rewards, counted, groups = batch
    options = AdvantageOptions(estimator=Estimator.EBPO, prior=prior)
    values = advantages(torch.tensor(rewards), torch.tensor(counted), torch.tensor(groups), options).values
    plain = advantages(torch.tensor(rewards), torch.tensor(counted), torch.tensor(groups))
    for row, turn in torch.tensor(counted).nonzero().tolist():
        if turn >= len(prior.turns):
            assert values[row, turn] == plain.values[row, turn]
            continue
        members = {}
        for other, flags in enumerate(earlier[1]):
            if flags[turn]:
                later = [r for r, f in zip(earlier[0][other][turn:], flags[turn:], strict=True) if f]
                members.setdefault(earlier[2][other], []).append(sum(later))
        pull, usual = naive_pull(list(members.values()), int(plain.group_sizes[row, turn]) - 1)
        expected = (1 - pull) * plain.values[row, turn] + pull * (plain.returns[row, turn] - usual)
        torch.testing.assert_close(values[row, turn], expected, rtol=1e-4, atol=2e-4)


@given(batches(), batches())
@settings(max_examples=25, deadline=None)
def test_the_order_of_batches_does_not_matter(first, second):
    one, other = seen(second, seen(first)), seen(first, seen(second))
    torch.testing.assert_close(torch.tensor(one.state()), torch.tensor(other.state()), rtol=1e-5, atol=1e-5)


def test_a_prior_is_saved_and_restored_as_plain_data():
    prior = seen(([[0.0, 1.0], [2.0, 0.5], [1.0, 1.0]], [[True, True], [True, False], [True, True]], [0, 0, 1]))
    assert Prior.restored(json.loads(json.dumps(prior.state()))) == prior
