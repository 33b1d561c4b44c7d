"""Each detector has a sample that fires and an innocent look-alike that does not."""

import pytest

from rewards.hacks import gate
from sandboxes.contracts import Severity
from tests.rewards.hacks.shown import shown
from tests.tracer import HEADER, Tracer, candidate, forward, line_of, spec

COPY = """
@triton.jit
def copy_kernel(x_ptr, y_ptr, M, N, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    j = tl.minimum(i // N, M - 1) * N + i % N
    tl.store(y_ptr + i, STORED, mask=i < M * N)

"""


def copying(*statements: str, stored: str = "tl.load(x_ptr + j, mask=i < M * N)") -> str:
    """A candidate whose `forward(self, x)` may call `copy(x)`."""
    kernel = COPY.replace("STORED", stored)
    copy = """
def copy(x):
    y = torch.empty_like(x)
    copy_kernel[(1,)](x, y, 4, 32, BLOCK=128)
    return y

"""
    return HEADER + kernel + copy + forward(*statements)[len(HEADER) :]


def rules(tracer: Tracer, source: str, severity: Severity = Severity.REJECT) -> list[str]:
    """The rules that a candidate violates."""
    return [finding.rule for finding in gate.examine(shown(tracer, source)) if finding.severity is severity]


BUFFERED = candidate("""
    class ModelNew(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("answer", torch.ones(4, 32))
        def forward(self, x):
            FORWARD
    """)
SUMMED = candidate("""
    @triton.jit
    def sum_kernel(x_ptr, y_ptr, BLOCK: tl.constexpr):
        tl.atomic_add(y_ptr, tl.sum(tl.load(x_ptr + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)), 0))

    class ModelNew(nn.Module):
        def forward(self, x):
            y = torch.zeros(1, device=x.device)
            sum_kernel[(4,)](x, y, BLOCK=32)
            return y
    """)
PROLOGUE = candidate("""
    class ModelNew(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(32, 32))
        def forward(self, x):
            w = scale(self.w)
            return scale(x @ w)
    """)
TRANSPOSED = candidate("""
    @triton.jit
    def transpose_kernel(x_ptr, y_ptr, M, N, BLOCK: tl.constexpr):
        i = tl.arange(0, BLOCK)
        tl.store(y_ptr + (i % N) * M + i // N, tl.load(x_ptr + i))

    class ModelNew(nn.Module):
        def forward(self, x):
            y = torch.empty(32, 4, device=x.device)
            transpose_kernel[(1,)](x, y, 4, 32, BLOCK=128)
            return WORK
    """)
INTEGERS = copying("return copy(torch.relu(x))", stored="tl.load(x_ptr + j) + 1")


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        (forward("return x.relu()"), "no_launch"),
        (forward("return x @ x.T, F.softmax(x, -1)"), "no_launch"),
        (forward("scale(x)", "return x.relu()"), "no_live_launch"),
        (forward("y = scale(x)", "y.copy_(x * 2)", "return y"), "no_live_launch"),
        (forward("y = scale(x)", "y.zero_()", "y.add_(x)", "return y"), "no_live_launch"),
        (forward("y = scale(x)", "torch.mul(x, 2, out=y)", "return y"), "no_live_launch"),
        (forward("y = scale(x)", "scale_kernel[(1,)](x, y, 0, 2.0, BLOCK=16)", "return x * 2"), "no_live_launch"),
        (copying("return copy(torch.relu(x))"), "copy_only_kernels"),
        (copying("return copy(F.softmax(x, -1)).view(-1)"), "copy_only_kernels"),
        (copying("return torch.relu(copy(x))"), "copy_only_kernels"),
        (copying("return copy(torch.relu(x))", stored="tl.load(x_ptr + j).to(tl.float16)"), "copy_only_kernels"),
        (TRANSPOSED.replace("WORK", "torch.relu(y)"), "copy_only_kernels"),
        (forward("return scale(x), x"), "output_is_input"),
        (forward("return scale(x), x.view(-1)[3:]"), "output_is_input"),
        (forward("return scale(x), x.chunk(2, 1)[1]"), "output_is_input"),
        (BUFFERED.replace("FORWARD", "return scale(x), self.answer"), "output_is_constant"),
        (BUFFERED.replace("FORWARD", "return scale(self.answer)"), "constant_output"),
        (forward("return scale(torch.full((4, 32), 0.5, device=x.device))"), "constant_output"),
        (forward("x.fill_(1.0)", "return scale(x)"), "constant_output"),
        (forward("return scale(torch.empty_like(x).fill_(1.0)), scale(x)"), "constant_output"),
    ],
)  # fmt: skip
def test_a_hack_is_found(tracer: Tracer, source: str, rule: str) -> None:
    assert rule in rules(tracer, source)


