"""A band is wider the less is known, and what nobody can know has no price."""

from dataclasses import replace

import pytest

from sandboxes.hardware.facts import LaunchFacts
from sandboxes.hardware.pricing import plain, price_launch, why_unpriced
from tests.sandboxes.hardware.pricing.kernels import H200, access, copy, launch, product


def width(facts: LaunchFacts) -> float:
    low, high = price_launch(H200, facts).band
    return high / low


def test_streaming_is_known_best() -> None:
    count = 2**22
    total = access("y", 4.0 * count, kind="atomic", line=2, distinct=32, busiest_address=count)
    contended = launch([access("x", 4.0 * count), total], count // 1024)
    streamed, multiplied = width(copy(2**28)), width(product(4096, (128, 128, 64), warps=8))
    assert 1.1 < streamed < multiplied < width(contended)
    assert streamed < 1.35
    assert width(contended) > 2


@pytest.mark.parametrize("shares", [(0.0, 0.1), (0.1, 0.4), (0.4, 1.0)])
def test_dependent_addresses_widen_a_band(shares: tuple[float, float]) -> None:
    less, more = (replace(copy(2**24), dependent_share=share) for share in shares)
    assert width(less) < width(more)
    assert width(more) < width(replace(more, guessed=True))


def test_looking_at_fewer_programs_widens_a_band() -> None:
    widths = [width(replace(copy(2**24), sampled=share)) for share in (1.0, 0.5, 0.01)]
    assert widths == sorted(widths)
    assert widths[0] < widths[2]


def test_unread_code_widens_a_band() -> None:
    facts = product(4096, (128, 128, 64), warps=8)
    assert width(facts) < width(replace(facts, dots=()))
    assert width(facts) < width(replace(facts, pipelined=None))


def test_totals_alone_widen_a_band() -> None:
    facts = copy(2**26)
    assert width(facts) < width(plain(facts.work, facts.resources, facts.grid))


def test_a_launch_whose_addresses_are_made_up_has_no_price() -> None:
    facts = copy(2**24)
    assert not why_unpriced(facts)
    assert not why_unpriced(replace(facts, dependent_share=0.9))  # known values
    assert not why_unpriced(replace(facts, dependent_share=0.3, guessed=True))
    assert "90%" in why_unpriced(replace(facts, dependent_share=0.9, guessed=True))
