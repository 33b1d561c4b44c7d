"""Which values count as the same when two programs store to one element."""

import pytest
import torch

from sandboxes.ttir import ExecutionOptions, Race, Unwritten, execute
from sandboxes.ttir.sanitizer.disputes import differ
from tests.sandboxes.ttir.test_sanitizer_races import CHUNKS, F32, module


@pytest.mark.parametrize("chunk", CHUNKS)
def test_one_huge_value_does_not_excuse_the_race_beside_it(chunk: int) -> None:
    program = module("store_own_id_beside", F32, "fp32", BLOCK=16)
    out = torch.zeros(16)
    options = ExecutionOptions(chunk_elements=chunk, unwritten=Unwritten())
    for beside in (-1e30, float("inf"), float("nan"), 1.0):
        with pytest.raises(Race) as caught:
            execute(program, (3, 1, 1), [out, beside], options=options)
        assert caught.value.kind == "race of two stores"
        assert caught.value.offset == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_differ_from_the_second_step_on(dtype: torch.dtype) -> None:
    for start in (1.0, -1.0, 0.007, -300.0):
        bits = torch.tensor([start], dtype=dtype).view(torch.int16)
        values = torch.cat([bits, bits + 1, bits + 2]).view(dtype)
        assert differ(values[:1].expand(3), values).tolist() == [False, False, True]
    tiny = torch.tensor([-1, 1, 0], dtype=torch.int16)
    smallest = (tiny.abs() | (tiny < 0).short() << 15).view(dtype)
    assert differ(smallest, smallest.flip(0)).tolist() == [False, False, False]
    assert differ(smallest[:1], smallest[1:2]).tolist() == [True]


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_eight_bits_differ_at_the_first_step(dtype: torch.dtype) -> None:
    values = torch.tensor([1.0, 2.0, 0.0, -0.0]).to(dtype)
    next_ones = torch.cat([(values[:2].view(torch.uint8) + 1).view(dtype).float(), torch.tensor([-0.0, 0.0])]).to(dtype)
    assert differ(values, next_ones).tolist() == [True, True, False, False]


def test_last_bits_do_not_make_a_difference_and_cancellation_among_others_does_not_either() -> None:
    x = torch.linspace(-1.0, 1.0, 1001)
    noise = torch.where(torch.arange(1001) % 2 == 0, 1e-7, -1e-7)
    assert not bool(differ(x, x + noise).any())
    assert bool(differ(x, x + 1e-3).all())
    beside = torch.cat([x, torch.full((100,), 1e30)])
    assert bool(differ(beside, torch.cat([x + 1e-3, torch.full((100,), 1e30)]))[:1001].all())


def test_infinities_and_nan_are_themselves_only() -> None:
    special = torch.tensor([float("inf"), float("-inf"), float("nan"), 1.0])
    assert not bool(differ(special, special.clone()).any())
    assert bool(differ(special, special.roll(1)).all())
