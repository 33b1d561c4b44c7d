"""What is examined of a launch is what happens when it is executed."""

import pytest
import torch

from sandboxes.contracts import Resources
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.traffic.examining import examine
from sandboxes.ttir import ExecutionOptions, execute
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import fixture, fixture_names

H200 = get_target("h200")
RESOURCES = Resources(registers=64, spill_bytes=0, shared_bytes=0, threads=128, occupancy=0.5, limited_by="registers")


@pytest.mark.parametrize("name", sorted(set(fixture_names()) & set(LAUNCHES)))
def test_a_launch_that_is_looked_at_as_a_whole_touches_the_bytes_that_its_execution_touches(name: str) -> None:
    case, module = LAUNCHES[name](), fixture(name)
    found = examine(module, case.grid, case.args, None, RESOURCES, H200, seed=1)
    counted = execute(module, case.grid, case.args, options=ExecutionOptions(count=True)).counters
    assert found.sampled == 1.0
    assert found.cached
    assert found.counters.flops == counted.flops
    for argument, count in found.counters.arguments.items():
        assert count == counted.arguments[argument]
    for access in found.accesses:
        assert access.least_sectors <= access.sectors
        assert access.dram_bytes <= 32 * access.sectors * (1 if access.kind == "load" else 2)
    assert sum(access.requested_bytes for access in found.accesses) == counted.bytes_loaded + counted.bytes_stored
    assert torch.Size(case.grid).numel() == sum(wave.programs for wave in found.waves)
