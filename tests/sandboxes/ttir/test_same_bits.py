"""The same launch gives the same bits: again, in another process, and where no float sum is involved on any number of
threads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.sandboxes.ttir.digests import digests

ROOT = Path(__file__).resolve().parents[3]
SUMLESS = (
    "add_relu", "argmax", "collatz", "cumulative", "early_exit", "gelu_tanh", "histogram_atomic", "int8_dot",
    "linear_scan", "random_numbers", "shapes",
)  # fmt: skip
"""Fixture kernels that do not add floats across lanes other than in a fixed order."""


def _elsewhere(threads: int) -> dict[str, str]:
    command = [sys.executable, "-m", "tests.sandboxes.ttir.digests", str(threads)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(result.stdout))


@pytest.fixture(scope="module")
def here() -> dict[str, str]:
    return digests()


def test_a_second_run_gives_the_same_bits(here: dict[str, str]) -> None:
    assert digests() == here


def test_another_process_gives_the_same_bits(here: dict[str, str]) -> None:
    assert _elsewhere(torch.get_num_threads()) == here


@pytest.mark.slow
def test_another_number_of_threads_gives_the_same_bits_where_no_floats_are_summed(here: dict[str, str]) -> None:
    other = _elsewhere(1 if torch.get_num_threads() > 1 else 3)
    assert {name: other[name] for name in SUMLESS} == {name: here[name] for name in SUMLESS}
