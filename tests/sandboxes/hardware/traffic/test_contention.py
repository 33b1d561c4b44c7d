"""How many atomics meet at the busiest address."""

import numpy as np
import pytest

from sandboxes.hardware.traffic.contention import Draws, busiest


def drawn(address: np.ndarray, operations: float, stands_for: float = 1.0) -> Draws:
    return Draws(address=address.astype(np.int64), operations=operations, stands_for=stands_for)


def test_one_address_gets_everything() -> None:
    assert busiest([drawn(np.zeros(1000), 50_000.0)]) == 50_000


def test_an_address_that_all_waves_use_gets_its_share_of_all_of_them() -> None:
    waves = [drawn(np.zeros(1000), 2000.0, stands_for=each) for each in (1.0, 5.0, 5.0)]
    assert busiest(waves) == 22_000


def test_an_address_of_one_wave_gets_no_more_than_that_wave_does() -> None:
    waves = [drawn(np.full(1000, wave), 2000.0, stands_for=10.0) for wave in range(3)]
    assert busiest(waves) == 2000


@pytest.mark.parametrize("each", [4, 16, 64])
def test_many_addresses_get_about_as_many_as_two_draws_meet(each: int) -> None:
    random = np.random.default_rng(each)
    operations = 2.0**20
    address = random.integers(int(operations) // each, size=2**15)
    assert busiest([drawn(address, operations)]) == pytest.approx(each, rel=0.5, abs=2.0)


def test_addresses_that_nobody_shares_get_one_each() -> None:
    assert busiest([drawn(np.arange(1000), 1e9)]) == 1.0
    assert busiest([]) == 0.0
