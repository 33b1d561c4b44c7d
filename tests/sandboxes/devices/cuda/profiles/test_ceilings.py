"""What a GPU reaches is asked of the GPU, kept for it alone, and not believed if the data sheet can't be so wrong."""

from dataclasses import replace
from pathlib import Path

import pytest

from sandboxes.contracts import Precision
from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.gpu import Prepared
from sandboxes.devices.cuda.profiles.ceilings import SMALL_REPEATS, Ceilings, ceilings_of
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu
from sandboxes.hardware.targets import get_target
from sandboxes.shelf import Kind, Shelf
from tests.sandboxes.devices.cuda.profiles.profiler import FACTS, ProfiledGpu

H200 = get_target("h200")
LARGE_BYTES = 2 * 8 * 50 * 2**20
SMALL_BYTES = 2 * int(0.2 * 50 * 2**20)
CUBE = {"fp16": 8192, "bf16": 8192, "tf32": 8192, "fp32": 4096, "fp64": 2048}


def times(**shares: float) -> list[float]:
    """What each piece of work takes on a GPU that reaches these shares of the data sheet, 80 % where none is given."""
    memory_us = LARGE_BYTES / (H200.dram_gb_per_s * 1e3)
    products_us = {kind: 2 * size**3 / (H200.tflops[kind] * 1e6) for kind, size in CUBE.items()}
    return [time_us / shares.get(name, 0.8) for name, time_us in {"dram_gb_per_s": memory_us, **products_us}.items()]


def gpu(*, l2: float | None = 0.8, **shares: float) -> ProfiledGpu:
    passes = [(0, SMALL_BYTES / (l2 * H200.l2_gb_per_s * 1e3))] * SMALL_REPEATS if l2 is not None else []
    return ProfiledGpu([passes], times(**shares), replace(FACTS, l2_bytes=50 * 2**20))


@pytest.mark.slow
def test_bandwidths_and_rates_are_those_that_are_reached() -> None:
    found = ceilings_of(gpu(fp16=0.7, fp64=0.95), H200)
    assert found.doubts == ()
    assert found.dram_gb_per_s == pytest.approx(0.8 * 4800, rel=1e-3)
    assert found.l2_gb_per_s == pytest.approx(0.8 * H200.l2_gb_per_s, rel=1e-3)
    assert found.tflops["fp16"] == pytest.approx(0.7 * 989.4)
    assert found.tflops["fp64"] == pytest.approx(0.95 * 34)
    assert found.tflops.keys() == set(CUBE)


def test_only_tf32_is_measured_under_the_policy_that_allows_it() -> None:
    asked = gpu()
    ceilings_of(asked, H200)
    assert asked.precisions == [Precision.FP32, Precision.FP32, Precision.TF32, Precision.FP32, Precision.FP32]


@pytest.mark.parametrize("share", [0.2, 1.2])
def test_what_the_data_sheet_can_not_be_so_wrong_about_is_told_and_not_used(share: float) -> None:
    found = ceilings_of(gpu(dram_gb_per_s=share), H200)
    assert found.dram_gb_per_s is None
    assert found.applied(H200).dram_gb_per_s == 4800
    (doubt,) = found.doubts
    assert f"{share:.0%} of the 4800 of NVIDIA H200" in doubt


def test_without_a_profiler_the_cache_is_not_measured_and_that_is_told() -> None:
    found = ceilings_of(gpu(l2=None), H200)
    assert found.l2_gb_per_s is None
    assert "l2_gb_per_s: not measured" in found.doubts[0]
    assert found.dram_gb_per_s is not None


def test_they_replace_the_data_sheets_numbers_and_nothing_else() -> None:
    applied = Ceilings(dram_gb_per_s=4000.0, tflops={"fp16": 700.0}).applied(H200)
    assert (applied.dram_gb_per_s, applied.l2_gb_per_s) == (4000, H200.l2_gb_per_s)
    assert applied.tflops == {**H200.tflops, "fp16": 700.0}


def test_what_was_measured_is_kept_for_this_gpu_with_this_driver(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    first, second = gpu(), gpu()
    assert ceilings_of(first, H200, shelf) == ceilings_of(second, H200, shelf)
    assert (first.prepared, second.prepared) == (6, 0)
    for change in ({"uuid": "GPU-2"}, {"versions": {**FACTS.versions, "driver": "590.1"}}):
        other = gpu()
        other.facts = replace(other.facts, **change)  # type: ignore[arg-type]
        ceilings_of(other, H200, shelf)
        assert other.prepared == 6


def test_it_is_measured_again_where_that_is_asked_for(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    ceilings_of(gpu(), H200, shelf)
    again = gpu(fp16=0.5)
    assert ceilings_of(again, H200, shelf, again=True).tflops["fp16"] == pytest.approx(0.5 * 989.4)
    assert ceilings_of(gpu(), H200, shelf).tflops["fp16"] == pytest.approx(0.5 * 989.4)


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"form": 1, "numbers": {"fp16": "x"}, "failures": []}',
                                    b'{"form": 1, "numbers": {"fp16": NaN}, "failures": []}', b"\xff"])  # fmt: skip
def test_what_is_kept_and_damaged_is_measured_again(tmp_path: Path, damage: bytes) -> None:
    class Forgetful(Shelf):
        def get(self, kind: Kind, key: str) -> bytes | None:
            return damage

    asked = gpu()
    assert ceilings_of(asked, H200, Forgetful(tmp_path / "shelf")).dram_gb_per_s
    assert asked.prepared == 6


class Small(ProfiledGpu):
    """Has no memory for what it prepares first."""

    fault = GpuFault.OUT_OF_MEMORY

    def prepare(self, *args: object, **settings: object) -> Prepared:
        if self.prepared == 0:
            self.prepared = 1
            raise GpuError(self.fault, "out of memory; 419430400 bytes were asked for")
        return super().prepare(*args, **settings)  # type: ignore[arg-type]


def test_what_there_is_no_memory_for_is_told_and_the_rest_measured() -> None:
    found = ceilings_of(Small([[(0, 5.0)] * 64], times(), replace(FACTS, l2_bytes=50 * 2**20)), H200)
    assert found.dram_gb_per_s is None
    assert "dram_gb_per_s: not measured, out of memory; 419430400 bytes" in found.doubts[0]
    assert found.tflops.keys() == set(CUBE)


def test_what_there_was_no_memory_for_is_asked_again_next_time(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    small = Small([[(0, 5.0)] * 64], times(), replace(FACTS, l2_bytes=50 * 2**20))
    assert ceilings_of(small, H200, shelf).dram_gb_per_s is None
    assert ceilings_of(gpu(), H200, shelf).dram_gb_per_s is not None


def test_a_gpu_that_fails_otherwise_is_not_asked_on() -> None:
    class Broken(Small):
        fault = GpuFault.ILLEGAL_ACCESS

    with pytest.raises(GpuError):
        ceilings_of(Broken([[]], times()), H200)


def test_a_simulated_gpu_has_nothing_to_measure() -> None:
    found = ceilings_of(SimulatedGpu(H200), H200)
    assert found.applied(H200) == H200
    assert "simulated" in found.doubts[0]
