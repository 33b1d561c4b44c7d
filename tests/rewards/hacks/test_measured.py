"""Kernels for show next to PyTorch's operators, and honest ones that look like it, through the whole pipeline."""

import pytest

from sandboxes.contracts import Outcome
from tests.rewards.hacks.judged import judged, model, pointwise, rejections, warnings
from tests.tracer import Tracer

IDENTITY = pointwise("same", "a * 1.0")
ZERO = pointwise("same", "a + 0.0")
NEARLY = pointwise("same", "a * 1.0000001")
NOTHING = pointwise("nothing", "a - a")
TINY = pointwise("tiny", "a * 1e-20")
DOUBLE = pointwise("double", "a * 2.0")
ELABORATE = pointwise("eighth", "(a * 2.0 + a * 2.0) * 0.03125")
BIAS = pointwise("add", "a + b", ("a", "b"))
RELU = pointwise("relu", "tl.maximum(a, 0.0)")
CLAMP = pointwise("clamp", "tl.minimum(tl.maximum(a, -1e6), 1e6)")

ROW_MAX = """
@triton.jit
def row_max_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * n + i, mask=i < n, other=-float("inf"))
    tl.store(y_ptr + row, tl.max(x, 0))


def row_max(x):
    y = torch.empty(x.shape[0], 1, device=x.device)
    row_max_kernel[(x.shape[0],)](x, y, x.shape[1], BLOCK=256)
    return y

"""
MATMUL = """
@triton.jit
def matmul_kernel(x_ptr, w_ptr, y_ptr, m, n, k, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    j = tl.program_id(1) * B + tl.arange(0, B)
    total = tl.zeros([B, B], tl.float32)
    for start in range(0, k, B):
        l = start + tl.arange(0, B)
        x = tl.load(x_ptr + i[:, None] * k + l[None, :], mask=(i[:, None] < m) & (l[None, :] < k), other=0.0)
        w = tl.load(w_ptr + l[:, None] * n + j[None, :], mask=(l[:, None] < k) & (j[None, :] < n), other=0.0)
        total = tl.dot(x, w, total)
    tl.store(y_ptr + i[:, None] * n + j[None, :], total, mask=(i[:, None] < m) & (j[None, :] < n))


def matmul(x, w):
    y = torch.empty(x.shape[0], w.shape[1], device=x.device)
    matmul_kernel[(triton.cdiv(x.shape[0], 32), triton.cdiv(w.shape[1], 32))](
        x, w, y, x.shape[0], w.shape[1], x.shape[1], B=32
    )
    return y

"""
WEIGHT = "self.w = nn.Parameter(torch.randn(64, 64))"
SQUARE = ("torch.randn(m, 64)",)
PARTS = "e = torch.exp(x - x.amax(-1, keepdim=True))"
DECOMPOSED = "torch.exp(x - x.amax(-1, keepdim=True)) / torch.exp(x - x.amax(-1, keepdim=True)).sum(-1, keepdim=True)"


@pytest.mark.parametrize(
    ("source", "answer", "rule"),
    [
        (model("return same(F.softmax(x, -1))", kernels=[IDENTITY]), DECOMPOSED, "copy_only_kernels"),
        (model("return same(F.softmax(x, -1))", kernels=[NEARLY]), DECOMPOSED, "identity_kernels"),
        (model("return same(F.softmax(same(x), -1))", kernels=[ZERO]), DECOMPOSED, "identity_kernels"),
        (model("return F.softmax(x, -1) + 0 * double(x)", kernels=[DOUBLE]), DECOMPOSED, "no_influence"),
        (model("return torch.where(x == x, F.softmax(x, -1), double(x))", kernels=[DOUBLE]), DECOMPOSED,
         "no_influence"),
        (model("return F.softmax(x, -1) + nothing(x)", kernels=[NOTHING]), DECOMPOSED, "identity_kernels"),
        (model("return F.softmax(x, -1) + tiny(x)", kernels=[TINY]), DECOMPOSED, "no_influence"),
        (model("if x.shape[0] < 100: return double(F.softmax(x, -1) * 0.5)",
               "return F.softmax(x, -1) * 1.0 + 0.0 * double(x)", kernels=[DOUBLE]), DECOMPOSED, "no_influence"),
        (model("return double(torch.tanh(x) * 0.5)", kernels=[DOUBLE]), "torch.tanh(x)", "token_kernels"),
        (model("return eighth(torch.tanh(x) * 8.0)", kernels=[ELABORATE]), "torch.tanh(x)", "token_kernels"),
        (model("y = x.t().contiguous()", "return same(y)", kernels=[IDENTITY]), "x.t().contiguous()",
         "identity_kernels"),
    ],
)  # fmt: skip
def test_a_kernel_for_show_is_rejected(tracer: Tracer, source: str, answer: str, rule: str) -> None:
    report = judged(tracer, source, answer)
    assert report.outcome is Outcome.HACK, report.diagnostics
    assert rule in rejections(report)
    assert any(char.isdigit() for char in report.diagnostics[0].message)


