"""The variant that the model chooses is the one that it would pay most."""

import time
from typing import Any

import pytest
import torch

from sandboxes.contracts import Launch, Variant
from sandboxes.devices.choosing import Choosing
from sandboxes.devices.looking import Looker
from sandboxes.hardware.pricing import price_launch
from sandboxes.replay import OutOfTime
from sandboxes.ttir import ExecutionTimeout
from tests.sandboxes.devices.looked_at import H200, RESOURCES, launched, node, values, variant
from tests.sandboxes.hardware.traffic import kernels

FLOATS = ("*fp32", "*fp32", "i32")


def chosen(launch: Launch, args: list[Any], **options: Any) -> Choosing:
    given = {"hollow": False, "copied": torch.clone} | options
    found = Choosing(H200, time.monotonic() + 60, **given)
    found.sampling()(0, launch, values(args))
    return found


def full_us(one: Variant, args: list[Any]) -> float:
    """What is paid: all of it is executed, and looked at where somebody else draws."""
    copies = [arg.clone() if isinstance(arg, torch.Tensor) else arg for arg in args]
    facts = launched(one, copies, Looker(H200, 99)).facts
    assert facts is not None
    return price_launch(H200, facts).time_us


def products() -> tuple[list[Variant], list[Any]]:
    size = 256
    args = [torch.ones(size, size), torch.ones(size, size), torch.zeros(size, size), size, size, size]
    signature = (*FLOATS[:2], "*fp32", "i32", "i32", "i32")
    found = []
    for tile in (16, 32, 64):
        shape = {"tile_m": tile, "tile_n": tile, "tile_k": 32, "group_size": 4, "parts": 1}
        found.append(variant(kernels.product, signature, ((size // tile) ** 2, 1), args, **shape))
    return found, args


def copies() -> tuple[list[Variant], list[Any]]:
    args = [torch.ones(2**16 * 8), torch.zeros(2**16), 2**16]
    return [
        variant(kernels.strided_copy, FLOATS, (2**16 // block,), args, stride=stride, block=block)
        for stride, block in ((8, 256), (1, 256), (8, 1024), (1, 1024))
    ], args


@pytest.mark.parametrize("make", [products, copies])
def test_variants_are_in_the_order_of_their_full_prices(make: Any) -> None:
    variants, args = make()
    found = chosen(node(*variants), args)
    full = [full_us(one, args) for one in variants]
    quick = [found.time_us(0, number, RESOURCES, None) for number in range(len(variants))]
    assert quick == pytest.approx(full, rel=0.05)
    assert full[quick.index(min(quick))] <= 1.02 * min(full)


def test_looking_runs_nothing() -> None:
    variants, args = copies()
    chosen(node(*variants), args)
    assert not args[1].any()


def test_hollow_variants_are_chosen_without_values() -> None:
    variants, args = copies()
    found = chosen(node(*variants), args, hollow=True, copied=lambda tensor: tensor)
    times = [found.time_us(0, number, RESOURCES, None) for number in range(4)]
    assert min(times[1], times[3]) < min(times[0], times[2])


def test_a_launch_without_a_choice_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Looker, "examined", None)
    variants, args = copies()
    assert chosen(node(variants[0]), args).promise(0, 0) == 0.0


def test_if_one_variant_can_not_be_looked_at_none_has_an_advantage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the one that hides its strides would be compared with others whose strides are known."""
    variants, args = copies()
    honest = Looker.examined

    def hides(self: Looker, parsed: Any, one: Variant, *rest: Any) -> Any:
        return None if one is variants[0] else honest(self, parsed, one, *rest)

    monkeypatch.setattr(Looker, "examined", hides)
    found = chosen(node(*variants[:2]), args)
    times = [found.time_us(0, number, RESOURCES, None) for number in range(2)]
    assert times[0] >= times[1]
    assert not args[1].any()


def test_variants_that_stall_end_with_the_time_that_is_left() -> None:
    args = [torch.randint(0, 2**16, (2**16,)), torch.zeros(2**16, dtype=torch.int64), 2**16, 2**30]
    stalling = [
        variant(kernels.chase, ("*i64", "*i64", "i32", "i32"), (2**16 // block,), args, block=block)
        for block in (256, 512, 1024)
    ]
    found = Choosing(H200, time.monotonic() + 0.5, hollow=False, copied=torch.clone)
    started = time.monotonic()
    with pytest.raises((ExecutionTimeout, OutOfTime)):
        found.sampling()(0, node(*stalling), values(args))
    assert time.monotonic() - started < 6.0