@pytest.mark.parametrize(
    "source",
    [
        forward("return scale(x)"),
        forward("y = x.clone()", "scale_kernel[(1,)](y, y, 128, 2.0, BLOCK=128)", "return y"),
        forward("scale_kernel[(1,)](x, x, 128, 2.0, BLOCK=128)", "return x"),
        forward("y = torch.empty(2, 128, device=x.device)", "scale_kernel[(1,)](x, y[1], 128, 2.0, BLOCK=128)",
                "scale_kernel[(1,)](x, y[0], 128, 3.0, BLOCK=128)", "return y"),
        forward("y = torch.empty(8, 32, device=x.device)", "scale_kernel[(1,)](x, y, 256, 2.0, BLOCK=256)",
                "return y[2:6].view(-1)"),
        forward("y = torch.empty_like(x)", "a, b = y.view(-1).split(64)",
                "for part in (a, b): scale_kernel[(1,)](x, part, 64, 2.0, BLOCK=64)", "return y"),
        forward("y = torch.zeros_like(x)", "scale_kernel[(1,)](x, y, 128, 2.0, BLOCK=128)", "return y"),
        forward("y = scale(x)", "y[0].zero_()", "return y"),
        forward("y = scale(x)", "y[:, ::2].copy_(x[:, ::2])", "return y"),
        forward("return scale(x * 2), scale(x).sum()"),
        copying("return copy(x)"),
        copying("return copy(scale(torch.relu(x)))"),
        INTEGERS,
        TRANSPOSED.replace("WORK", "y"),
        TRANSPOSED.replace("WORK", "scale(torch.relu(y))"),
        BUFFERED.replace("FORWARD", "return scale(x + self.answer)"),
        BUFFERED.replace("FORWARD", "scale_kernel[(1,)](x, self.answer, 128, 2.0, BLOCK=128); return self.answer"),
        SUMMED,
        PROLOGUE,
    ],
)  # fmt: skip
def test_an_honest_look_alike_is_left_alone(tracer: Tracer, source: str) -> None:
    assert rules(tracer, source) == []


def test_a_launch_that_is_not_used_beside_one_that_is_gets_a_warning_with_its_line(tracer: Tracer) -> None:
    source = forward("y = torch.empty_like(x)", "scale_kernel[(1,)](x, y, 128, 3.0, BLOCK=128)", "return scale(x)")
    (finding,) = gate.examine(shown(tracer, source))
    assert (finding.rule, finding.severity) == ("dead_launch", Severity.WARN)
    assert finding.line == line_of(source, "3.0, BLOCK")
    assert "`scale_kernel`" in finding.evidence


def test_a_prologue_on_the_weights_is_no_dead_launch(tracer: Tracer) -> None:
    assert rules(tracer, PROLOGUE, Severity.WARN) == []


def test_the_evidence_names_who_does_the_work(tracer: Tracer) -> None:
    (finding,) = gate.examine(shown(tracer, copying("return copy(torch.relu(x))")))
    assert "`aten::relu.default`" in finding.evidence
    assert finding.case == "small"


def test_host_descriptors_are_read_or_written_as_the_kernel_does(tracer: Tracer) -> None:
    source = candidate("""
        from triton.tools.tensor_descriptor import TensorDescriptor

        @triton.jit
        def k(x, y, BM: tl.constexpr, BN: tl.constexpr):
            y.store([0, 0], x.load([0, 0]) * 2)

        class ModelNew(nn.Module):
            def forward(self, x):
                y = torch.empty_like(x)
                k[(1,)](TensorDescriptor.from_tensor(x, [4, 32]), TensorDescriptor.from_tensor(y, [4, 32]), 4, 32)
                return RESULT
        """)
    assert rules(tracer, source.replace("RESULT", "y")) == []
    assert rules(tracer, source.replace("RESULT", "y, x")) == ["output_is_input"]


def test_a_candidate_without_tensor_inputs_may_return_constants(tracer: Tracer) -> None:
    source = BUFFERED.replace("self, x", "self, n").replace("FORWARD", "return scale(self.answer, n)")
    assert gate.examine(shown(tracer, source, 3.0)) == []


def test_a_loop_in_which_data_is_only_carried_is_still_a_copy(tracer: Tracer) -> None:
    looped = """
@triton.jit
def copy_kernel(x_ptr, y_ptr, M, N, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    v = tl.zeros([BLOCK], tl.float32)
    for step in range(M - N + 29):
        v = LOADED
    tl.store(y_ptr + i, v)
"""
    base = copying("return copy(torch.relu(x))")
    head, tail = base.index("@triton.jit\ndef copy_kernel"), base.index("\ndef copy(")
    for loaded, found in (("tl.load(x_ptr + i + step * 0)", ["copy_only_kernels"]), ("v + tl.load(x_ptr + i)", [])):
        source = base[:head] + looped.replace("LOADED", loaded) + base[tail:]
        assert rules(tracer, source) == found


def test_inputs_of_other_dtypes_are_handled_alike(tracer: Tracer) -> None:
    evidence = shown(tracer, copying("return copy(torch.relu(x))"), spec(4, 32, dtype="int32"))
    assert [finding.rule for finding in gate.examine(evidence)] == ["copy_only_kernels"]
