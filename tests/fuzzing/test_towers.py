"""The same piece of TTIR again and again, anywhere in a kernel, is read in time that grows with the text."""

import time

import pytest

from tests.fuzzing.kernels import TOWERS
from tests.fuzzing.targets.kernels import read

MODULE = "module {\ntt.func public @k(%p0: !tt.ptr<f32>, %p1: !tt.ptr<f32>, %n: i32) {\n?\ntt.return\n}\n}\n"
PLACES = {
    "alone": "?",
    "in a body": MODULE,
    "in an attribute": MODULE.replace("?", "%z = arith.addi %n, %n {a = ?} : i32"),
    "among parameters": MODULE.replace("?", "").replace("%n: i32", "%n: i32, ?"),
}
CHARACTERS = 2**16
SECONDS = 3.0
"""CPU time; most take 0.05 s on a quiet machine."""


def tower(opening: str, closing: str, characters: int) -> str:
    times = characters // len(opening + closing)
    return opening * times + closing * times


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("piece", TOWERS[:: len(TOWERS) // 8], ids=repr)
def test_a_tower_of_any_piece_is_read_at_once(place: str, piece: tuple[str, str]) -> None:
    started = time.process_time()
    read(PLACES[place].replace("?", tower(*piece, CHARACTERS)))
    assert time.process_time() - started < SECONDS


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("place", PLACES)
def test_a_megabyte_of_any_piece_is_read_in_seconds(place: str) -> None:
    for piece in TOWERS[1::6]:
        started = time.process_time()
        read(PLACES[place].replace("?", tower(*piece, 2**20)))
        assert time.process_time() - started < 12, piece
