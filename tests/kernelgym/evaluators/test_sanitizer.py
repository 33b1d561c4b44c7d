"""What a model reads about a memory error: which kernel and line, which program and element, and what to do."""

from textwrap import dedent

from kernelgym.envs import Rules, write_feedback
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem, get_problem
from rewards import get_reward
from sandboxes.contracts import Diagnostic, EvalConfig, Outcome, Reference, Report, Submission
from sandboxes.hints import HINTS
from sandboxes.ttir import MemoryFault, MisalignedDescriptor, Race, UnwrittenMemory

CONFIG = EvalConfig(trace_timeout_s=8.0, replay_timeout_s=60.0)

REFERENCE = """
import torch

class Model(torch.nn.Module):
    def forward(self, x):
        return x * 2

CHECK_SHAPES = [dict(rows=5, columns=37), dict(rows=1, columns=130)]

def get_inputs(rows=16, columns=64):
    return [torch.randn(rows, columns)]

def get_init_inputs():
    return []
"""

HEADER = """
import torch
import triton
import triton.language as tl
"""


def evaluate(evaluator: LocalEvaluator, body: str, config: EvalConfig = CONFIG) -> tuple[Report, Submission]:
    reference = Reference(id="test/sanitizer", source=REFERENCE)
    problem: Problem = get_problem("core/add_relu").model_copy(update={"id": reference.id, "reference": reference})
    submission = Submission(source=HEADER + dedent(body))
    return evaluator.evaluate(submission, problem, config), submission


def error(evaluator: LocalEvaluator, body: str, line: str) -> Diagnostic:
    """The diagnostic of a memory error at `line`, which the model is shown with its hint."""
    report, submission = evaluate(evaluator, body)
    assert report.outcome is Outcome.MEMORY_ERROR, report.diagnostics
    diagnostic = report.diagnostics[0]
    assert diagnostic.line is not None
    assert submission.source.splitlines()[diagnostic.line - 1].strip() == line
    assert (diagnostic.excerpt or "").strip() == line
    text = write_feedback(report, get_reward()(report), submission, previous=[], rules=Rules(), over=False)
    for part in (diagnostic.message, line, diagnostic.hint or "no hint"):
        assert part in text
    return diagnostic


def test_a_load_past_the_end(evaluator: LocalEvaluator) -> None:
    body = """
    @triton.jit
    def double(x, y, n, BLOCK: tl.constexpr):
        at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        value = tl.load(x + at)
        tl.store(y + at, value * 2, mask=at < n)

    class ModelNew(torch.nn.Module):
        def forward(self, x):
            y = torch.empty_like(x)
            double[(triton.cdiv(x.numel(), 64),)](x, y, x.numel(), BLOCK=64)
            return y
    """
    diagnostic = error(evaluator, body, "value = tl.load(x + at)")
    assert diagnostic.message == (
        f"out-of-bounds load in kernel 'double': program (2, 0, 0) at line {diagnostic.line} accesses element 185 of "
        "argument 'x', which has 185 elements (lane 57)"
    )
    assert diagnostic.hint == HINTS[MemoryFault]


TWO_STEPS = """
@triton.jit
def half(x, y, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + at, tl.load(x + at, mask=at < n) / 2, mask=at < n)

@triton.jit
def finish(parts, y, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(parts + at, mask=at < n)
    tl.store(y + at, value * 4, mask=at < n)

class ModelNew(torch.nn.Module):
    def forward(self, x):
        parts, y, n = torch.empty_like(x), torch.empty_like(x), x.numel()
        FIRST
        finish[(triton.cdiv(n, 64),)](parts, y, n, BLOCK=64)
        return y
"""


def test_a_load_of_memory_that_no_launch_has_written(evaluator: LocalEvaluator) -> None:
    body = TWO_STEPS.replace("FIRST", "half[(n // 64,)](x, parts, n, BLOCK=64)")
    diagnostic = error(evaluator, body, "value = tl.load(parts + at, mask=at < n)")
    assert diagnostic.message == (
        f"load of memory that was never written in kernel 'finish': program (2, 0, 0) at line {diagnostic.line} reads "
        "element 128 of argument 'parts' (lane 0); of its 185 elements 128 have been written"
    )
    assert diagnostic.hint == HINTS[UnwrittenMemory]


