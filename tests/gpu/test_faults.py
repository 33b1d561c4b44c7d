"""Whatever a kernel does to a GPU, its candidate is told, and the next one is judged as if nothing had been."""

import statistics
import time

import pytest

from sandboxes.contracts import Outcome, Report
from tests.gpu import programs
from tests.gpu.conftest import Judge

FAULTS = {
    "FAR": (Outcome.MEMORY_ERROR, "out_ptr"),
    "NEAR": (Outcome.MEMORY_ERROR, "out_ptr"),
    "MISALIGNED": (Outcome.MEMORY_ERROR, "out_ptr"),
    "ASSERTS": (Outcome.INCORRECT, "too large"),
}
"""Candidates that fail at the bench case, how, and what they are told."""

SHORT = {"trace_timeout_s": 8.0, "compile_timeout_s": 8.0, "replay_timeout_s": 3.0}
"""So that what hangs is known to soon."""

RECOVERY_S = 1.0
"""What the evaluation after a fault may take longer than others."""


def line_of(source: str, fragment: str) -> int:
    """The number of the first line that contains `fragment`."""
    return next(number for number, line in enumerate(source.split("\n"), start=1) if fragment in line)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_the_same_outcome_as_on_the_cpu_and_says_where_it_was(name: str, judge: Judge) -> None:
    outcome, words = FAULTS[name]
    source, problem = getattr(programs, name), programs.scale_problem()
    on_gpu = judge.on_gpu(source, problem)
    assert on_gpu.outcome is outcome, on_gpu.diagnostics
    assert on_gpu.outcome is judge.on_cpu(source, problem).outcome
    diagnostic = on_gpu.diagnostics[0]
    assert str(programs.BENCH) in (diagnostic.case or "")
    assert words in diagnostic.message
    statement = {"ASSERTS": "tl.device_assert"}.get(name, "tl.store")
    assert diagnostic.line == line_of(source, statement)


@pytest.mark.timeout(240)
def test_a_kernel_that_does_not_end_is_a_timeout_and_the_next_candidate_is_judged(judge: Judge) -> None:
    if judge.bench.facts.simulated:
        pytest.skip("takes minutes, in which nobody else has the simulated GPU; `test_driver` rehearses a hang")
    problem = programs.scale_problem()
    report = judge.on_gpu(programs.ENDLESS, problem, **SHORT)
    assert report.outcome is Outcome.TIMEOUT, report.diagnostics
    assert judge.on_gpu(programs.HONEST, problem).outcome is Outcome.OK


@pytest.mark.timeout(900)
def test_honest_and_illegal_kernels_in_turns_get_their_verdicts_and_recovery_takes_less_than_a_second(
    judge: Judge,
) -> None:
    problem, rounds = programs.scale_problem(), judge.bench.few(simulated=1, real=100)
    assert judge.on_gpu(programs.HONEST, problem).outcome is Outcome.OK
    usual = [timed(judge, programs.HONEST)[1] for _ in range(judge.bench.few(simulated=1, real=10))]
    after: list[float] = []
    for _ in range(rounds):
        illegal, _ = timed(judge, programs.FAR)
        honest, took_s = timed(judge, programs.HONEST)
        assert illegal.outcome is Outcome.MEMORY_ERROR, illegal.diagnostics
        assert honest.outcome is Outcome.OK, honest.diagnostics
        after.append(took_s)
    if not judge.bench.facts.simulated:  # the time of a rehearsal is that of a CPU which others use, too
        assert statistics.median(after) < statistics.median(usual) + RECOVERY_S
        assert max(after) < max(usual) + 2 * RECOVERY_S


def timed(judge: Judge, source: str) -> tuple[Report, float]:
    """A report, and the seconds until it was there."""
    begin = time.monotonic()
    return judge.on_gpu(source, programs.scale_problem()), time.monotonic() - begin
