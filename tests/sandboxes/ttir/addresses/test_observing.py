"""What is observed of a launch is what happens when it is executed."""

from typing import Any

import pytest
import torch
from torch import Tensor

from sandboxes.ttir import Counters, ExecutionOptions, Module, execute
from sandboxes.ttir.addresses.observing import observe
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import fixture, fixture_names


def counted(module: Module, grid: tuple[int, int, int], args: list[Any]) -> Counters:
    """The counters of an execution, without what only memory shows."""
    counters = execute(module, grid, args, options=ExecutionOptions(count=True)).counters
    for argument in counters.arguments.values():
        argument.unique_bytes_loaded = argument.unique_bytes_stored = 0
    return counters


@pytest.mark.parametrize("name", sorted(set(fixture_names()) & set(LAUNCHES)))
def test_an_observed_launch_counts_what_an_execution_counts_and_writes_nothing(name: str) -> None:
    case, module = LAUNCHES[name](), fixture(name)
    before = [arg.clone() if isinstance(arg, Tensor) else arg for arg in case.args]
    log = observe(module, case.grid, case.args, range(torch.Size(case.grid).numel()), max_seconds=5)
    for arg, copy in zip(case.args, before, strict=True):
        assert not isinstance(arg, Tensor) or torch.equal(arg.view(torch.uint8), copy.view(torch.uint8))
    assert log.counters == counted(module, case.grid, case.args)
    assert not log.guessed
