"""The transfer benchmark tells how rewards of one target's model order policies for another."""

from benchmarks.transfer import summary
from policies.training.demo.results import Episode, Turn


def played(*speedups: float | None) -> list[Episode]:
    return [
        Episode(problem="p", turns=(Turn(reward=speedup or 0.0, correct=speedup is not None, speedup=speedup),))
        for speedup in speedups
    ]


POLICIES = {
    "cold": (None, 0, {"one": played(1.0, None, 2.0), "two": played(2.0, None, 1.0)}),
    "short": ("one", 4, {"one": played(2.0, 2.0, 2.0), "two": played(3.0, 3.0, 3.0)}),
    "long": ("one", 16, {"one": played(4.0, 4.0, 4.0), "two": played(4.0, 4.0, 1.0)}),
    "other": ("two", 16, {"one": played(3.0, 3.0, 3.0), "two": played(5.0, 5.0, 5.0)}),
}


def test_policies_are_ordered_by_their_mean_reward_for_each_target() -> None:
    found = summary(POLICIES, ("one", "two"))
    assert found["policies"]["cold"]["reward"] == {"one": 1.0, "two": 1.0}
    assert found["rank_correlation_of_policies"] == {"one, two": 0.632}  # ranks 1 2 4 3 and 1 2.5 2.5 4


def test_what_is_wrong_has_no_speedup_to_be_ordered() -> None:
    found = summary({"cold": POLICIES["cold"]}, ("one", "two"))
    assert found["rank_correlation_of_speedups_of_correct_programs"] == {"one, two": -1.0}


def test_training_for_another_target_costs_what_those_trained_for_it_get_more() -> None:
    found = summary(POLICIES, ("one", "two"))
    assert found["cost_of_another_target"] == {"one, instead of two": 1.0, "two, instead of one": 2.0}


def test_policies_that_are_alike_have_no_order() -> None:
    alike = {name: (None, 0, {"one": played(1.0), "two": played(2.0)}) for name in "ab"}
    assert summary(alike, ("one", "two"))["rank_correlation_of_policies"] == {"one, two": None}
