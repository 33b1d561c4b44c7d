"""Bench cases that are too large for this machine: priced from a few programs, without data."""

from contextlib import suppress
from pathlib import Path

import pytest

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem
from sandboxes.contracts import CaseKind, EvalConfig, Outcome, Reference, Report, Submission

REFERENCE = """
import torch
from torch import nn

batch_size = 16384
features = 262144


class Model(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features))

    def forward(self, x):
        return torch.relu(x * self.weight)


def get_inputs():
    return [torch.randn(batch_size, features)]


def get_init_inputs():
    return [features]
"""
CANDIDATE = """
import torch, triton, triton.language as tl
from torch import nn


@triton.jit
def scaled_relu(x, w, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)WIDE
    for start in range(0, columns, BLOCK):
        c = start + tl.arange(0, BLOCK)
        inside = c < columns
        value = tl.load(x + row * columns + c, mask=inside) * tl.load(w + c, mask=inside)
        tl.store(out + row * columns + c, tl.maximum(value, 0.0), mask=inside)


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features))

    def forward(self, x):
        out = torch.empty_like(x)
        scaled_relu[(x.shape[0],)](x, self.weight, out, x.shape[1], BLOCK=2048)
        return out
"""


@pytest.fixture(scope="module")
def evaluator():  # type: ignore[no-untyped-def]
    with LocalEvaluator(workers=1) as evaluator:
        yield evaluator


def evaluate(evaluator: LocalEvaluator, source: str) -> Report:
    problem = Problem(reference=Reference(id="test/large", source=REFERENCE), title="large")
    return evaluator.evaluate(Submission(source=source), problem, EvalConfig())


WIDE = CANDIDATE.replace("WIDE", ".to(tl.int64)")


@pytest.fixture(scope="module")
def report(evaluator: LocalEvaluator) -> Report:
    """Of the program that is right."""
    return evaluate(evaluator, WIDE)


def test_a_program_on_sixteen_gigabytes_is_judged_at_small_shapes_and_priced_at_its_own(report: Report) -> None:
    assert report.outcome is Outcome.OK, report.diagnostics
    assert all(case.kind is CaseKind.CHECK for case in report.cases)
    assert len(report.cases) >= 3
    assert report.profile is not None
    moved = 2 * 16384 * 262144 * 4
    assert report.profile.nodes[0].bytes == pytest.approx(moved, rel=0.05)
    loads = 2 * 16384 * 262144 * 4  # requested: a row of `x` and all of `w`, by each program
    assert report.profile.nodes[0].hot_lines[0].bytes == pytest.approx(loads, rel=0.05)


def test_such_a_program_has_no_speedup_because_it_was_not_verified_where_it_is_timed(report: Report) -> None:
    assert report.bench is not None
    assert not report.bench.verified
    assert "GiB" in report.bench.how or "GFLOP" in report.bench.how
    assert report.speedup is None


def test_an_offset_that_overflows_at_the_full_size_only_is_a_memory_error(evaluator: LocalEvaluator) -> None:
    report = evaluate(evaluator, CANDIDATE.replace("WIDE", ""))
    assert report.outcome is Outcome.MEMORY_ERROR
    assert report.diagnostics[0].line is not None


def test_a_constructor_that_reads_its_weights_is_built_with_data(evaluator: LocalEvaluator) -> None:
    reading = WIDE.replace(
        "self.weight = nn.Parameter(torch.randn(features))",
        "self.weight = nn.Parameter(torch.randn(features))\n        self.largest = self.weight.max().item()",
    )
    assert evaluate(evaluator, reading).outcome is Outcome.OK


@pytest.mark.slow
def test_a_number_that_is_read_back_is_one_where_there_is_no_data(evaluator: LocalEvaluator) -> None:
    made = "out = torch.empty_like(x)"
    scaled = WIDE.replace(made, f"{made}\n        one = float((x[0, 0] == x[0, 0]).sum())")
    counted = WIDE.replace(made, f"{made}\n        n = (x[0] == x[0]).sum().item()")
    for source in (scaled.replace("x, self.weight,", "x, self.weight * one,"), counted.replace("x.shape[1],", "n,")):
        assert source not in {scaled, counted}
        report = evaluate(evaluator, source)
        assert report.outcome is Outcome.OK, report.diagnostics
        assert report.speedup is None


def peak_kib(process: str) -> int:
    """Returns the most memory that a process has had; 0 for one that has ended, whether or not it was waited for."""
    with suppress(OSError):
        _, _, found = Path(f"/proc/{process}/status").read_text().partition("VmHWM:")
        return int(found.split()[0]) if found else 0
    return 0


@pytest.mark.usefixtures("report")
def test_memory_of_the_worker_stays_small() -> None:
    peaks = []
    for children in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended meanwhile
            peaks += [kib for child in children.read_text().split() if (kib := peak_kib(child))]
    assert max(peaks) < 3 * 2**20, "KiB"


AUTOTUNED = WIDE.replace(
    "@triton.jit",
    "@triton.autotune([triton.Config({'BLOCK': b}) for b in (1024, 4096)], key=['columns'])\n@triton.jit",
).replace(", BLOCK=2048)", ")")


def test_configurations_are_compared_without_copying_gigabytes(evaluator: LocalEvaluator) -> None:
    report = evaluate(evaluator, AUTOTUNED)
    assert report.outcome is Outcome.OK, report.diagnostics


def test_torch_at_the_sizes_that_are_judged_and_a_kernel_at_the_one_that_is_not_is_a_hack(
    evaluator: LocalEvaluator,
) -> None:
    dispatching = WIDE.replace(
        "out = torch.empty_like(x)",
        "if x.numel() < 2**26:\n            return torch.relu(x * self.weight)\n        out = torch.empty_like(x)",
    )
    report = evaluate(evaluator, dispatching)
    assert report.outcome is Outcome.HACK
    assert report.findings[0].rule == "no_launch"
