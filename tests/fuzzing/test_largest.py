"""The most expensive header that a sandbox can send costs a few seconds and a bounded amount of memory."""

import subprocess
import sys

import pytest

from tests.fuzzing.largest import HEADERS

MIB = 8
"""Size of the headers; a quarter of the largest."""

SECONDS_PER_MIB = 1.5
MEMORY_PER_BYTE = 110


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADERS)
def test_reading_a_header_costs_time_and_memory_in_proportion_to_its_size(name: str) -> None:
    command = [sys.executable, "-m", "tests.fuzzing.largest", name, str(MIB)]
    words = subprocess.run(command, capture_output=True, text=True, check=True, timeout=110).stdout.split()
    seconds, mebibytes = float(words[0]), int(words[1])
    assert seconds < SECONDS_PER_MIB * MIB
    assert mebibytes < MEMORY_PER_BYTE * MIB
