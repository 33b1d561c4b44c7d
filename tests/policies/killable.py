"""Runs `kernelgym ...` with a scripted evaluator that takes its time: something to kill in the middle."""

import signal
import sys
import time

from kernelgym.cli import app
from kernelgym.cli.services import Services
from kernelgym.problems import Problem
from kernelgym.settings import Settings
from sandboxes.contracts import EvalConfig, Report, Submission
from tests.policies.episodes import LightEvaluator, judge

TURN_S = 0.1


def by_seed(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    """Judges as `judge` does; speedups depend on the input values, as those of histograms do."""
    report = judge(submission, problem, config)
    if report.profile is None or config.seed is None or config.bench_seed is None:
        return report
    time_us = 5.0 + config.seed % 1000 / 100 + config.bench_seed % 1000 / 100
    return report.model_copy(update={"profile": report.profile.model_copy(update={"reference_time_us": time_us})})


def slowly(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    time.sleep(TURN_S)
    return by_seed(submission, problem, config)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin by ignoring it
    services = Services(settings=Settings(), open_evaluator=lambda sandbox, workers: LightEvaluator(slowly))
    app(sys.argv[1:], obj=services, prog_name="kernelgym")
