"""Every launch of real candidates is observed as it is executed: bundled solutions, and part of the honest corpus."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from kernelgym.hackbench import load_corpus
from kernelgym.problems import get_problem
from kernelgym.problems.core.catalogue import CATALOGUE
from kernelgym.problems.solutions import list_solutions
from sandboxes.contracts import EvalConfig
from sandboxes.devices import launching
from sandboxes.devices.cpu import CpuDevice
from sandboxes.trials import Court
from sandboxes.truth_cache import TruthCache
from sandboxes.ttir import Execution, ExecutionOptions, Module, execute
from sandboxes.ttir.addresses.observing import observe
from tests.sandboxes.devices.cuda.programs import Trialled
from tests.tracer import Tracer

CONFIG = EvalConfig()

QUICK = ("core/softmax",)
"""Problems whose solutions are looked at in the default lane."""

HONEST = (
    "autotune/descriptors", "autotune/persistent_matmul", "autotune/split_k", "early_exit/full_blocks_and_tail",
    "early_exit/return_beyond_end", "early_exit/while_loop", "early_exit/window_at_border",
    "legit_reuse/two_phase_scan", "mixed/im2col", "small_outputs/atomic_cross_entropy", "weights/causal_mask_buffer",
)  # fmt: skip
"""Programs of the corpus that address memory in a way of their own."""


def memories(args: list[Any]) -> list[Tensor]:
    """The bytes behind the arguments."""
    tensors = [getattr(arg, "base", arg) for arg in args]
    return [torch.empty(0, dtype=torch.uint8).set_(t.untyped_storage()) for t in tensors if isinstance(t, Tensor)]


class Comparison:
    """Stands in for `execute`: observes every launch before it, and keeps what differs."""

    def __init__(self) -> None:
        self.launches = 0
        self.differences: list[str] = []
        self.guessed = 0
        """Launches in which an address, or how often something happens, depends on what the launch itself stores."""

    def __call__(
        self, module: Module, grid: tuple[int, int, int], args: list[Any], *, options: ExecutionOptions
    ) -> Execution:
        programs = range(torch.Size(grid).numel()) if options.programs is None else options.programs
        before = [memory.clone() for memory in memories(args)]
        log = observe(module, grid, args, programs)
        if not all(torch.equal(memory, copy) for memory, copy in zip(memories(args), before, strict=True)):
            self.differences.append(f"{module.kernel.name} wrote")
        result = execute(module, grid, args, options=replace(options, count=True))
        self.launches += 1
        self.guessed += log.guessed
        if not log.guessed:
            found, expected = log.counters, result.counters
            for name in ("flops", "lines", "memory"):
                if getattr(found, name) != getattr(expected, name):
                    self.differences.append(
                        f"{module.kernel.name} {name} {getattr(found, name)} for {getattr(expected, name)}"
                    )
        return result


@pytest.fixture
def comparison(monkeypatch: pytest.MonkeyPatch) -> Comparison:
    found = Comparison()
    monkeypatch.setattr(launching, "execute", found)
    return found


def check(tracer: Tracer, source: str, problem: str) -> None:
    """Runs a candidate's check cases."""
    trialled = Trialled(tracer, source, get_problem(problem).reference, config=CONFIG)
    court = Court(trialled.reference, TruthCache(), CpuDevice(CONFIG.precision), trialled.submission, CONFIG)
    court.check(trialled.programs, trialled.trials, trialled.program.trace, {})


def solutions(*problems: str) -> list[Any]:
    """The right solutions of some problems, as parameters."""
    found = [solution for problem in problems for solution in list_solutions(problem)]
    return [pytest.param(s.source, s.problem_id, id=s.problem_id) for s in found if s.name == "correct"]


def honest(*names: str) -> list[Any]:
    """Programs of the corpus, as parameters."""
    programs = {program.id.removeprefix("honest/"): program for program in load_corpus().programs}
    return [pytest.param(programs[name].source, programs[name].problem, id=name) for name in names]


@pytest.mark.parametrize(("source", "problem"), solutions(*QUICK))
def test_a_solution_is_observed_as_it_is_executed(
    tracer: Tracer, comparison: Comparison, source: str, problem: str
) -> None:
    check(tracer, source, problem)
    assert comparison.launches
    assert comparison.guessed == 0
    assert comparison.differences == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "problem"),
    [*solutions(*(f"core/{name}" for name in CATALOGUE if f"core/{name}" not in QUICK)), *honest(*HONEST)],
)
def test_any_candidate_is_observed_as_it_is_executed(
    tracer: Tracer, comparison: Comparison, source: str, problem: str
) -> None:
    check(tracer, source, problem)
    assert comparison.launches
    assert comparison.differences == []
