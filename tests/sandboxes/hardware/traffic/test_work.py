"""The same program has the same traffic whatever else the machine does: work is counted, not timed."""

import itertools
import time
from typing import Any

import pytest
import torch

from sandboxes.hardware.targets import get_target
from sandboxes.hardware.traffic import tiles
from sandboxes.hardware.traffic.examining import Examination, NotExamined, examine
from sandboxes.hardware.traffic.watching import SMALLEST
from sandboxes.ttir import parse
from tests.sandboxes.hardware.traffic import kernels
from tests.sandboxes.hardware.traffic.test_classics import hollow
from tests.sandboxes.hardware.traffic.test_limits import RESOURCES
from tests.sandboxes.ttir.frontend import ttir_of

H200 = get_target("h200")
SIDE = 509


LARGE, SMALL = 2**26, 2**21


def blurred() -> Examination:
    """A stencil over an image whose rows begin anywhere in a sector."""
    module = parse(ttir_of(kernels.blur, ("*fp32", "*fp32", "i32", "i32"), rows=16, columns=32, reach=1))
    image: list[Any] = [hollow(SIDE, SIDE), hollow(SIDE, SIDE), SIDE, SIDE]
    return examine(module, (16, 32, 1), image, None, RESOURCES, H200, seed=3, hollow=True)


def counted(work: int = LARGE) -> Examination:
    """A histogram, whose addresses are in memory."""
    values = torch.randint(0, 2**30, (2**20,), dtype=torch.int32, generator=torch.Generator().manual_seed(0))
    module = parse(ttir_of(kernels.histogram, ("*i32", "*i32", "i32"), block=1024))
    args: list[Any] = [values, torch.zeros(256, dtype=torch.int32), 256]
    return examine(module, (1024, 1, 1), args, None, RESOURCES, H200, seed=3, work=work)


@pytest.mark.parametrize("work", [LARGE, SMALL])
def test_a_machine_that_is_busy_sees_what_a_quiet_one_sees(work: int, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = counted(work)
    hours = itertools.count(0.0, 3600.0)
    for name in ("monotonic", "perf_counter", "time"):
        monkeypatch.setattr(time, name, lambda: next(hours))
    assert counted(work) == quiet


def test_less_work_is_fewer_programs_and_no_other_amounts() -> None:
    whole, part = counted(LARGE), counted(SMALL)
    assert part.sampled < whole.sampled == 1.0
    assert part.computed < SMALL < whole.computed < LARGE
    for access, other in zip(part.accesses, whole.accesses, strict=True):
        assert access.requested_bytes == pytest.approx(other.requested_bytes)
    with pytest.raises(NotExamined, match="as much work"):
        counted(2**12)


def test_memory_in_too_many_pieces_is_looked_at_with_fewer_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = blurred()
    monkeypatch.setattr(tiles, "MAX_PIECES", 20_000)
    monkeypatch.setattr("sandboxes.hardware.traffic.measuring.MAX_PIECES", 20_000)
    part = blurred()
    assert part.cached
    assert SMALLEST <= sum(wave.programs for wave in part.waves) < sum(wave.programs for wave in whole.waves)
    assert part.counters.memory == whole.counters.memory
    read, expected = (sum(access.dram_bytes for access in each.accesses) for each in (part, whole))
    assert read == pytest.approx(expected, rel=0.3)
