"""Texts come from compiling what a candidate wrote: whatever they hold, they are read or refused, at once."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxes.hardware.code.encodings import Other, read_encoding
from sandboxes.hardware.code.reading import read_code
from sandboxes.hardware.code.remembering import known_code
from sandboxes.hardware.code.text import MAX_OPERATIONS, MAX_TEXT_BYTES
from tests.sandboxes.hardware.code import kernels
from tests.sandboxes.hardware.code.compiled import ttgir

MODULE = (
    'module attributes {"ttg.num-ctas" = 1 : i32, "ttg.num-warps" = 4 : i32, "ttg.threads-per-warp" = 32 : i32} {\n'
)
BLOCKED = "#ttg.blocked<{sizePerThread = [4], threadsPerWarp = [32], warpsPerCTA = [4], order = [0]}>"
LOAD = f"%a = tt.load %p : tensor<1024x!tt.ptr<f32>, {BLOCKED}> loc(#loc)\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "module {\n}",
        "\0" * 100,
        "tt.load " * 1000,
        MODULE.replace("= 4", "= 3"),
        MODULE.replace("= 32", "= 31"),
        MODULE.replace("= 4", "= 99999999999999999999"),
        "x" * (MAX_TEXT_BYTES + 1),
        MODULE + "scf.for %i = %a to %b step %c {\n" * 1000,
        MODULE + LOAD * (MAX_OPERATIONS + 1),
    ],
    ids=["empty", "bare", "zeros", "words", "warps", "lanes", "huge number", "long", "deep", "many"],
)
def test_what_is_no_code_is_not_known(text: str) -> None:
    with pytest.raises(ValueError, match="TTGIR"):
        read_code(text)
    assert known_code(text) is None


@pytest.mark.parametrize(
    "body",
    [
        "}" * 1000 + "\n" + "}\n" * 1000,
        LOAD.replace("1024x", "1024x" * 1000),
        LOAD.replace("1024x", "99999999999x"),
        LOAD.replace("1024x", "0x"),
        LOAD.replace("[4]", "[3]"),
        LOAD.replace("[4]", "[" + "4, " * 500 + "4]"),
        LOAD.replace("[0]", "[7]"),
        LOAD.replace(BLOCKED, "#ttg.slice<{dim = 0, parent = " * 200 + BLOCKED + "}>" * 200),
        LOAD.replace(BLOCKED, "#ttg.linear<{register = [[1]], lane = [[1, 2, 3]], warp = [], block = []}>"),
        LOAD.replace(BLOCKED, "#ttg.nvidia_mma<{versionMajor = 9, warpsPerCTA = [4, 1], instrShape = []}>"),
        LOAD.replace("%p", "%a"),
        "%a = tt.addptr %a, %a : tensor<8x!tt.ptr<f32>>, tensor<8xi32>\n" + LOAD.replace("%p", "%a"),
        "%p = scf.for %i = %i to %i step %i iter_args(%p = %p) -> (i32) {\n" + LOAD + "scf.yield %p : i32\n}\n",
        "ttg.local_load %x : !ttg.memdesc<0x0xf32, #shared> -> tensor<8x8xf32, #blocked>\n",
        "ttg.memdesc_index %x[%y] : !ttg.memdesc<f32>\n",
        "tt.dot %a, %b, %c : tensor<8xf32> * tensor<8xf32> -> tensor<8xf32>\n",
        '"tt.reduce"(%x) <{axis = 9 : i32}> ({\n}) : (tensor<8xf32>) -> f32\n',
        "tt.load" + "<" * 50_000 + "\n",
        "tt.load " + "tensor<" * 10_000 + "\n",
        "tt.load " + "%a, " * 20_000 + "\n",
        '%x = tt.load "' + "\\\\" * 40_000 + "\n",
        "%" + "a" * 90_000 + " = tt.load %p : tensor<8x!tt.ptr<f32>>\n",
    ],
)
def test_malformed_operations_are_read_as_far_as_they_make_sense(body: str) -> None:
    began = time.perf_counter()
    read_code(MODULE + body + "}\n")
    assert time.perf_counter() - began < 2


def test_locations_that_go_in_circles_are_not_known() -> None:
    text = MODULE + LOAD + "}\n#loc = loc(#loc1)\n#loc1 = loc(callsite(#loc at #loc1))\n"
    assert read_code(text).memory[0].line == 0


def test_layouts_that_go_in_circles_are_not_known() -> None:
    aliases = {"a": "#ttg.slice<{dim = 0, parent = #b}>", "b": "#ttg.slice<{dim = 0, parent = #a}>"}
    found = read_encoding("#a", aliases)
    assert not isinstance(found, Other)
    text = "#a = #ttg.slice<{dim = 0, parent = #a}>\n" + MODULE + LOAD.replace(BLOCKED, "#a") + "}\n"
    assert read_code(text).memory[0].lanes is None


def test_names_that_look_like_layouts_or_operations_stay_names() -> None:
    place = '#loc = loc("%x = tt.load %p : tensor<8x!tt.ptr<f32>, #mma> loc(#loc9)":3:4)\n'
    named = '%q = tt.get_program_id x {name = "tt.store tensor<4xf32, #blocked>"} : i32 loc(#loc)\n'
    code = read_code(MODULE + named + LOAD + "}\n" + place)
    assert [(each.kind, each.line, each.column) for each in code.memory] == [("load", 3, 4)]


def test_a_loop_over_loops_of_carried_addresses_ends() -> None:
    depth = 40
    text = MODULE
    for level in range(depth):
        text += f"%r{level} = scf.for %i{level} = %a to %b step %c iter_args(%p{level + 1} = %p{level}) -> (i32) {{\n"
        text += f"%q{level} = tt.addptr %p{level + 1}, %i{level} : !tt.ptr<f32>, i32\n"
    text += LOAD.replace("%p", f"%q{depth - 1}")
    text += f"scf.yield %q{depth - 1} : i32\n}}\n" * depth + "}\n"
    began = time.perf_counter()
    assert read_code(text).memory[0].vector == 1
    assert time.perf_counter() - began < 2


@pytest.mark.slow
def test_thousands_of_loops_and_of_equal_names_are_read_at_once() -> None:
    loop = "%r = scf.for %i = %a to %b step %c iter_args(%p = %x) -> (i32) {\n" + LOAD + "scf.yield %p : i32\n}\n"
    began = time.perf_counter()
    read_code(MODULE + loop * 4000 + "}\n")
    read_code(MODULE + loop * 2000 + LOAD.replace("%a", "%q") * 8000 + "}\n")
    assert time.perf_counter() - began < 8


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_damaged_code_is_read_or_refused(data: st.DataObject) -> None:
    text = ttgir(kernels.matmul, "*fp16 *fp16 *fp32 i32 i32 i32", tall=64, wide=64, deep=32, precision="tf32", stages=3)
    start = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(0, 400))
    garbage = data.draw(st.text(alphabet='#%<>{}[](),=:x0123456789 abct.\n"', max_size=40))
    known_code(text[:start] + garbage + text[start + length :])


def test_a_text_that_is_read_again_is_remembered() -> None:
    text = MODULE + LOAD + "}\n"
    assert known_code(text) is known_code(text)
