"""What is found out about a candidate for a GPU before it gets one: all kernels compile, and all check cases are right.

The CPU executor is the stricter judge, knows more to say (which tensor, index and line), and costs no GPU anything. So
a candidate that fails on `device="cpu"` fails here, with the same verdict. Inline PTX alone goes on, if it is harmless:
the executor can't run it, the GPU can, and no speedup is paid for what nobody has rehearsed (see `judging`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sandboxes.contracts import Launch, Outcome, Stage, Trace
from sandboxes.devices.cpu import CpuDevice
from sandboxes.devices.cuda.assembly import holds_inline
from sandboxes.devices.device import Choice, Program
from sandboxes.evaluation import Verified
from sandboxes.faults import Fault, faults
from sandboxes.judge import bench_trial, plan_trials
from sandboxes.programs import Ahead, Order, check_launches, compile_others, compile_program
from sandboxes.seeds import SecretSeeds
from sandboxes.trials import Court
from sandboxes.truth_cache import TruthCache


def compile_all(verified: Verified, ahead: Ahead) -> Program:
    """Returns the bench case with every variant compiled, as far as they can be: the GPU tries them all.

    Raises:
        Fault: A launch has no variant that the target can run, or compiling takes too long.
        MachineFailed: The compilers are ended from outside.
    """
    program = _bench(verified)
    order = {
        index: range(len(node.variants)) for index, node in enumerate(program.trace.nodes) if isinstance(node, Launch)
    }
    with _compiling(verified):
        return _compile(verified, order, ahead)


def rehearse(verified: Verified, seeds: SecretSeeds, ahead: Ahead) -> Program:
    """Compiles as `compile_all` does, and runs the check cases on the CPU executor, on values of their own.

    Args:
        verified: The candidate.
        seeds: Where values come from.
        ahead: Compiles.

    Raises:
        Fault: As `compile_all`; a case is wrong, a kernel faults, or the executor can't say, but for inline PTX.
        MachineFailed: As `compile_all`.
    """
    evaluation = verified.evaluation
    config, reference = evaluation.config, evaluation.reference
    court = Court(reference, TruthCache(), CpuDevice(config.precision), evaluation.submission, config)
    program, choice = compile_and_choose(verified, court, ahead)
    with inline_goes_on(program.trace), evaluation.journal.stage(Stage.REPLAY):
        trials = plan_trials(reference, config, seeds.fresh() if config.seed is None else config.seed)
        court.check(verified.programs, trials, program.trace, choice)
    return program


def compile_and_choose(verified: Verified, court: Court, ahead: Ahead) -> tuple[Program, Choice]:
    """Returns the bench case as `compile_all` does, and the variants that would be run on a CPU.

    These are found on a sample of programs without data: what the bench case works on may be large.

    Args:
        verified: The candidate.
        court: Tries it on a CPU.
        ahead: Compiles.

    Raises:
        Fault, MachineFailed: As `compile_all`.
    """
    evaluation = verified.evaluation
    hollow = evaluation.bench.model_copy(update={"hollow": True})
    trial = bench_trial(hollow, evaluation.config, 0, evaluation.reference.distributions, once=True)
    traced = _bench(verified)
    compiled = traced

    def compile_in_order(order: Order) -> Program:
        nonlocal compiled
        compiled = _compile(verified, order, ahead)
        return replace(compiled, hollow=True)

    try:
        with _compiling(verified):
            _, choice = court.choose(replace(traced, hollow=True), trial, compile_in_order, evaluation.target)
    except Fault as end:
        if end.outcome is not Outcome.UNSUPPORTED:
            raise
        return compile_all(verified, ahead), {}
    return compiled, choice


def _compile(verified: Verified, order: Order, ahead: Ahead) -> Program:
    evaluation = verified.evaluation
    target, limit_s = evaluation.target, evaluation.config.compile_timeout_s
    deadline = time.monotonic() + limit_s
    compiled = compile_program(_bench(verified), order, target, limit_s, evaluation.submission, ahead)
    return compile_others(compiled, target, max(0.0, deadline - time.monotonic()), ahead)


def _bench(verified: Verified) -> Program:
    evaluation = verified.evaluation
    return verified.programs[evaluation.bench.name, evaluation.config.weight_seeds[0]]


@contextmanager
def _compiling(verified: Verified) -> Iterator[None]:
    evaluation = verified.evaluation
    with (
        evaluation.journal.stage(Stage.COMPILE),
        faults(Stage.COMPILE, evaluation.submission, evaluation.bench.name),
    ):
        check_launches(verified.programs, evaluation.target)
        yield


@contextmanager
def inline_goes_on(trace: Trace) -> Iterator[None]:
    """Goes on after the executor has met inline PTX, which the GPU takes if it is on its allow-list."""
    try:
        yield
    except Fault as end:
        if end.outcome is not Outcome.UNSUPPORTED or not holds_inline(trace):
            raise
