"""What the GPU itself says: which one it is, and what went wrong, by error numbers alone."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.gpu import Gpu
from tests.gpu.conftest import Bench
from tests.gpu.kernels import floats

ROOT = Path(__file__).parents[2]
FAULTS = {
    "far": GpuFault.ILLEGAL_ACCESS,
    "misaligned": GpuFault.MISALIGNED,
    "asserts": GpuFault.ASSERTION,
}
HIDDEN = "CUDA_VISIBLE_DEVICES= facts"


@pytest.fixture(scope="module")
def found(bench: Bench) -> dict[str, dict[str, Any]]:
    """What came of each experiment, one after the other, each in a process of its own."""
    named = f"CUDA_VISIBLE_DEVICES={bench.facts.uuid} facts"
    experiments = [*FAULTS, "endless", "facts", named, HIDDEN]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.gpu.child", bench.name, bench.target, *experiments],
        cwd=ROOT, env=os.environ.copy(), capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return dict(zip([*FAULTS, "endless", "facts", "named", "hidden"], json.loads(ended.stdout), strict=True))


@pytest.mark.parametrize(("kernel", "fault"), FAULTS.items())
def test_a_fault_is_known_by_its_number_and_stays(
    kernel: str, fault: GpuFault, found: dict[str, dict[str, Any]]
) -> None:
    assert found[kernel].get("fault") == fault.value, found[kernel]
    assert found[kernel]["spoils"]
    assert found[kernel].get("again") == fault.value, "a spoiled context works no more"


def test_a_kernel_that_never_ends_can_be_ended_from_outside_and_the_gpu_works_afterwards(
    found: dict[str, dict[str, Any]], bench: Bench
) -> None:
    assert found["endless"] == {"ended": False, "launched": True}
    assert found["facts"]["uuid"] == bench.facts.uuid


def test_the_gpu_that_the_environment_names_is_used_and_none_if_it_names_none(
    found: dict[str, dict[str, Any]], bench: Bench
) -> None:
    assert found["named"]["uuid"] == bench.facts.uuid
    if not bench.facts.simulated:  # which no variable hides
        assert "CUDA_VISIBLE_DEVICES" in found["hidden"]["no_gpu"]


def test_memory_that_is_not_there_is_no_end_of_the_context(gpu: Gpu) -> None:
    with pytest.raises(GpuError) as caught:
        gpu.memory(gpu.facts.memory_bytes + (1 << 40))
    assert caught.value.fault is GpuFault.OUT_OF_MEMORY
    assert not caught.value.fault.spoils
    assert float(floats(gpu, 1024).sum()) == 1024.0


def test_facts_are_the_same_with_and_without_a_context(bench: Bench, gpu: Gpu) -> None:
    assert gpu.facts.uuid == bench.facts.uuid
    assert gpu.facts.title == bench.facts.title
    assert gpu.facts.multiprocessors > 0
    assert gpu.facts.l2_bytes > 1 << 20
