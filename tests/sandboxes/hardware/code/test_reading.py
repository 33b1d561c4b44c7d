"""What is read from compiled code is what the compiler did: units, layouts, vectors, pipelines, shared memory."""

import re
from typing import Any

import pytest

from sandboxes.hardware.code.code import Code, MemoryCode, SharedCode, Way
from sandboxes.hardware.code.reading import read_code
from sandboxes.hardware.facts import Unit
from sandboxes.ttir import parse
from tests.sandboxes.hardware.code import kernels
from tests.sandboxes.hardware.code.compiled import candidates, compiled, ttgir

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


@pytest.mark.parametrize("target", ["h200", "a100", "mi300x"])
@pytest.mark.parametrize("stages", [1, 2, 3])
def test_a_loop_over_tiles_around_it_does_not_hide_a_pipeline(target: str, stages: int) -> None:
    """What is loaded ahead of the inner loop is inside the outer one."""
    types = "*fp16 *fp16 *fp32 i32 i32 i32"
    code = read(kernels.persistent_matmul, types, target, tall=64, wide=64, deep=32, stages=stages)
    assert code.pipelined == stages


def test_one_stage_is_no_pipeline() -> None:
    assert matmul("h200", stages=1).pipelined == 1
    assert read(kernels.row_sums, "*fp32 *fp32 i32", tall=4, wide=256, stages=3).pipelined == 1


def test_a_load_waits_where_it_is_if_it_can_not_be_copied_asynchronously() -> None:
    code = matmul("h200", aligned="a b c")
    assert code.pipelined == 1
    assert {each.way for each in code.memory} == {Way.REGISTERS}


@pytest.mark.parametrize(
    ("types", "aligned", "vector"),
    [
        ("*fp32 *fp32 i32", "all", 4),
        ("*fp16 *fp16 i32", "all", 8),
        ("*i8 *i8 i32", "all", 8),  # no more than each thread has
        ("*fp16 *fp16 i32", "x n", 8),
        ("*fp16 *fp16 i32", "x y", 1),  # the mask may end within a vector
        ("*fp16 *fp16 i32", "n", 1),
    ],
)
def test_a_load_takes_as_much_at_once_as_alignment_and_mask_allow(types: str, aligned: str, vector: int) -> None:
    assert access(read(kernels.copy, types, block=1024, aligned=aligned), "load").vector == vector


def test_an_unaligned_row_stride_is_loaded_element_by_element() -> None:
    types = "*fp32 *fp32 i32 i32"
    assert access(read(kernels.softmax, types, block=2048), "load").vector == 4
    assert access(read(kernels.softmax, types, block=2048, aligned="x y columns"), "load").vector == 1


def test_addresses_that_were_loaded_are_accessed_one_by_one() -> None:
    code = read(kernels.gather, "*i32 *fp32 *fp32 i32", block=512)
    table, index, gathered = (access(code, "load", number) for number in range(3))
    assert (table.shape, table.lanes) == ((), None)
    assert (index.vector, gathered.vector) == (4, 1)
    assert access(code, "store").vector == 4


def test_names_that_come_again_in_another_loop_are_other_values() -> None:
    code = read(kernels.twice_over, "*fp32 *fp32 *fp32 i32 i32", block=256, aligned="x y z n")
    assert [each.vector for each in code.memory if each.kind == "load"] == [2, 1]


def test_tiles_of_descriptors_are_copied_whole() -> None:
    code = read(kernels.described_matmul, "*fp16 *fp16 *fp16 i32 i32 i32", tall=128, wide=64, deep=32, stages=3)
    assert [(each.kind, each.way, each.shape) for each in code.memory] == [
        ("load", Way.TMA, (128, 32)),
        ("load", Way.TMA, (32, 64)),
        ("store", Way.TMA, (128, 64)),
    ]
    assert code.pipelined == 3


def test_an_atomic_is_one() -> None:
    code = read(kernels.histogram, "*i32 *i32 i32", block=512)
    assert access(code, "atomic").shape == (512,)


