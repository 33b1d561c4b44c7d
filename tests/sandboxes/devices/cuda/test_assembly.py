"""Inline PTX may compute registers from registers, and do nothing else."""

from collections.abc import Callable

import pytest
import triton
import triton.language as tl

from sandboxes.devices.cuda.assembly import (
    MAX_CHARACTERS,
    MAX_INSTRUCTIONS,
    MAX_REGISTERS,
    AssemblyNotAllowed,
    check_assembly,
    check_operations,
    unescaped,
)
from sandboxes.ttir import UnsupportedOperation, parse
from tests.sandboxes.ttir.frontend import ttir_of

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention

HONEST = {
    "maximum": "max.f32 $0, $1, 0f00000000;",
    "exponential": "ex2.approx.ftz.f32 $0, $1;",
    "hyperbolic tangent": "tanh.approx.f32 $0, $1;",
    "half pairs": "fma.rn.bf16x2 $0, $1, $2, $3;",
    "conversion": "cvt.rn.satfinite.e4m3x2.f32 $0, $2, $1;",
    "bytes": "prmt.b32 $0, $1, $2, 0x5410; lop3.b32 $0, $0, $1, $2, 0xEA; dp4a.s32.u32 $0, $1, $2, -7;",
    "wide": "mad.wide.s32 $0, $1, $2, $3; shf.l.wrap.b32 $0, $1, $2, 5; mul.hi.u32 $0, $1, 0xCCCCCCCDU;",
    "predicates": """
        {
            // bounded on both sides
            .reg .pred p, q;
            .reg .f32 t<2>, %f7;
            setp.gt.and.f32 p|q, $1, 1.5e-3, p;
            @!p mov.f32 t0, -1.0;
            @q fma.rn.f32 t1, t0, $1, 0f3F800000; /* twice
            over */
            { .reg .b32 lo; mov.b64 {lo, _}, $2; }
            selp.f32 $0, t0, t1, !p;
        }
        """,
}
"""What people write."""

