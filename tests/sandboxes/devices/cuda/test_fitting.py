"""Floors and rooflines are those of the GPU that is there, also if it is a slice of the target."""

from dataclasses import replace

import pytest

from sandboxes.devices.cuda.errors import NoGpu
from sandboxes.devices.cuda.fitting import fitted
from sandboxes.devices.cuda.opening import check_target
from sandboxes.devices.cuda.simulated.facts import simulated_facts
from sandboxes.hardware.targets import get_target

H200 = get_target("h200")
WHOLE = replace(simulated_facts(H200), title=H200.title)
SLICE = replace(
    WHOLE, title="NVIDIA H200 MIG 1g.18gb", multiprocessors=16, memory_bytes=int(16.5 * 2**30), l2_bytes=6 * 2**20
)


def test_a_whole_gpu_is_its_target() -> None:
    assert fitted(H200, WHOLE) is H200


def test_a_slice_has_its_share_of_arithmetic_and_of_bandwidth() -> None:
    found = fitted(H200, SLICE)
    assert found.multiprocessors == 16
    assert found.tflops["fp16"] == pytest.approx(H200.tflops["fp16"] * 16 / 132)
    assert found.dram_gb_per_s == pytest.approx(H200.dram_gb_per_s / 8)
    assert (found.l2_mib, found.memory_gib) == (6, pytest.approx(16.5))


def test_a_board_with_fewer_multiprocessors_keeps_a_bandwidth_that_nobody_tells() -> None:
    found = fitted(H200, replace(WHOLE, title="NVIDIA GH100", multiprocessors=66))
    assert found.tflops["fp32"] == pytest.approx(H200.tflops["fp32"] / 2)
    assert found.dram_gb_per_s == H200.dram_gb_per_s


def test_a_slice_is_of_the_target_whose_name_it_has_and_of_no_other() -> None:
    check_target(SLICE, H200)
    with pytest.raises(NoGpu, match=r'MIG 1g\.18gb .*use target="h200"'):
        check_target(SLICE, get_target("h100"))
