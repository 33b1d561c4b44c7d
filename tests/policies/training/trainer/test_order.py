"""The order of problems, as a function of the step alone."""

from collections import Counter

from policies.training.trainer.order import ProblemOrder

PROBLEMS = [f"core/{letter}" for letter in "abcde"]


def test_every_problem_comes_once_before_any_comes_again_also_where_batches_do_not_divide_them() -> None:
    order = ProblemOrder(PROBLEMS, seed=3)
    drawn = [problem for step in range(10) for problem in order.batch(step, 2)]
    for begin in range(0, len(drawn), len(PROBLEMS)):
        assert sorted(drawn[begin : begin + len(PROBLEMS)]) == PROBLEMS


def test_a_batch_may_have_more_places_than_there_are_problems() -> None:
    assert Counter(ProblemOrder(PROBLEMS, seed=0).batch(0, 10)) == Counter(dict.fromkeys(PROBLEMS, 2))


def test_a_step_is_the_same_whatever_was_asked_before_and_other_seeds_give_other_orders() -> None:
    order = ProblemOrder(PROBLEMS, seed=1)
    order.batch(0, 4)
    assert order.batch(7, 4) == ProblemOrder(PROBLEMS, seed=1).batch(7, 4)
    assert ProblemOrder(PROBLEMS, seed=1).batch(0, 5) != ProblemOrder(PROBLEMS, seed=2).batch(0, 5)


def test_without_shuffling_problems_keep_their_order() -> None:
    assert ProblemOrder(PROBLEMS, seed=1, shuffle=False).batch(1, 3) == ["core/d", "core/e", "core/a"]
