"""What a process leaves to others that use the same GPU."""

import weakref
from pathlib import Path
from typing import Any

import pytest

from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.gpu import Gpu
from sandboxes.devices.cuda.lease import GpuLease
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu
from sandboxes.hardware.targets import get_target

TARGET = get_target("h200")


class Kept(SimulatedGpu):
    """Notes what is still in its memory when it is to give back what nobody uses."""

    def __init__(self) -> None:
        super().__init__(TARGET)
        self.taken: list[weakref.ref[Any]] = []
        self.released: list[int] = []
        self.failure: GpuError | None = None

    def release(self) -> None:
        self.released.append(sum(reference() is not None for reference in self.taken))
        if self.failure is not None:
            raise self.failure


def use(gpu: Gpu, *, fails: bool) -> None:
    """Takes memory, and fails while it is in use."""
    assert isinstance(gpu, Kept)
    memory = gpu.memory(1024)
    gpu.taken.append(weakref.ref(memory))
    if fails:
        try:
            raise GpuError(GpuFault.GUARD, f"{memory.numel()} bytes")
        except GpuError as error:
            raise ValueError("a fault of the candidate's") from error


def lease(gpu: Gpu, folder: Path) -> GpuLease:
    return GpuLease(lambda: gpu, folder=folder)


@pytest.mark.parametrize("fails", [False, True])
def test_all_memory_is_given_back_before_anybody_else_has_a_turn(tmp_path: Path, *, fails: bool) -> None:
    gpu = Kept()
    mine = lease(gpu, tmp_path)
    try:
        with mine.turn(TARGET) as taken:
            use(taken, fails=fails)
    except ValueError:
        assert fails
    finally:
        mine.close()
    assert gpu.released == [0]
    assert mine.spoiled is None


def test_who_can_not_give_memory_back_is_done_with_the_gpu_and_has_its_result(tmp_path: Path) -> None:
    gpu = Kept()
    gpu.failure = GpuError(GpuFault.ILLEGAL_ACCESS, "seen late")
    mine = lease(gpu, tmp_path)
    with mine.turn(TARGET) as taken:
        use(taken, fails=False)
    mine.close()
    assert "seen late" in (mine.spoiled or "")
