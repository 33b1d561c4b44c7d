"""What the first-level cache catches depends on how many programs share it."""

import pytest
import torch

from sandboxes.hardware.code.reading import read_code
from sandboxes.hardware.facts import AccessFacts
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.traffic.examining import examine
from sandboxes.ttir import parse
from tests.sandboxes.hardware.code import kernels
from tests.sandboxes.hardware.code.compiled import compiled, ttgir
from tests.sandboxes.hardware.pricing.kernels import needs

H200 = get_target("h200")
TYPES = "*fp32 *fp32 *fp32 i32 i32 i32"
SHAPE = {"tall": 64, "wide": 128, "deep": 32, "precision": "tf32", "warps": 8, "stages": 3}


def right_factor(columns: int) -> AccessFacts:
    """TF32 wants the right factor transposed in shared memory, so the compiler copies it in words of 4 bytes: four
    instructions touch each sector. Three programs fit on a multiprocessor, by shared memory.
    """
    code = read_code(ttgir(kernels.matmul, TYPES, **SHAPE))
    module = parse(str(compiled(kernels.matmul, TYPES, last="ttgir", **SHAPE).asm["ttir"]))
    args = [torch.zeros(64, 256), torch.zeros(256, columns), torch.zeros(64, columns), 64, columns, 256]
    found = examine(module, (1, columns // 128, 1), args, code, needs(64, 73_728, 256), H200, seed=1)
    return next(access for access in found.accesses if access.argument == "b")


def test_a_program_that_is_alone_on_its_multiprocessor_loads_each_sector_once() -> None:
    alone = right_factor(128 * 64)
    assert alone.sectors == pytest.approx(4 * alone.least_sectors)
    assert alone.l2_sectors == pytest.approx(alone.least_sectors)


def test_programs_that_leave_no_room_for_each_other_load_it_again() -> None:
    crowded = right_factor(128 * 132 * 3)
    assert crowded.l2_sectors == crowded.sectors == pytest.approx(4 * crowded.least_sectors)
