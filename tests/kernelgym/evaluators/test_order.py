"""A result that depends on the order of programs is wrong, and the model is told why."""

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import get_problem
from sandboxes.contracts import EvalConfig, Outcome, Reference, Report, Submission

REFERENCE = """
import torch

class Model(torch.nn.Module):
    def forward(self, x):
        return x / x.sum()

CHECK_SHAPES = [dict(n=5000), dict(n=300)]

def get_inputs(n=20000):
    return [torch.rand(n) + 1]

def get_init_inputs():
    return []
"""

CANDIDATE = """
import torch
import triton
import triton.language as tl

@triton.jit
def normalise(x, total, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + offs, mask=offs < n, other=0.0)
    tl.atomic_add(total, tl.sum(v))
    tl.store(out + offs, v / tl.atomic_add(total, 0.0), mask=offs < n)

@triton.jit
def add(x, total, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.atomic_add(total, tl.sum(tl.load(x + offs, mask=offs < n, other=0.0)))

@triton.jit
def divide(x, total, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + offs, tl.load(x + offs, mask=offs < n) / tl.load(total), mask=offs < n)

class ModelNew(torch.nn.Module):
    def forward(self, x):
        out, total, n = torch.empty_like(x), torch.zeros(1, device=x.device), x.numel()
        grid = (triton.cdiv(n, 256),)
        LAUNCH
        return out
"""


def evaluate(evaluator: LocalEvaluator, launch: str) -> Report:
    reference = Reference(id="test/order", source=REFERENCE)
    problem = get_problem("core/add_relu").model_copy(update={"id": reference.id, "reference": reference})
    return evaluator.evaluate(Submission(source=CANDIDATE.replace("LAUNCH", launch)), problem, EvalConfig())


def test_a_total_that_is_read_before_all_have_added_to_it(evaluator: LocalEvaluator) -> None:
    report = evaluate(evaluator, "normalise[grid](x, total, out, n, BLOCK=256)")
    assert report.outcome is Outcome.INCORRECT
    assert "`normalise` reads what other programs are changing" in (report.diagnostics[0].hint or "")


def test_the_same_in_two_launches_is_right(evaluator: LocalEvaluator) -> None:
    report = evaluate(evaluator, "add[grid](x, total, n, BLOCK=256); divide[grid](x, total, out, n, BLOCK=256)")
    assert report.outcome is Outcome.OK, report.diagnostics