HOSTILE = {
    "a comment's end that LLVM drops": "add.u32 $0, $1, 0; // $( $|\n/* $)\nmov.u32 $0, %clock;\n$( $| */\n// $)\n",
    "an operand in a comment": "mov.b32 $0, $1; // ${0:comment}",
    "a clock": "mov.u64 $0, %globaltimer;",
    "another clock": "mov.u32 $0, %clock;",
    "a thread's id": "mov.u32 $0, %tid.x;",
    "a multiprocessor's id": "{ .reg .u32 %smid; mov.u32 $0, %smid; }",
    "a special register under its own name": "{ .reg .u64 %globaltimer; mov.u64 $0, %globaltimer; }",
    "a counter": "{ .reg .u32 %pm0; mov.u32 $0, %pm0; }",
    "a constant": "mov.u32 $0, WARP_SZ;",
    "the address of something": "mov.u64 $0, global_smem;",
    "a load": "ld.global.f32 $0, [$1];",
    "a store": "st.shared.f32 [$0], $1;",
    "an address in brackets": "mov.f32 $0, [$1];",
    "an atomic": "atom.add.f32 $0, [$1], $2;",
    "a reduction in memory": "red.global.add.f32 [$0], $1;",
    "a prefetch": "prefetch.global.L2 [$1];",
    "a copy": "cp.async.ca.shared.global [$0], [$1], 16;",
    "a barrier": "bar.sync 0;",
    "a fence": "membar.gl;",
    "a trap": "trap;",
    "a breakpoint": "brkpt;",
    "an exit": "exit;",
    "a return": "@p ret;",
    "a branch": "bra done;",
    "a label": "again: add.f32 $0, $0, $1;",
    "a call": "call (r), f, (x);",
    "sleep": "nanosleep.u32 100;",
    "a neighbour's register": "shfl.sync.bfly.b32 $0, $1, 1, 31, -1;",
    "who else is there": "activemask.b32 $0;",
    "a cache hint": "createpolicy.fractional.L2::evict_last.b64 $0, 1.0;",
    "a kind of address": "cvta.to.global.u64 $0, $1;",
    "a pragma": '.pragma "nounroll";',
    "a pragma without quotes": ".pragma nounroll;",
    "memory of its own": ".local .b32 x; mov.u32 $0, 1;",
    "shared memory of its own": "{ .shared .b8 x[4]; }",
    "a file": '.file 1 "x";',
    "a directive": ".loc 1 1 1;",
    "a register of the compiler": "add.f32 $0, %f1, $1;",
    "a register that is out of scope": "{ .reg .b32 %r1; } mov.u32 $0, %r1;",
    "a register before its declaration": "{ mov.u32 $0, a; .reg .b32 a; }",
    "a vector's part": "{ .reg .b32 a; mov.u32 $0, a.x; }",
    "registers of an odd type": "{ .reg .v4 .f32 a; }",
    "too many registers at once": f"{{ .reg .b32 r<{MAX_REGISTERS + 1}>; }}",
    "too many registers": "{" + ".reg .b32 r<200>; { .reg .b32 r<200>; }" + "}",
    "an odd modifier": "add.volatile.f32 $0, $1, $2;",
    "a state space as a modifier": "mov.shared.u32 $0, $1;",
    "volatile": "ld.volatile.f32 $0, $1;",
    "something behind a comment": "// nothing\nmov.u64 $0, %globaltimer;",
    "something behind another comment": "/* nothing */mov.u64 $0, %globaltimer;",
    "a comment in a comment": "/* // */ mov.u64 $0, %globaltimer; // */\n",
    "a comment that begins in a comment": "// /*\n add.f32 $0, $1, $1; // */",
    "a comment that continues": "// nothing \\\nadd.f32 $0, $1, $1;",
    "a comment that another line end closes": "// nothing \rmov.u64 $0, %globaltimer;\nadd.f32 $0, $1, $1;",
    "a comment that is not closed": "add.f32 $0, $1, $1; /*",
    "a line end that only Unicode knows": "// nothing \u2028 mov.u64 $0, %globaltimer;\nadd.f32 $0, $1, $1;",
    "another letter that looks alike": "\u0430dd.f32 $0, $1, $1;",
    "a space that is none": "add.f32\u00a0$0, $1, $1;",
    "a null": "add.f32 $0, $1, $1;\0trap;",
    "a vertical tab": "add.f32 $0, $1,\x0b$1;",
    "a line of the preprocessor": "\n#define add trap\nadd.f32 $0, $1, $1;",
    "a string": 'add.f32 $0, $1, $1; "',
    "LLVM's alternatives": "$(trap;$|add.f32 $0, $1, $1;$)",
    "LLVM's variables": "add.f32 $0, $1, ${:uid};",
    "a dollar": "add.f32 $0, $1, $$1;",
    "an operand that goes on": "add.f32 $0, $1, $1x;",
    "an operand glued to a name": "{ .reg .f32 x; add.f32 $0, $1, x$1; }",
    "an instruction glued to an operand": "add.f32$0x, $1, $1;",
    "a number that goes on": "add.f32 $0, $1, 0f3F8000000;",
    "a sum": "add.s32 $0, $1, 1+2;",
    "a minus before a register": "add.f32 $0, $1, -$1;",
    "nothing between two statements": "add.f32 $0, $1, $1 trap;",
    "the end in the middle": "add.f32 $0, $1",
    "a brace too many": "} trap; {",
    "another brace too many": "{ add.f32 $0, $1, $1;",
    "a semicolon in the middle": "add.f32 $0,; $1;",
    "a statement over two lines": "add.f32 $0, $1,\n$1; mov.u64 $0,\n%globaltimer;",
    "an upper case": "MOV.u64 $0, $1;",
    "a name with a space before the dot": "{ .reg .b32 a; mov.u32 $0, %tid .x; }",
    "only an instruction": "add;",
    "very deep": "{" * 100 + "}" * 100,
    "very much": "add.f32 $0, $1, $1;" * (MAX_INSTRUCTIONS + 1),
    "very long": " " * (MAX_CHARACTERS + 1),
}
"""What would reach beyond registers, and ways to hide it."""


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_arithmetic_on_registers_is_allowed(text: str) -> None:
    check_assembly(text, "=r,r,r,r")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(AssemblyNotAllowed):
        check_assembly(text, "=r,r,r,r")


