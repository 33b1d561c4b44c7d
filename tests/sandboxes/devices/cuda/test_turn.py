"""Processes that share a GPU take turns, whoever waits says so, and a slice of a GPU has turns of its own."""

import os
import threading
from pathlib import Path

import pytest

from sandboxes.devices.cuda.lease import GpuLease
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu
from sandboxes.devices.cuda.turn import Turn, turn
from sandboxes.errors import MachineFailed
from sandboxes.hardware.targets import get_target


def test_the_second_one_waits_says_so_and_begins_when_the_first_has_done(tmp_path: Path) -> None:
    heard: list[Turn] = []
    waits, began = threading.Event(), threading.Event()

    def note(turn: Turn) -> None:
        heard.append(turn)
        if turn is Turn.WAITING:
            waits.set()

    def second() -> None:
        with turn("GPU-1", note, tmp_path):
            began.set()

    thread = threading.Thread(target=second)
    with turn("GPU-1", folder=tmp_path):
        thread.start()
        assert waits.wait(10)
        assert not began.wait(0.1)
    thread.join(10)
    assert heard == [Turn.WAITING, Turn.BEGAN, Turn.OVER]


def test_slices_and_other_gpus_have_turns_of_their_own(tmp_path: Path) -> None:
    with turn("GPU-1", folder=tmp_path), turn("MIG-GPU-1/3/0", folder=tmp_path), turn("GPU-2", folder=tmp_path):
        assert len(list(tmp_path.iterdir())) == 3


def test_whoever_dies_gives_the_gpu_back(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        with turn("GPU-1", folder=tmp_path):
            os._exit(0)
    os.waitpid(child, 0)
    heard: list[Turn] = []
    with turn("GPU-1", heard.append, tmp_path):
        assert heard == [Turn.BEGAN]


def test_a_lock_that_can_not_be_opened_is_the_machines_fault_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "kernelgym-turn-GPU-1.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MachineFailed, match=r"remove .*kernelgym-turn-GPU-1\.lock"), turn("GPU-1", folder=tmp_path):
        pass


def test_simulated_gpus_measure_nothing_and_wait_for_nobody(tmp_path: Path) -> None:
    heard: list[Turn] = []
    leases = [GpuLease(SimulatedGpu, heard.append, tmp_path) for _ in range(2)]
    target = get_target("h200")
    try:
        with leases[0].turn(target) as one, leases[1].turn(target) as other:
            assert one.facts.uuid == other.facts.uuid
            assert heard == [Turn.BEGAN, Turn.BEGAN]
    finally:
        for lease in leases:
            lease.close()
    assert list(tmp_path.iterdir()) == []
