"""Numbers are shown with the digits that mean something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelgym.reports.wording import VERDICTS, cut, dollars, factor, microseconds, percent, plain, quantity
from sandboxes.contracts import Outcome


def test_every_outcome_has_words() -> None:
    assert set(VERDICTS) == set(Outcome)


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, "0%"), (0.001, "<1%"), (0.5, "50%"), (0.994, "99%"), (0.999, ">99%"), (1.0, "100%")]
)
def test_almost_all_and_almost_nothing_are_not_rounded_away(share: float, shown: str) -> None:
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00×"),
        (0.0123, "0.0123×"),
        (0.5, "0.5×"),
        (1.0, "1.00×"),
        (9.999, "10.0×"),
        (99.99, "100×"),
        (1234.5, "1,234×"),
    ],
)
def test_factors_have_three_digits(value: float, shown: str) -> None:
    assert factor(value) == shown


def test_times_have_three_digits() -> None:
    assert [microseconds(t) for t in (0.5, 12.345, 12345.6)] == ["0.5", "12.3", "12,346"]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (999_999, "1.00 MB"),
        (2**40, "1.10 TB"),
        (5 * 10**18, "5,000,000 TB"),
    ],
)
def test_quantities_have_decimal_prefixes(number: int, shown: str) -> None:
    assert quantity(number, "B") == shown


@given(st.text())
def test_plain_text_is_printable(text: str) -> None:
    assert all(char.isprintable() or char in "\n\t" for char in plain(text))


def test_plain_text_keeps_what_is_readable() -> None:
    assert plain("größer als 1 µs, 矩阵\n\tx") == "größer als 1 µs, 矩阵\n\tx"


@given(st.text(), st.integers(1, 100))
def test_a_cut_text_is_one_printable_line_of_at_most_that_length(text: str, limit: int) -> None:
    line = cut(text, limit)
    assert len(line) <= limit
    assert line.isprintable() or not line


def test_a_text_that_fits_is_not_cut() -> None:
    assert cut("one\n two", 7) == "one two"
    assert cut("one\n two", 6) == "one t…"


def test_a_small_cost_is_not_shown_as_none() -> None:
    assert [dollars(cost) for cost in (0.0, 0.004, 0.01, 1234.5)] == ["$0.00", "under $0.01", "$0.01", "$1,234.50"]
