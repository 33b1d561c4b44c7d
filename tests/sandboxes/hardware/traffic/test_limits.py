"""Kernels that are hard to look at cost no more time than was allowed, and no more than knowing nothing."""

import time

import pytest
import torch

from sandboxes.contracts import Resources
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.traffic.examining import NotExamined, examine
from sandboxes.ttir import parse
from tests.sandboxes.hardware.traffic import kernels
from tests.sandboxes.ttir.frontend import ttir_of

H200 = get_target("h200")
RESOURCES = Resources(registers=64, spill_bytes=0, shared_bytes=0, threads=128, occupancy=1.0, limited_by="nothing")


def test_a_kernel_that_is_not_done_with_the_work_there_may_be_is_not_examined() -> None:
    module = parse(ttir_of(kernels.chase, ("*i64", "*i64", "i32", "i32"), block=1024))
    args = [torch.randint(0, 2**20, (2**20,)), torch.zeros(2**22, dtype=torch.int64), 2**20, 2**28]
    started = time.thread_time()
    with pytest.raises(NotExamined, match="as much work"):
        examine(module, (4096, 1, 1), args, None, RESOURCES, H200, seed=0, work=2**24)
    assert time.thread_time() - started < 10.0


def test_addresses_that_follow_no_pattern_are_looked_at_in_bounded_time() -> None:
    module = parse(ttir_of(kernels.chase, ("*i64", "*i64", "i32", "i32"), block=1024))
    args = [torch.randint(0, 2**20, (2**20,)), torch.zeros(2**22, dtype=torch.int64), 2**20, 8]
    started = time.thread_time()
    found = examine(module, (4096, 1, 1), args, None, RESOURCES, H200, seed=0, work=2**25)
    assert time.thread_time() - started < 30.0
    load = next(access for access in found.accesses if access.kind == "load")
    assert load.dependent
    assert load.sectors == pytest.approx(load.requested_bytes / 8, rel=0.1)


def test_waves_in_which_nobody_accesses_anything_are_no_error() -> None:
    module = parse(ttir_of(kernels.only_first, ("*fp32", "*fp32"), block=128))
    found = examine(module, (20_000, 1, 1), [torch.zeros(128), torch.zeros(128)], None, RESOURCES, H200, seed=0)
    assert len(found.waves) == 4
    assert {access.kind for access in found.accesses} <= {"load", "store"}


def test_a_launch_without_programs_is_not_examined() -> None:
    module = parse(ttir_of(kernels.strided_copy, ("*fp32", "*fp32", "i32"), stride=1, block=128))
    with pytest.raises(NotExamined):
        examine(module, (0, 1, 1), [torch.zeros(1), torch.zeros(1), 1], None, RESOURCES, H200, seed=0)


def test_nothing_is_written_and_offsets_beyond_all_memory_do_no_harm() -> None:
    module = parse(ttir_of(kernels.strided_copy, ("*fp32", "*fp32", "i32"), stride=2**28, block=128))
    x, y = torch.ones(1000), torch.zeros(1000)
    found = examine(module, (2**20, 1, 1), [x, y, 2**31 - 1], None, RESOURCES, H200, seed=0)
    assert not y.any()
    assert all(access.sectors >= access.least_sectors > 0 for access in found.accesses)


def test_the_number_of_threads_of_torch_is_as_before() -> None:
    before = torch.get_num_threads()
    module = parse(ttir_of(kernels.strided_copy, ("*fp32", "*fp32", "i32"), stride=1, block=128))
    examine(module, (4, 1, 1), [torch.zeros(512), torch.zeros(512), 512], None, RESOURCES, H200, seed=0)
    assert torch.get_num_threads() == before
