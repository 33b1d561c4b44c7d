"""What the judge insists on beyond values, seen from outside."""

from textwrap import dedent

import pytest

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem
from sandboxes.contracts import EvalConfig, Outcome, Reference, Report, Submission

REFERENCE = """
import torch

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.randn(1))

    def forward(self, x):
        return x * self.scale

CHECK_SHAPES = [dict(rows=5, columns=37), dict(rows=3, columns=130)]

def get_inputs(rows=16, columns=64):
    return [torch.randn(rows, columns)]

def get_init_inputs():
    return []
"""

HEADER = """
import torch
import triton
import triton.language as tl


@triton.jit
def scale_kernel(x_ptr, scale_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(y_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * tl.load(scale_ptr), mask=mask)


@triton.jit
def double_kernel(scale_ptr):
    tl.store(scale_ptr, 2.0 * tl.load(scale_ptr))


def scaled(x, scale):
    y = torch.empty_like(x)
    scale_kernel[(triton.cdiv(x.numel(), 256),)](x, scale, y, x.numel(), BLOCK=256)
    return y


class ModelNew(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.randn(1))

    def forward(self, x):
"""


def evaluate(evaluator: LocalEvaluator, body: str, reference: str = REFERENCE) -> Report:
    problem = Problem(reference=Reference(id="test/judging", source=reference), title="Judging")
    source = HEADER + "\n".join(f"        {line}" for line in dedent(body).strip().splitlines())
    return evaluator.evaluate(Submission(source=source), problem, EvalConfig(trace_timeout_s=15.0))


@pytest.mark.parametrize(
    "body",
    [
        "return scaled(x, self.scale)",
        "y = scaled(x, self.scale)\nreturn y.t().contiguous().t()",
    ],
)
def test_honest_programs_pass(evaluator: LocalEvaluator, body: str) -> None:
    report = evaluate(evaluator, body)
    assert report.outcome is Outcome.OK, report.diagnostics


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "y = scaled(x, self.scale)\ndouble_kernel[(1,)](self.scale)\nreturn y",
            "weight `parameter:scale` was changed",
        ),
        ("y = scaled(x, self.scale)\nx.mul_(2)\nreturn y", "input 0 was changed"),
        ("return scaled(x, self.scale) + 0 * torch.empty_like(x)", "elements are wrong"),
        (
            "y = x.new_empty(x.numel() + 9)[9:].view(x.shape)\nreturn scaled(x, self.scale) + 0 * y",
            "elements are wrong",
        ),
    ],
)
def test_changed_weights_and_inputs_and_memory_that_nobody_wrote_fail(
    evaluator: LocalEvaluator, body: str, words: str
) -> None:
    report = evaluate(evaluator, body)
    assert report.outcome is Outcome.INCORRECT, report.diagnostics
    assert words in report.diagnostics[0].message


def test_an_expanded_row_is_no_substitute_for_a_whole_output(evaluator: LocalEvaluator) -> None:
    reference = REFERENCE.replace("x * self.scale", "(x[:1] * self.scale).repeat(x.shape[0], 1)")
    whole = evaluate(evaluator, "return scaled(x[:1].contiguous(), self.scale).repeat(x.shape[0], 1)", reference)
    assert whole.outcome is Outcome.OK, whole.diagnostics
    report = evaluate(evaluator, "return scaled(x[:1].contiguous(), self.scale).expand(x.shape)", reference)
    assert report.outcome is Outcome.INCORRECT
    assert "share memory" in report.diagnostics[0].message


def test_a_shape_without_elements_is_judged_by_its_shape(evaluator: LocalEvaluator) -> None:
    reference = REFERENCE.replace("dict(rows=5, columns=37)", "dict(rows=0, columns=37)")
    right = evaluate(evaluator, "return scaled(x, self.scale) if x.numel() else torch.empty_like(x)", reference)
    assert right.outcome is Outcome.OK, right.diagnostics
    report = evaluate(evaluator, "return scaled(x, self.scale) if x.numel() else x.new_empty(0)", reference)
    assert report.outcome is Outcome.INCORRECT


def test_values_are_new_in_every_evaluation_unless_a_seed_is_given(evaluator: LocalEvaluator) -> None:
    def error(config: EvalConfig) -> float:
        problem = Problem(reference=Reference(id="test/judging", source=REFERENCE), title="Judging")
        source = f"{HEADER}        return scaled(x, self.scale) + 1.0 * x"
        return evaluator.evaluate(Submission(source=source), problem, config).cases[0].max_error

    assert error(EvalConfig()) != error(EvalConfig())
    assert error(EvalConfig(seed=5)) == error(EvalConfig(seed=5))
