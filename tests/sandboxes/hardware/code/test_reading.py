"""What is read from compiled code is what the compiler did: units, layouts, vectors, pipelines, shared memory."""

from typing import Any

import pytest

from sandboxes.hardware.code.code import Code, MemoryCode
from sandboxes.hardware.code.reading import read_code
from sandboxes.hardware.facts import Unit
from tests.sandboxes.hardware.code import kernels
from tests.sandboxes.hardware.code.compiled import ttgir

HALF = "*fp16 *fp16 *fp32 i32 i32 i32"
SINGLE = "*fp32 *fp32 *fp32 i32 i32 i32"


def matmul(target: str, types: str = HALF, tall: int = 64, precision: str = "tf32", **options: Any) -> Code:
    chosen: dict[str, Any] = {"stages": 3, "wide": 64, "deep": 32} | options
    return read_code(ttgir(kernels.matmul, types, target, tall=tall, precision=precision, **chosen))


def read(kernel: Any, types: str, target: str = "h200", **options: Any) -> Code:
    return read_code(ttgir(kernel, types, target, **options))


def access(code: Code, kind: str, number: int = 0) -> MemoryCode:
    return [each for each in code.memory if each.kind == kind][number]


@pytest.mark.parametrize(
    ("target", "unit", "instruction"),
    [
        ("h200", Unit.WGMMA, (64, 64, 16)),
        ("a100", Unit.MMA, (16, 8, 16)),
        ("l40s", Unit.MMA, (16, 8, 16)),
        ("b200", Unit.TCGEN05, (64, 64, 16)),
        ("mi300x", Unit.MFMA, (32, 32, 8)),
    ],
)
def test_a_product_of_half_types_runs_on_the_matrix_unit_of_its_gpu(
    target: str, unit: Unit, instruction: tuple[int, int, int]
) -> None:
    (dot,) = matmul(target).dots
    assert (dot.unit, dot.instruction, dot.tile) == (unit, instruction, (64, 64, 32))


def test_16_rows_are_too_few_for_wgmma() -> None:
    (dot,) = matmul("h200", tall=16).dots
    assert dot.unit is Unit.MMA


def test_two_warps_are_too_few_for_wgmma() -> None:
    (dot,) = matmul("h200", warps=2).dots
    assert dot.unit is Unit.MMA


@pytest.mark.parametrize("target", ["h200", "a100", "b200"])
def test_a_float32_product_without_tf32_runs_on_fma(target: str) -> None:
    (dot,) = matmul(target, SINGLE, precision="ieee").dots
    assert (dot.unit, dot.instruction) == (Unit.FMA, (0, 0, 0))


def test_a_float32_product_with_tf32_has_instructions_half_as_deep() -> None:
    (dot,) = matmul("h200", SINGLE).dots
    assert (dot.unit, dot.instruction) == (Unit.WGMMA, (64, 64, 8))


@pytest.mark.parametrize("target", ["h200", "a100", "b200", "mi300x"])
@pytest.mark.parametrize("stages", [2, 3])
def test_a_loop_is_pipelined_as_deep_as_asked(target: str, stages: int) -> None:
    assert matmul(target, stages=stages).pipelined == stages


def test_one_stage_is_no_pipeline() -> None:
    assert matmul("h200", stages=1).pipelined == 1
    assert read(kernels.row_sums, "*fp32 *fp32 i32", tall=4, wide=256, stages=3).pipelined == 1
