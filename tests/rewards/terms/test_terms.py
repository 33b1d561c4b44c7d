"""Terms on their own: parameters that can't be wrong, and what no shipped reward uses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rewards import Weighted, compose
from rewards.terms import TERMS, Correctness, Failure, FastP, Improvement, Log2Speedup, Replaced, Speedup, SpeedupSteps
from rewards.terms.base import LARGEST
from sandboxes.contracts import Outcome
from tests.reports import failed_report, ok_report
from tests.rewards.timed import changed, timed


@pytest.mark.parametrize("name", sorted(TERMS))
def test_every_term_works_as_it_is_and_says_where_it_comes_from(name: str) -> None:
    term = TERMS[name]()
    assert term(ok_report()).name == name
    assert term(failed_report(Outcome.INCORRECT)).note
    assert (TERMS[name].__doc__ or "").strip().startswith("Pays")
    assert name == "failure" or "Source:" in (TERMS[name].__doc__ or "")


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        (Speedup, {"cap": 0}, "greater than 0"),
        (Speedup, {"cap": float("inf")}, "finite"),
        (Speedup, {"cap": True}, "not true or false"),
        (Speedup, {"floor": -1}, "greater than or equal to 0"),
        (Speedup, {"top": 3}, "Extra inputs"),
        (FastP, {"p": float("nan")}, "finite|greater"),
        (Log2Speedup, {"low": 0.5}, "less than or equal to 0"),
        (Log2Speedup, {"noise": -0.1}, "greater than or equal to 0"),
        (SpeedupSteps, {"steps": ((2.0, 0.5), (1.0, 0.1))}, "does not rise"),
        (SpeedupSteps, {"steps": ((1.0, -0.5),)}, "does not rise"),
        (SpeedupSteps, {"steps": ()}, "at least 1"),
        (Improvement, {"cap": LARGEST * 2}, "less than or equal"),
        (Failure, {"hack": 0.1}, "hack is 0.1, more than no_code"),
        (Failure, {"syntax_error": -0.1}, "more than syntax_error"),
        (Failure, {"ok": 1.0}, "Extra inputs"),
        (Failure, {"infrastructure": 1.0}, "Extra inputs"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(kind: type, parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        kind(**parameters)


def test_a_floor_takes_what_is_slower() -> None:
    assert Speedup(floor=1.0)(timed(0.9)).value == 0
    assert Speedup(floor=1.0)(timed(1.5)).value == pytest.approx(1.5)
    assert Speedup(cap=None)(timed(50.0)).value == pytest.approx(50.0)


def test_the_replaced_fraction_is_the_profiles_and_nothing_in_older_reports() -> None:
    assert Replaced()(changed(timed(2.0), replaced=0.75)).value == 0.75
    assert Replaced()(changed(timed(2.0), replaced=None)).value == 0
    assert Replaced()(changed(timed(2.0, verified=False), replaced=0.75)).value == 0


@given(st.floats(min_value=0, max_value=1e6), st.floats(min_value=0, max_value=1e6))
def test_log2_speedup_never_falls_with_the_speedup(one: float, other: float) -> None:
    slow, fast = sorted((one, other))
    assert Log2Speedup()(timed(slow)).value <= Log2Speedup()(timed(fast)).value


def test_a_weight_is_shown_in_the_note() -> None:
    summand = Weighted(Speedup(), 0.5, label="speed")(timed(2.0))
    assert (summand.name, summand.value) == ("speed", pytest.approx(1.0))
    assert summand.note == "0.5 * 2: min(2, 3)"


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 1e7])
def test_a_weight_that_is_no_number_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="the weight of `correctness` is"):
        Weighted(Correctness(), weight)


def test_a_sum_has_terms_and_each_a_name_of_its_own() -> None:
    with pytest.raises(ValueError, match="at least one term"):
        compose("nothing", "Nothing.")
    with pytest.raises(ValueError, match="two terms are called `correctness`"):
        compose("twice", "Twice.", Correctness(), Weighted(Correctness(), 2.0))
