"""Replaced results are other results, of a size that is known, and only where something was stored."""

import pytest
import torch

from sandboxes.tampering import LARGE, copies_of, draw, tamper

DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_was_stored_is_replaced_and_nothing_else(dtype: torch.dtype, large: bool) -> None:
    before = torch.zeros(64, dtype=dtype)
    tensor = before.clone()
    tensor[:32] = torch.arange(1, 33).to(dtype)
    stored = tensor.clone()
    assert tamper(tensor, before, generator(), large=large) >= (dtype != torch.bool)
    assert torch.equal(tensor[32:], before[32:])
    assert not torch.equal(tensor[:32], stored[:32])
    assert bool(tensor.double().isfinite().all())


def test_random_results_are_of_the_same_size_and_large_ones_a_thousand_times_as_large() -> None:
    before, stored = torch.full((4096,), float("nan")), torch.full((4096,), 0.01)
    same, large = stored.clone(), stored.clone()
    tamper(same, before, generator(), large=False)
    tamper(large, before, generator(), large=True)
    assert float(same.square().mean().sqrt()) == pytest.approx(0.01, rel=0.1)
    assert float(large.abs().min()) >= 0.01 * LARGE * 0.99
    assert 0.4 < float((large > 0).float().mean()) < 0.6


def test_what_is_stored_once_more_is_not_replaced() -> None:
    tensor = torch.tensor([1.0, float("nan"), float("inf")])
    kept = tensor.clone()
    assert tamper(tensor, kept, generator(), large=True) == 0.0
    assert torch.equal(tensor.nan_to_num(), kept.nan_to_num())


def test_copies_share_memory_as_the_values_do() -> None:
    base = torch.arange(6.0)
    copies = copies_of({0: base, 1: base[2:4], 2: torch.ones(2)}, [0, 1, 2])
    copies[1].fill_(9.0)
    assert copies[0].tolist() == [0.0, 1.0, 9.0, 9.0, 4.0, 5.0]
    assert base.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_integers_to_load_stay_since_they_may_be_places() -> None:
    places, numbers = torch.arange(4), torch.ones(4)
    draw(places, 1.0, generator())
    draw(numbers, 1.0, generator())
    assert places.tolist() == [0, 1, 2, 3]
    assert numbers.tolist() != [1.0] * 4