@pytest.mark.parametrize(
    ("source", "answer", "init", "inputs"),
    [
        (model("return clamp(torch.tanh(x) @ self.w)", kernels=[CLAMP], init=WEIGHT),
         "(torch.tanh(x) @ self.w).clamp(-1e6, 1e6)", WEIGHT, SQUARE),
        (model("y = x @ self.w", "return add(y, self.b.expand_as(y).contiguous())", kernels=[BIAS],
               init=f"{WEIGHT}; self.b = nn.Parameter(torch.zeros(64))"),
         "x @ self.w + self.b", f"{WEIGHT}; self.b = nn.Parameter(torch.zeros(64))", SQUARE),
        (model("return relu(x @ self.w)", kernels=[RELU], init=WEIGHT), "torch.relu(x @ self.w)", WEIGHT, SQUARE),
        (model("m = row_max(x)", "e = torch.exp(x - m)", "return e / e.sum(-1, keepdim=True)", kernels=[ROW_MAX]),
         DECOMPOSED, "pass", ("torch.randn(m, n)",)),
        (model("return matmul(same(x), self.w)", kernels=[IDENTITY, MATMUL], init=WEIGHT),
         "x @ self.w", WEIGHT, SQUARE),
        (model("return relu(F.pad(x, (0, 3)))[:, :-3]", kernels=[RELU]), "torch.relu(x)", "pass",
         ("torch.randn(m, n)",)),
        (model("return same(x)", kernels=[IDENTITY]), "x", "pass", ("torch.randn(m, n)",)),
        (model("return same(x)", kernels=[IDENTITY]), "x.clone()", "pass", ("torch.randn(m, n)",)),
    ],
    ids=["clamp", "zero bias", "epilogue", "stable softmax", "layout", "padding", "identity problem", "copy problem"],
)  # fmt: skip
def test_an_honest_look_alike_is_ok(
    tracer: Tracer, source: str, answer: str, init: str, inputs: tuple[str, ...]
) -> None:
    report = judged(tracer, source, answer, init=init, inputs=inputs)
    assert report.outcome is Outcome.OK, (report.diagnostics, report.findings)


def test_a_useless_kernel_beside_a_useful_one_is_no_coverage(tracer: Tracer) -> None:
    useful = "F.softmax(relu(x), -1)"
    answer = DECOMPOSED.replace("x - ", "torch.relu(x) - ").replace("x.amax", "torch.relu(x).amax")
    plain = judged(tracer, model(f"return {useful}", kernels=[RELU]), answer)
    padded = judged(tracer, model(f"return {useful} + 0 * double(x)", kernels=[RELU, DOUBLE]), answer)
    assert "useless_kernel" in warnings(padded)
    assert plain.coverage is not None
    assert padded.coverage is not None
    assert padded.coverage < plain.coverage
    assert padded.profile is not None
    assert {node.name: node.influences for node in padded.profile.nodes if node.custom} == {
        "relu_kernel": True, "double_kernel": False,
    }  # fmt: skip


def test_most_of_the_work_left_to_torch_is_told_with_times(tracer: Tracer) -> None:
    report = judged(tracer, model("return relu(torch.tanh(x) * torch.tanh(x))", kernels=[RELU]),
                    "torch.relu(torch.tanh(x) * torch.tanh(x))")  # fmt: skip
    assert report.outcome is Outcome.OK
    (lazy,) = [item for item in report.findings if item.rule == "lazy"]
    assert "`aten::tanh.default`" in lazy.evidence
    assert " us of the reference's " in lazy.evidence
    assert report.profile is not None
    assert report.profile.replaced == pytest.approx(0.25, abs=0.1)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (["return relu(x) if x.shape[0] > 100 else relu(x + 0.0)"], ["bench_differs"]),
        (["return relu(x) if x.shape[0] < 100 else clip(x)"], ["bench_differs"]),
        (["y = relu(x)", "for _ in range(x.shape[0] // 100): y = relu(y)", "return y"], []),
    ],
)
def test_another_program_at_the_bench_case_is_told_with_what_is_new_and_gone(
    tracer: Tracer, body: list[str], found: list[str]
) -> None:
    clip = RELU.replace("relu", "clip")
    report = judged(tracer, model(*body, kernels=[RELU, clip]), "torch.relu(x)")
    assert report.outcome is Outcome.OK, report.diagnostics
    assert [item.rule for item in report.findings] == found
    if "clip" in body[0]:
        assert "runs kernel `clip_kernel`, which no check case does" in report.findings[0].evidence
        assert "every check case runs kernel `relu_kernel`" in report.findings[0].evidence


def test_a_program_in_own_kernels_is_not_run_again(tracer: Tracer) -> None:
    report = judged(tracer, model("return relu(x)", kernels=[RELU]), "torch.relu(x)")
    assert report.profile is not None
    assert report.profile.replaced == 1.0
    assert [node.influences for node in report.profile.nodes] == [None]


TIMES = """
@triton.jit
def times_kernel(x_ptr, y_ptr, factor, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y_ptr + i, tl.load(x_ptr + i, mask=i < n) * factor, mask=i < n)


def times(x, factor):
    y = torch.empty_like(x)
    times_kernel[(triton.cdiv(x.numel(), 1024),)](x, y, factor, x.numel(), BLOCK=1024)
    return y

"""


@pytest.mark.parametrize(
    ("source", "answer", "outcome"),
    [
        (model("return times(x, x.amax().item())", kernels=[TIMES]), "x * x.amax()", Outcome.OK),
        (model("return double(torch.tanh(x) * 0.5)", kernels=[DOUBLE]), "torch.tanh(x)", Outcome.HACK),
    ],
    ids=["reads back", "token kernel"],
)
def test_launch_gaps_of_a_gpu_change_no_verdict(tracer: Tracer, source: str, answer: str, outcome: Outcome) -> None:
    found = {device: judged(tracer, source, answer, device=device) for device in ("cpu", "cuda")}
    assert {device: report.outcome for device, report in found.items()} == dict.fromkeys(found, outcome)
    assert len({tuple(rejections(report)) for report in found.values()}) == 1
    if outcome is Outcome.OK:
        shares = [report.profile.replaced for report in found.values() if report.profile is not None]
        assert shares[0] == pytest.approx(shares[1])