CASES: list[tuple[Any, str, dict[str, Any]]] = [
    (kernels.softmax, "*fp32 *fp32 i32 i32", {"block": 512}),
    (kernels.matmul, HALF, {"tall": 64, "wide": 64, "deep": 32, "precision": "tf32", "stages": 3}),
    (kernels.row_sums, "*fp32 *fp32 i32", {"tall": 4, "wide": 256}),
    (kernels.through_a_function, "*fp32 *fp32", {"block": 512}),
    (kernels.twice_over, "*fp32 *fp32 *fp32 i32 i32", {"block": 256}),
]


@pytest.mark.parametrize("target", ["h200", "mi300x"])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_each_access_of_the_source_is_found_at_its_place(case: int, target: str) -> None:
    kernel, types, options = CASES[case]
    made = compiled(kernel, types, target, last="ttgir", **options)
    wanted = set()
    for operation in parse(candidates(made.asm["ttir"])).kernel.walk():
        if operation.name in ("tt.load", "tt.store"):
            frame = operation.location.user_frame()
            assert frame is not None
            wanted.add((operation.name[3:], frame.line, frame.column))
    code = read_code(candidates(made.asm["ttgir"]))
    assert {(each.kind, each.line, each.column) for each in code.memory} == wanted


PTX_ACCESS = re.compile(
    r"(ld|st)\.global(?:\.v(\d))?\.[bsuf](\d+)|(cp)\.async\.c[ag]\.[\w.]+ \[[^]]*\], \[[^]]*\], 0x(\w+)"
)


def ptx_bytes(ptx: str) -> dict[tuple[str, int, int], set[int]]:
    """Bytes that a thread accesses at once, by kind and place, in the machine's own words."""
    found: dict[tuple[str, int, int], set[int]] = {}
    line = column = 0
    inline = False
    for text in ptx.splitlines():
        inline = (inline or "// begin inline asm" in text) and "// end inline asm" not in text
        if (place := re.match(r"\s*\.loc\s+\d+ (\d+) (\d+)", text)) and not inline:
            line, column = int(place[1]), int(place[2])
        elif access := PTX_ACCESS.search(text):
            size = int(access[5], 16) if access[4] else int(access[2] or 1) * int(access[3]) // 8
            found.setdefault(("store" if access[1] == "st" else "load", line, column), set()).add(size)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("aligned", ["all", "x y a b c"])
@pytest.mark.parametrize("target", ["h200", "a100"])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_vectors_are_those_of_the_ptx(case: int, target: str, aligned: str) -> None:
    kernel, types, options = CASES[case]
    made = compiled(kernel, types, target, last="ptx", aligned=aligned, **options)
    real = ptx_bytes(made.asm["ptx"])
    memory = read_code(candidates(made.asm["ttgir"])).memory
    assert memory
    for each in memory:
        assert real[each.kind, each.line, each.column] == {each.vector * each.element_bytes}, each


def on_line(code: Code, number: int) -> list[SharedCode]:
    return [each for each in code.shared if each.line == number]


def test_what_tensor_cores_load_from_swizzled_memory_has_no_conflicts() -> None:
    assert {each.conflicts for each in matmul("a100").shared} == {1.0}


def test_a_transposition_goes_through_shared_memory() -> None:
    (way,) = read(kernels.transpose, "*fp32 *fp32 i32 i32", block=64).shared
    assert (way.bytes, way.looped) == (2 * 64 * 64 * 4, False)


def test_a_sum_within_warps_needs_no_shared_memory_but_one_across_them_does() -> None:
    narrow = read(kernels.row_sums, "*fp32 *fp32 i32", tall=64, wide=32)
    wide = read(kernels.row_sums, "*fp32 *fp32 i32", tall=1, wide=1024)
    place = next(each.line for each in narrow.memory if each.kind == "load")
    assert not on_line(narrow, place)
    assert [each.bytes for each in on_line(wide, place)] == [2 * 4 * 4]  # one number per warp, written and read


def test_the_size_of_a_warp_is_that_of_the_gpu() -> None:
    code = read(kernels.copy, "*fp32 *fp32 i32", "mi300x", block=1024, warps=2)
    assert (code.warps, code.warp_size) == (2, 64)
