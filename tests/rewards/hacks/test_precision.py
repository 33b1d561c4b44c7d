"""Products of float32 may round their inputs to TF32; whatever is rounded further is rejected, and splitting is not."""

import pytest

from rewards.hacks import gate
from sandboxes.contracts import Finding, Severity
from tests.rewards.hacks.shown import reference_graph, shown
from tests.tracer import Tracer, candidate, forward, line_of, spec

PRODUCT = """
    @triton.jit
    def dot_kernel(x_ptr, w_ptr, v_ptr, y_ptr, factor, B: tl.constexpr):
        i = tl.arange(0, B)
        places = i[:, None] * B + i[None, :]
        x = tl.load(x_ptr + places)
        w = tl.load(w_ptr + places)
        acc = tl.zeros((B, B), dtype=tl.float32)
        other = tl.zeros((B, B), dtype=tl.float32)
        for step in range(2):
            COMPUTE
        tl.store(y_ptr + places, acc)

    @triton.jit
    def copy_kernel(x_ptr, y_ptr, B: tl.constexpr):
        i = tl.arange(0, B)
        tl.store(y_ptr + i, tl.load(x_ptr + i).to(y_ptr.dtype.element_ty))

    class ModelNew(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(32, 32))
            self.v = torch.zeros(32, 32, dtype=torch.int16)
            INIT
        def forward(self, x):
            y = torch.empty(32, 32, device=x.device)
            w, v = self.w, self.v
            FORWARD
            dot_kernel[(1,)](x, w, v, y, FACTOR, 32)
            return y
    """
PROBLEM = reference_graph(
    "x @ self.w", init="self.w = nn.Parameter(torch.randn(32, 32))", inputs=("torch.randn(32, 32)",)
)
TF32 = "acc = tl.dot(x, w.to(tl.float32), acc)"
HALF = "acc = tl.dot(x.to(tl.float16), w.to(tl.float16), acc)"
SPLIT = """x1 = x.to(tl.bfloat16); w1 = w.to(tl.bfloat16)
            x2 = ((x - x1.to(tl.float32)) * factor).to(tl.bfloat16)
            w2 = (w - w1.to(tl.float32)).to(tl.bfloat16)
            acc = tl.dot(x1, w1, acc)
            """
ALL_PARTS = "acc = tl.dot(x2, w1, tl.dot(x1, w2, acc))"
ONCE = (
    "x = tl.load(x_ptr + places + step)\n            "
    + SPLIT
    + """acc = tl.dot(x1, w2, acc)
            other = x - x1.to(tl.float32)
        acc = tl.dot(other.to(tl.bfloat16), w.to(tl.bfloat16), acc)"""
)
SMALL = (
    SPLIT
    + """acc = tl.dot(x1, w2, acc)
            small = tl.sum(tl.sum(tl.reshape(x2.to(tl.float32), (2, 16, 2, 16)), 2), 0).to(tl.bfloat16)
            acc += tl.sum(tl.sum(tl.dot(small, small), 1), 0)"""
)
THREE_PARTS = """x1 = x.to(tl.bfloat16); w1 = w.to(tl.bfloat16)
            rest = x - x1.to(tl.float32)
            x2 = rest.to(tl.bfloat16)
            x3 = (rest - x2.to(tl.float32)).to(tl.bfloat16)
            w2 = (w - w1.to(tl.float32)).to(tl.bfloat16)
            acc = tl.dot(x3, w1, tl.dot(x2, w2, tl.dot(x1, w2, tl.dot(x2, w1, tl.dot(x1, w1, acc)))))"""
HELD = "held = self.w.detach().{}; del self.w; self.w = held"
LOADED_PARTS = """v = tl.load(v_ptr + places)
            x1 = x.to(tl.float16)
            x2 = (x - x1.to(tl.float32)).to(tl.float16)
            acc = tl.dot(x1, w, tl.dot(x2, w, tl.dot(x1, v, acc)))"""


def product(compute: str = TF32, *, init: str = "pass", before: str = "pass", factor: str = "1.5") -> str:
    source = PRODUCT.replace("COMPUTE", compute).replace("INIT", init).replace("FORWARD", before)
    return candidate(source.replace("FACTOR", factor))


