"""Runs the study: every fault on the whole way of a candidate, past the oracle, and past the usual check."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from multiprocessing import get_context
from typing import Any, Final

import torch

from kernelgym.evaluators import LocalEvaluator
from sandboxes.contracts import CaseKind, EvalConfig, Outcome, Report, Submission
from sandboxes.faults import Fault
from tests.faults.fault import SeededFault
from tests.faults.oracle import Bench, Oracle, Sight, hidden
from tests.faults.usual import passes
from tests.tracer import Tracer

FOUND: Final = frozenset(
    {Outcome.INCORRECT, Outcome.MEMORY_ERROR, Outcome.LAUNCH_ERROR, Outcome.COMPILE_ERROR, Outcome.HACK}
)
"""Verdicts that say that a candidate is wrong."""

CONFIG: Final = EvalConfig(trace_timeout_s=60.0, compile_timeout_s=120.0, replay_timeout_s=120.0, seed=7)
"""A fault is to be found, however slow the machine is. With a seed: one is so near the tolerance that draws decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What the oracle and the usual check say of one fault."""

    sight: Sight | None
    usual_passes: bool | None
    """None if a kernel breaks a rule of memory at the bench shape, so that what a GPU computes is undefined, or if the
    usual check was not asked."""
    broken: str | None = None
    """Why it does not even run, which makes it no fault of the kind that is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one fault."""

    fault: SeededFault
    examined: Examined
    report: Report

    @property
    def visible(self) -> bool:
        """The oracle sees it."""
        return self.examined.sight is not None

    @property
    def caught(self) -> bool:
        """The judge has found it, rather than let it pass or given up on it."""
        return self.report.outcome in FOUND

    @property
    def missed(self) -> bool:
        """The oracle sees what the judge has let pass."""
        return self.visible and not self.caught

    @property
    def layer(self) -> str:
        """What caught it: `memory error`, `race`, `wrong at a check case`, `wrong at the bench`, ..."""
        if not self.caught:
            return "nothing" if self.report.outcome is Outcome.OK else str(self.report.outcome)
        if self.report.outcome is Outcome.INCORRECT:
            at_bench = any(case.kind is CaseKind.BENCH and not case.passed for case in self.report.cases)
            return "wrong at the bench case" if at_bench else "wrong at a check case"
        if self.report.outcome is Outcome.MEMORY_ERROR:
            race = any("race" in item.message for item in self.report.diagnostics)
            return "race" if race else "memory error"
        return str(self.report.outcome)

    @property
    def document(self) -> dict[str, Any]:
        """All of it as JSON."""
        words = "; ".join(item.message for item in self.report.diagnostics)
        return {
            "name": self.fault.name,
            "problem": self.fault.problem,
            "solution": self.fault.solution,
            "family": str(self.fault.family),
            "visible": self.visible,
            "seen": None if self.examined.sight is None else asdict(self.examined.sight),
            "caught": self.caught,
            "layer": self.layer,
            "message": words,
            "usual_check_passes": self.examined.usual_passes,
        }


def run_study(faults: Sequence[SeededFault], workers: int = 2, *, usual: bool = True) -> list[Finding]:
    """Examines and evaluates faults; returns what came of each, in their order.

    Args:
        faults: Which.
        workers: Processes.
        usual: Whether the usual check is asked, too. Nobody's verdict depends on it.
    """
    examined = _examine_all(faults, workers, usual)
    requests = [(Submission(source=fault.source), fault.reference, CONFIG) for fault in faults]
    with LocalEvaluator(workers=workers) as evaluator:
        reports = dict(evaluator.evaluate_many(requests))
    return [Finding(fault=fault, examined=examined[index], report=reports[index]) for index, fault in enumerate(faults)]


def _examine_all(faults: Sequence[SeededFault], workers: int, usual: bool) -> list[Examined]:
    """Asks the oracle about all faults, and perhaps the usual check, in processes that each take whole problems."""
    found: dict[int, Examined] = {}
    with ProcessPoolExecutor(max_workers=workers, mp_context=get_context("spawn")) as pool:
        for share in pool.map(partial(_examine, usual=usual), _shares(faults, workers)):
            found |= share
    return [found[index] for index in range(len(faults))]


Share = list[tuple[int, SeededFault]]


def _shares(faults: Sequence[SeededFault], workers: int) -> list[Share]:
    """Deals faults out evenly; those of one problem stay together, since they have inputs and truths in common."""
    numbered = sorted(enumerate(faults), key=lambda pair: (pair[1].problem, pair[1].solution))
    groups = [list(group) for _, group in groupby(numbered, key=lambda pair: pair[1].problem)]
    shares: list[Share] = [[] for _ in range(min(workers, len(groups)))]
    for group in sorted(groups, key=len, reverse=True):
        min(shares, key=len).extend(group)
    return shares


def _examine(share: Share, usual: bool) -> dict[int, Examined]:
    torch.set_num_threads(1)
    with Tracer() as tracer:
        bench = Bench(tracer)
        oracle = Oracle(bench)
        return {index: examine(fault, bench, oracle, usual=usual) for index, fault in share}


def examine(fault: SeededFault, bench: Bench, oracle: Oracle, *, usual: bool = True) -> Examined:
    """Asks the oracle about one fault, and perhaps the usual check."""
    try:
        programs = bench.programs(fault.source, hidden(fault.problem))
    except Fault as end:
        return Examined(sight=None, usual_passes=None, broken=str(end))
    sight = oracle.sees(fault, programs)
    bench_program = programs[hidden(fault.problem).cases[-1].name]
    return Examined(sight=sight, usual_passes=passes(bench, bench_program, fault.problem) if usual else None)
