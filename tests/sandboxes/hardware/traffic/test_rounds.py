"""How often a program waits for memory is how often its loads come around."""

import pytest
import torch

from sandboxes.hardware.traffic.rounds import rounds
from sandboxes.ttir.addresses.observing import observe
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import fixture


def waited(name: str) -> float:
    case = LAUNCHES[name]()
    programs = range(torch.Size(case.grid).numel())
    return rounds(observe(fixture(name), case.grid, case.args, programs))


@pytest.mark.parametrize("name", ["softmax", "add_relu", "layernorm", "atomic_sum"])
def test_loads_without_a_loop_wait_together(name: str) -> None:
    assert waited(name) == 1


@pytest.mark.parametrize(("name", "iterations"), [("row_sum", 3), ("matmul", 5)])
def test_loads_of_a_loop_wait_in_every_iteration(name: str, iterations: int) -> None:
    assert waited(name) == iterations


def test_a_load_at_a_loaded_address_waits_for_it() -> None:
    """Four blocks of logits, the first along with the index of the one that is picked at the end."""
    assert waited("cross_entropy") == 4 + 1


def test_programs_that_load_nothing_do_not_wait() -> None:
    assert waited("random_numbers") == 0
    assert waited("early_exit") == pytest.approx(5 / 7)