def found(tracer: Tracer, source: str) -> list[Finding]:
    findings = gate.examine(shown(tracer, source, spec(32, 32), reference=PROBLEM))
    return [finding for finding in findings if finding.rule == "lower_precision"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (product(HALF), "multiplies matrices, f16 by f16: they were rounded from f32 to f16 in `dot_kernel`"),
        (product(SPLIT), "bf16 by bf16"),
        (product(SPLIT + "other = tl.dot(x2, w1, tl.dot(x1, w2, other))"), "bf16 by bf16"),
        (product(SPLIT + ALL_PARTS, factor="0.0"), "bf16 by bf16"),
        (product(SPLIT + "acc += tl.dot(x2, w1, tl.dot(x1, w2)) * 0.0"), "bf16 by bf16"),
        (product(ONCE), "bf16 by bf16"),
        (product(SMALL), "bf16 by bf16"),
        (product(init=HELD.format("half()")), "float16[32, 32], made in `__init__`, stands in for weights"),
        (product(init=HELD.format("to(torch.int16)")), "int16[32, 32], made in `__init__`, stands in"),
        (product(before="w = w.half()"), "`aten::_to_copy.default` (node 2) rounds to float16[32, 32]"),
        (
            product(before="w = torch.empty_like(w, dtype=torch.float16); copy_kernel[(1,)](self.w, w, 1024)"),
            "`copy_kernel` keeps narrow numbers in memory: they were rounded from f32 to f16 in `copy_kernel`",
        ),
    ],
)
def test_what_a_product_takes_must_not_be_rounded_beyond_tf32(tracer: Tracer, source: str, words: str) -> None:
    (finding,) = found(tracer, source)
    assert finding.severity is Severity.REJECT
    assert words in finding.evidence
    assert "nothing in the reference is narrower than 32 bits" in finding.evidence


@pytest.mark.parametrize(
    "source",
    [
        product(),
        product('acc = tl.dot(x, w, acc, input_precision="ieee")'),
        product('acc = tl.dot(x, w, acc, input_precision="tf32x3")'),
        product(SPLIT + ALL_PARTS),
        product(THREE_PARTS),
        product(LOADED_PARTS, init="self.v = (self.w - self.w.half()).detach().half(); " + HELD.format("half()")),
        product(LOADED_PARTS, before="w = w.half(); v = (self.w - w.float()).half()"),
        product("acc = tl.dot(x, w, acc) + (x > 0).to(tl.float16).to(tl.float32)"),
        product("acc = tl.dot(x, w, acc); half = x.to(tl.float16)"),
        product(
            "ones = (i[:, None] >= i[None, :]).to(tl.float16); r = tl.dot(ones, ones); acc = tl.dot(x, w, acc) + r"
        ),
        product("acc = tl.dot(x, w, acc) + tl.load(v_ptr + places)", init="self.v = torch.ones(2, 512).to(torch.int8)"),
    ],
)  # fmt: skip
def test_tf32_split_factors_masks_and_unused_casts_are_fine(tracer: Tracer, source: str) -> None:
    assert found(tracer, source) == []


def test_the_line_is_that_of_the_product(tracer: Tracer) -> None:
    source = product(HALF)
    assert found(tracer, source)[0].line == line_of(source, "tl.dot(")


def test_a_tensor_in_a_narrower_format_than_the_problem_is_rejected(tracer: Tracer) -> None:
    (finding,) = gate.examine(shown(tracer, forward("return scale(x.half()).float()")))
    assert (finding.rule, finding.severity) == ("lower_precision", Severity.REJECT)


def test_every_configuration_of_a_kernel_counts(tracer: Tracer) -> None:
    choice = "if HALF:\n                " + HALF + "\n            else:\n                " + TF32
    configurations = "@triton.autotune([triton.Config({'HALF': half}) for half in (False, True)], key=[])\n"
    source = product(choice).replace("@triton.jit\ndef dot_kernel", f"{configurations}@triton.jit\ndef dot_kernel")
    source = source.replace("factor, B: tl.constexpr)", "factor, B: tl.constexpr, HALF: tl.constexpr)")
    assert "f16 by f16" in found(tracer, source)[0].evidence


def test_formats_of_the_problem_are_its_own(tracer: Tracer) -> None:
    half = reference_graph("x @ self.w.half()", init="self.w = nn.Parameter(torch.randn(32, 32))",
                           inputs=("torch.randn(32, 32).half()",))  # fmt: skip
    evidence = shown(tracer, product(HALF), spec(32, 32, dtype="float16"), reference=half)
    assert [finding.rule for finding in gate.examine(evidence)] == []
