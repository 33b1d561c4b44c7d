"""Launches that somebody looks at, without a trace around them."""

import time
from collections.abc import Sequence
from math import prod
from typing import Any

import torch

from sandboxes.contracts import Launch, Resources, TensorRef, Variant
from sandboxes.devices.launching import Launched, launch
from sandboxes.devices.looking import Look, Looker
from sandboxes.hardware.targets import get_target
from tests.sandboxes.ttir.frontend import ttir_of

H200 = get_target("h200")
RESOURCES = Resources(registers=64, spill_bytes=0, shared_bytes=0, threads=128, occupancy=1.0, limited_by="nothing")


def variant(
    kernel: Any, signature: tuple[str, ...], grid: Sequence[int], args: Sequence[Any], **others: Any
) -> Variant:
    """A variant of a launch whose tensors are the values 0, 1, ... in order."""
    ids = iter(range(len(args)))
    return Variant(
        config=str(others),
        ttir=ttir_of(kernel, signature, **others),
        grid=(*grid, 1, 1)[:3],
        args=tuple(TensorRef(id=next(ids)) if isinstance(arg, torch.Tensor) else arg for arg in args),
        num_warps=4,
        num_stages=2,
    )


def node(*variants: Variant) -> Launch:
    return Launch(kernel="kernel", variants=variants)


def values(args: Sequence[Any]) -> dict[int, torch.Tensor]:
    return dict(enumerate(arg for arg in args if isinstance(arg, torch.Tensor)))


def launched(one: Variant, args: Sequence[Any], looker: Looker | None, *, sample: bool = False) -> Launched:
    """What a launch did, and is taken to be if `looker` looks at it."""
    look = None if looker is None else Look(looker=looker, resources=RESOURCES)
    assert prod(one.grid)
    return launch(
        0, node(one), 0, values(args), time.monotonic() + 60, count=True, sample=sample, seed=3, look=look
    )  # fmt: skip
