"""Runs `kernelgym ...` with a scripted evaluator that takes its time: something to kill in the middle."""

import sys
import time

from kernelgym.cli import app
from kernelgym.cli.services import Services
from kernelgym.problems import Problem
from kernelgym.settings import Settings
from sandboxes.contracts import EvalConfig, Report, Submission
from tests.policies.episodes import LightEvaluator, judge

TURN_S = 0.1


def slowly(submission: Submission, problem: Problem, config: EvalConfig) -> Report:
    time.sleep(TURN_S)
    return judge(submission, problem, config)


if __name__ == "__main__":
    services = Services(settings=Settings(), open_evaluator=lambda sandbox, workers: LightEvaluator(slowly))
    app(sys.argv[1:], obj=services, prog_name="kernelgym")
