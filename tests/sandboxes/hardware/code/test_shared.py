"""Conflicts on the banks of shared memory are those of the addresses, and only what crosses warps goes through it."""

import pytest

from sandboxes.hardware.code.encodings import Padded, Swizzled, read_encoding
from sandboxes.hardware.code.shared import Move, conflicts, move, offset

MMA = "#ttg.nvidia_mma<{versionMajor = 2, versionMinor = 0, warpsPerCTA = [4, 1], instrShape = [16, 8]}>"
ALIASES = {
    "row": "#ttg.blocked<{sizePerThread = [1, 1], threadsPerWarp = [1, 32], warpsPerCTA = [4, 1], order = [1, 0]}>",
    "column": "#ttg.blocked<{sizePerThread = [1, 1], threadsPerWarp = [32, 1], warpsPerCTA = [1, 4], order = [0, 1]}>",
    "tile": "#ttg.blocked<{sizePerThread = [1, 4], threadsPerWarp = [4, 8], warpsPerCTA = [4, 1], order = [1, 0]}>",
    "tall": "#ttg.blocked<{sizePerThread = [1, 4], threadsPerWarp = [8, 4], warpsPerCTA = [4, 1], order = [1, 0]}>",
    "mma": MMA,
    "plain": "#ttg.swizzled_shared<{vec = 1, perPhase = 1, maxPhase = 1, order = [1, 0]}>",
    "swizzled": "#ttg.swizzled_shared<{vec = 1, perPhase = 1, maxPhase = 32, order = [1, 0]}>",
    "for_mma": "#ttg.swizzled_shared<{vec = 8, perPhase = 1, maxPhase = 8, order = [1, 0]}>",
    "padded": "#ttg.padded_shared<[32:+1] {order = [1, 0], shape = [32, 32]}>",
    "tensor_cores": "#ttg.nvmma_shared<{swizzlingByteWidth = 128, transposed = false, elementBitWidth = 16}>",
    "left": "#ttg.dot_op<{opIdx = 0, parent = #mma, kWidth = 2}>",
    "right": "#ttg.dot_op<{opIdx = 1, parent = #mma, kWidth = 2}>",
}


def layout(name: str):  # type: ignore[no-untyped-def] - one of many kinds
    return read_encoding(f"#{name}", ALIASES)


@pytest.mark.parametrize(
    ("held", "lies", "passes"),
    [
        ("row", "plain", 1.0),
        ("column", "plain", 32.0),
        ("column", "swizzled", 1.0),
        ("row", "swizzled", 1.0),
        ("column", "padded", 1.0),
        ("row", "padded", 1.0),
        ("tile", "plain", 1.0),
        ("column", "tensor_cores", 1.0),
    ],
)
def test_a_column_of_a_square_lies_on_one_bank_unless_it_is_swizzled_or_padded(
    held: str, lies: str, passes: float
) -> None:
    assert conflicts(layout(held), layout(lies), (32, 32), 4) == passes


@pytest.mark.parametrize("operand", ["left", "right"])
def test_operands_of_tensor_cores_have_no_conflicts_if_swizzled_and_eight_without(operand: str) -> None:
    assert conflicts(layout(operand), layout("for_mma"), (64, 64), 2) == 1.0
    assert conflicts(layout(operand), layout("plain"), (64, 64), 2) == 8.0


def test_a_part_of_a_buffer_lies_as_far_apart_as_the_buffer_is_wide() -> None:
    assert conflicts(layout("left"), layout("plain"), (64, 16), 2) == 2.0
    assert conflicts(layout("left"), layout("plain"), (64, 16), 2, (64, 64)) == 8.0


@pytest.mark.parametrize("name", ["plain", "swizzled", "for_mma"])
def test_swizzling_moves_elements_only_within_their_row(name: str) -> None:
    shared = layout(name)
    assert isinstance(shared, Swizzled)
    for row in range(32):
        places = {offset(shared, (row, column), (32, 32)) for column in range(32)}
        assert places == set(range(32 * row, 32 * row + 32))


def test_a_padded_row_begins_one_element_later() -> None:
    shared = layout("padded")
    assert isinstance(shared, Padded)
    assert offset(shared, (3, 5), (32, 32)) == 3 * 33 + 5


def test_only_what_crosses_warps_goes_through_shared_memory() -> None:
    assert move(layout("tile"), layout("tile"), (64, 64)) is Move.REGISTERS
    assert move(layout("tile"), layout("tall"), (16, 32)) is Move.SHARED
    assert move(layout("row"), layout("column"), (64, 64)) is Move.SHARED
    assert move(layout("mma"), layout("left"), (64, 64)) is Move.REGISTERS
    assert move(layout("mma"), layout("nobody_knows"), (64, 64)) is Move.SHARED


def test_lanes_of_a_warp_exchange_by_shuffles() -> None:
    warp = "sizePerThread = [1, 1], warpsPerCTA = [4, 1], order = [1, 0]"
    across = read_encoding(f"#ttg.blocked<{{{warp}, threadsPerWarp = [1, 32]}}>", {})
    square = read_encoding(
        "#ttg.linear<{register = [[4, 0], [8, 0]], lane = [[0, 16], [0, 8], [0, 4], [0, 2], [0, 1]], "
        "warp = [[1, 0], [2, 0]], block = []}>",
        {},
    )
    assert move(across, square, (16, 32)) is Move.SHUFFLES  # type: ignore[arg-type]