def test_memory_that_operators_have_written_is_written(evaluator: LocalEvaluator) -> None:
    for first in (
        "half[(triton.cdiv(n, 64),)](x, parts, n, BLOCK=64)",
        "parts[:, 1:] = x[:, 1:] / 2; parts[:, 0].copy_(x[:, 0] / 2)",
        "torch.div(x, 2, out=parts)",
        "parts.fill_(0); parts.add_(x, alpha=0.5)",
    ):
        report, _ = evaluate(evaluator, TWO_STEPS.replace("FIRST", first))
        assert report.correct, (first, report.diagnostics)


def test_a_view_that_operators_have_not_written_is_not(evaluator: LocalEvaluator) -> None:
    body = TWO_STEPS.replace("FIRST", "parts[:, 1:] = x[:, 1:] / 2")
    diagnostic = error(evaluator, body, "value = tl.load(parts + at, mask=at < n)")
    assert "reads element 0 of argument 'parts' (lane 0); of its 185 elements 180 have been written" in (
        diagnostic.message
    )


def test_two_programs_that_store_different_values(evaluator: LocalEvaluator) -> None:
    body = """
    @triton.jit
    def double(x, y, n, BLOCK: tl.constexpr):
        at = tl.program_id(0) * (BLOCK - 1) + tl.arange(0, BLOCK)
        value = tl.load(x + at, mask=at < n) * 2
        tl.store(y + at, value + tl.program_id(0), mask=at < n)

    class ModelNew(torch.nn.Module):
        def forward(self, x):
            y = torch.empty_like(x)
            double[(triton.cdiv(x.numel(), 63),)](x, y, x.numel(), BLOCK=64)
            return y
    """
    diagnostic = error(evaluator, body, "tl.store(y + at, value + tl.program_id(0), mask=at < n)")
    assert diagnostic.message.startswith("race of two stores in kernel 'double': program (")
    assert "of argument 'y', which has 185 elements" in diagnostic.message
    assert "stores element 63 " in diagnostic.message
    assert "(0, 0, 0)" in diagnostic.message
    assert "(1, 0, 0)" in diagnostic.message
    assert diagnostic.hint == HINTS[Race]


def test_a_program_that_loads_what_another_overwrites(evaluator: LocalEvaluator) -> None:
    body = """
    @triton.jit
    def double(y, n, BLOCK: tl.constexpr):
        at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        other = tl.load(y + at + 1, mask=at + 1 < n)
        tl.store(y + at, tl.load(y + at, mask=at < n) * 2 + other * 0, mask=at < n)

    class ModelNew(torch.nn.Module):
        def forward(self, x):
            y = x.clone()
            double[(triton.cdiv(x.numel(), 64),)](y, x.numel(), BLOCK=64)
            return y
    """
    line = "tl.store(y + at, tl.load(y + at, mask=at < n) * 2 + other * 0, mask=at < n)"
    diagnostic = error(evaluator, body, line)
    assert diagnostic.message.startswith("race of a store and a load in kernel 'double': program (1, 0, 0)")
    assert "stores element 64 of argument 'y', which has 185 elements (lane 0)" in diagnostic.message
    assert "program (0, 0, 0) of the same launch loads it, too" in diagnostic.message


def test_a_descriptor_whose_rows_are_not_aligned(evaluator: LocalEvaluator) -> None:
    body = """
    @triton.jit
    def double(x, y, rows, columns, BM: tl.constexpr, BN: tl.constexpr):
        source = tl.make_tensor_descriptor(x, [rows, columns], [columns, 1], [BM, BN])
        target = tl.make_tensor_descriptor(y, [rows, columns], [columns, 1], [BM, BN])
        where = [tl.program_id(0) * BM, tl.program_id(1) * BN]
        target.store(where, source.load(where) * 2)

    class ModelNew(torch.nn.Module):
        def forward(self, x):
            triton.set_allocator(lambda size, alignment, stream: torch.empty(size, dtype=torch.int8, device=x.device))
            y = torch.empty_like(x)
            rows, columns = x.shape
            double[(triton.cdiv(rows, 4), triton.cdiv(columns, 32))](x, y, rows, columns, BM=4, BN=32)
            return y
    """
    line = "source = tl.make_tensor_descriptor(x, [rows, columns], [columns, 1], [BM, BN])"
    diagnostic = error(evaluator, body, line)
    assert diagnostic.message == (
        f"misaligned tensor descriptor in kernel 'double': program (0, 0, 0) at line {diagnostic.line} describes "
        "argument 'x' with a stride of 148 bytes along axis 0; TMA needs a multiple of 16"
    )
    assert diagnostic.hint == HINTS[MisalignedDescriptor]
