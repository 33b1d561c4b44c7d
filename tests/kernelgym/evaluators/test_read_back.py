"""Numbers that are read back with `.item()` or `float(t)` and passed on: judged on data, priced with the wait."""

from textwrap import dedent, indent

import pytest

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem, get_problem
from sandboxes.contracts import READ_BACK, EvalConfig, Outcome, Reference, Report, Submission
from sandboxes.hardware.pricing import DEFAULT

CONFIG = EvalConfig(trace_timeout_s=8.0, replay_timeout_s=60.0)

REFERENCE = """
import torch

class Model(torch.nn.Module):
    def forward(self, x):
        return {returned}

CHECK_SHAPES = [dict(rows=3, columns=37), dict(rows=1, columns=130), dict(rows=16, columns=16)]

def get_inputs(rows=64, columns=256):
    return [torch.randn(rows, columns)]

def get_init_inputs():
    return []
"""

CANDIDATE = """
import math

import torch
import triton
import triton.language as tl


@triton.jit
def apply(x, y, total, factor, count, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=at < total)
    tl.store(y + at, value * factor + count, mask=at < total)


def launch(x, factor=1.0, count=0):
    y = torch.empty_like(x)
    apply[(triton.cdiv(x.numel(), 1024),)](x, y, x.numel(), factor, count, BLOCK=1024)
    return y


class ModelNew(torch.nn.Module):
    def forward(self, x):
"""


def request(returned: str, body: str) -> tuple[Submission, Problem, EvalConfig]:
    """A `forward(self, x)` with this body where the reference returns `returned`."""
    reference = Reference(id="test/read_back", source=REFERENCE.format(returned=returned))
    problem: Problem = get_problem("core/add_relu").model_copy(update={"id": reference.id, "reference": reference})
    source = CANDIDATE + indent(dedent(body).strip(), " " * 8) + "\n"
    return Submission(source=source), problem, CONFIG


HONEST = {
    "a kernel's float": ("x * x.abs().max()", "return launch(x, x.abs().max().item())"),
    "a kernel's integer": ("x + (x > 0).sum()", "return launch(x, 1.0, (x > 0).sum().item())"),
    "int of a tensor": ("x + (x > 0).sum()", "return launch(x, count=int((x > 0).sum()))"),
    "int cuts": ("x + torch.trunc(x.sum())", "return launch(x, count=int(x.sum()))"),
    "an operator's scalar": ("x * x.sum() + 1", "return launch(x * float(x.sum()), 1.0, 1)"),
    "arithmetic": (
        "x / (x > 0).sum().clamp(min=1) + x.abs().sum().sqrt()",
        """
        n = (x > 0).sum().item()
        return launch(x, 1.0 / max(n, 1), math.sqrt(x.abs().sum().item()))
        """,
    ),
    "integer arithmetic": (
        "x + (x > 0).sum() // 3 + (7 - (x > 0).sum()) % 5",
        """
        n = int((x > 0).sum())
        return launch(x, count=n // 3 + (7 - n) % 5)
        """,
    ),
    "a snapshot": (
        "x * x.amax()",
        """
        top = x.amax()
        s = top.item()
        top.zero_()
        return launch(x, s)
        """,
    ),
    "a list of one": ("x * x.sum()", "(s,) = x.sum().view(1).tolist()\nreturn launch(x, s)"),
    "a tensor again": (
        "x * 3 + 1 + x.sum()",
        "return launch(x, 3.0, 1) + torch.tensor(x.sum().item(), device=x.device)",
    ),
    "arithmetic on it": ("x * x.abs().max()", "return launch(x, 2.0 * x.abs().max().item() / 2)"),
    "no number": ("x * x.abs().max() * 3 + 1", "return launch(x * x.abs().max(), 3.0, 1)"),
    "an absolute value": ("x * x.sum().abs() ** 0.5", "return launch(x, abs(x.sum().item()) ** 0.5)"),
}
WRONG = {
    "another number": ("x * x.abs().max()", "return launch(x, x.max().item() + 1)"),
    "a large number": ("x + 1", "return launch(x, count=(x > 0).sum().item() + 2**31)"),
    "a later number": ("x * x.amax()", "top = x.amax()\ntop.zero_()\nreturn launch(x, top.item())"),
}


@pytest.fixture(scope="module")
def reports(evaluator: LocalEvaluator) -> dict[str, Report]:
    """What becomes of all of them."""
    every = HONEST | WRONG
    requests = [request(*every[name]) for name in every]
    return {list(every)[index]: report for index, report in evaluator.evaluate_many(requests)}


@pytest.mark.parametrize("name", HONEST)
def test_a_number_that_is_only_passed_on_is_replayed_on_data(reports: dict[str, Report], name: str) -> None:
    report = reports[name]
    assert report.outcome is Outcome.OK, report.diagnostics
    assert report.bench is not None
    assert report.bench.verified


@pytest.mark.parametrize("name", ["another number", "a later number"])
def test_a_wrong_number_makes_a_wrong_result(reports: dict[str, Report], name: str) -> None:
    assert reports[name].outcome is Outcome.INCORRECT


def test_the_host_s_wait_is_paid_for_and_its_arithmetic_is_free(reports: dict[str, Report]) -> None:
    plain, more, kept = (reports[name].profile for name in ("a kernel's float", "arithmetic on it", "no number"))
    assert plain is not None
    assert more is not None
    assert kept is not None
    (wait,) = [node for node in plain.nodes if node.name == READ_BACK.removesuffix(".default")]
    assert DEFAULT.wait_us < wait.time_us < DEFAULT.wait_us + 5
    assert wait.live
    assert more.time_us == pytest.approx(plain.time_us, rel=1e-3)
    assert plain.time_us > kept.time_us + 10


def test_a_count_that_needs_more_than_the_kernel_s_32_bits_says_what_to_do(reports: dict[str, Report]) -> None:
    report = reports["a large number"]
    assert report.outcome is Outcome.UNSUPPORTED
    assert "tl.int64" in (report.diagnostics[0].hint or "")