@pytest.mark.parametrize("constraints", ["=r,r,~{memory}", "=r,m", "=r,{%tid}", "=r,i", "=*m,r", "", "=r, r", "=r,r\n"])
def test_operands_are_registers(constraints: str) -> None:
    with pytest.raises(AssemblyNotAllowed):
        check_assembly("add.f32 $0, $1, $1;", constraints)


def test_the_text_is_read_as_mlir_reads_it() -> None:
    assert unescaped(r"a\0A\09\22\\0A\"\n") == 'a\n\t"\\0A"\n'
    with pytest.raises(AssemblyNotAllowed, match="backslash"):
        unescaped(r"a\q")


@triton.jit
def honest(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    a = tl.load(x + i)
    y = tl.inline_asm_elementwise("add.f32 $0, $1, $1;", "=f,f", [a], tl.float32, is_pure=True, pack=1)
    z, w = tl.inline_asm_elementwise(
        "mov.b32 $0, $2;\n\tadd.u32 $1, $2, 1;", "=r,=r,r", [i], (tl.int32, tl.int32), is_pure=True, pack=1
    )
    tl.store(out + i, y + z + w)


@triton.jit
def timed(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    t = tl.inline_asm_elementwise("mov.u64 $0, %globaltimer;", "=l,r", [i], tl.int64, is_pure=False, pack=1)
    tl.store(out + i, t.to(tl.float32))


@triton.jit
def addressed(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    p = tl.inline_asm_elementwise("mov.b64 $0, $1;", "=l,l", [x + i], tl.int64, is_pure=True, pack=1)
    tl.store(out + i, p.to(tl.float32))


def text_of(kernel: Callable[..., object]) -> str:
    return ttir_of(kernel, ("*fp32", "*fp32"), BLOCK=32)


def test_a_kernel_with_arithmetic_as_ptx_may_run_on_a_gpu() -> None:
    check_operations(parse(text_of(honest)))


def test_a_kernel_that_reads_a_clock_may_not_and_its_line_is_told() -> None:
    with pytest.raises(UnsupportedOperation, match=r"it holds `%globaltimer`, which is no register.*at line \d+"):
        check_operations(parse(text_of(timed)))


def test_pointers_are_no_operands() -> None:
    with pytest.raises(UnsupportedOperation, match="of pointers"):
        check_operations(parse(text_of(addressed)))


def test_the_text_may_be_nowhere_else_than_where_triton_puts_it() -> None:
    text = text_of(honest)
    forms = (
        text.replace("pure = true", 'asm_string = "trap;", pure = true'),
        text.replace("pure = true", 'hidden = "trap;"'),
        text.replace('"add.f32 $0, $1, $1;"', '"add.f32 $0, $1, $1;" "trap;"'),
    )
    for form in forms:
        assert form != text
        with pytest.raises(UnsupportedOperation, match="in this form"):
            check_operations(parse(form))


EXTERN = """module {{ tt.func public @k(%p: !tt.ptr<f32>) {{
  %v = tt.load %p : !tt.ptr<f32>
  %w = tt.extern_elementwise %v {{libname = "", libpath = "", pure = true, symbol = "{symbol}"}} : (f32) -> f32
  tt.store %p, %w : !tt.ptr<f32>
  tt.return }} }}"""


def test_functions_of_libdevice_may_be_called_and_no_others() -> None:
    check_operations(parse(EXTERN.format(symbol="__nv_expf")))
    for symbol in ("llvm.nvvm.read.ptx.sreg.clock", "vprintf", "malloc", "__nvvm_reflect", ""):
        with pytest.raises(UnsupportedOperation):
            check_operations(parse(EXTERN.format(symbol=symbol)))


def test_operations_that_the_executor_does_not_know_stay_unsupported() -> None:
    text = EXTERN.format(symbol="__nv_expf").replace("tt.extern_elementwise", "tt.unheard_of")
    with pytest.raises(UnsupportedOperation, match=r"tt\.unheard_of"):
        check_operations(parse(text))
