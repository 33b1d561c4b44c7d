"""`python -m benchmarks NAME` finds every benchmark."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_benchmark_loads_and_one_that_is_not_there_is_named_beside_those_that_are() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    assert found.stderr.startswith("error: there is no benchmark 'nothing'; there are "), found.stderr[-2000:]
    assert "ordered" in found.stderr
    assert "executor" in found.stderr
