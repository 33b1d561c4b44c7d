"""Hostile: candidates that try to be told what they must not know, evaluated for real, in every preset.

Seeds and truth are the judge's; the reward is the environment's to tell; files and paths are the machine's.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from kernelgym.envs import Rules, write_feedback, write_prompt
from kernelgym.envs.history import write_history
from kernelgym.envs.styles import PRESETS
from kernelgym.envs.turn import Turn
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Problem, get_problem
from rewards import get_reward
from sandboxes.contracts import Description, EvalConfig, Outcome, Report, Submission
from sandboxes.judge import plan_trials
from sandboxes.nested import labelled
from sandboxes.reference import LiveReference
from sandboxes.truth import compute_truth

CONFIG = EvalConfig(seed=918273645546, weight_seeds=(918273645, 546372819))
KERNEL = """
import os, sys
import torch, triton
import triton.language as tl
from torch import nn

@triton.jit
def kernel(x_ptr, out_ptr, n, size, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + at % size, mask=at < n, other=0.0)
    tl.store(out_ptr + at, VALUE, mask=at < n)

class ModelNew(nn.Module):
    def __init__(self, *arguments):
        super().__init__()

    def forward(self, x, *others):
        TRICK
        out = torch.empty(SHAPE, device=x.device)
        n = max(1, out.numel())
        kernel[(triton.cdiv(n, 256),)](x, out, n, x.numel(), BLOCK=256)
        return out
"""
ORACLES = {"zero": "x * 0", "one": "x * 0 + 1", "itself": "x"}
TRICKS = {
    "environment": "raise RuntimeError(str(dict(os.environ)) + str(sys.argv) + str(sys.path) + os.getcwd())",
    "frames": "raise RuntimeError(str([str(f) for f in sys._current_frames().values()]) + __file__)",
    "seeds": "raise RuntimeError(str(torch.initial_seed()) + str(torch.get_rng_state()[:64].tolist()))",
}


def candidate(value: str, shape: str, trick: str = "pass") -> Submission:
    return Submission(source=KERNEL.replace("VALUE", value).replace("SHAPE", shape).replace("TRICK", trick))


def told(problem: Problem, description: Description, submission: Submission, report: Report) -> Iterator[str]:
    """Yields everything that an agent may be told of it, in every preset."""
    for style in PRESETS:
        rules = Rules(style=style, config=CONFIG, feedback_tokens=4000)
        yield write_prompt(problem, description, rules)
        reward = get_reward()(report)
        feedback = write_feedback(report, reward, submission, previous=[], rules=rules, over=False)
        yield feedback
        turn = Turn(number=1, completion="", submission=submission, report=report, reward=reward, observation=feedback)
        yield write_history(turn, rules)[1].content


def truths(problem: Problem) -> set[str]:
    """Returns every number of the truth of every trial, as it might be written."""
    reference = LiveReference(problem.reference)
    values = [
        tensor
        for trial in plan_trials(reference, CONFIG, CONFIG.seed or 0)
        for _, tensor in labelled([item.value for item in compute_truth(reference, trial).outputs])
    ]
    numbers = torch.cat([value.flatten().double() for value in values]).tolist()
    return {f"{abs(number):.{digits}g}" for number in numbers for digits in (2, 3, 4, 5) if abs(number) > 1e-30}


def numbers_in(text: str) -> set[str]:
    """Returns the numbers with a fraction in a text, rounded to two to five digits."""
    found = {float(match) for match in re.findall(r"\d+\.\d+(?:e[+-]?\d+)?|\d+e-?\d+", text)}
    return {f"{number:.{digits}g}" for number in found for digits in (2, 3, 4, 5)}


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("id_", [pytest.param("core/huber_loss", marks=pytest.mark.slow), "core/cross_entropy"])
def test_of_an_answer_of_one_number_nothing_is_told(evaluator: LocalEvaluator, id_: str, oracle: str) -> None:
    problem = get_problem(id_)
    submission = candidate(ORACLES[oracle], "()")
    report = evaluator.evaluate(submission, problem, CONFIG)
    assert report.outcome is Outcome.INCORRECT
    secret = truths(problem)
    assert len(secret) > 10
    description = evaluator.describe(problem)
    for text in told(problem, description, submission, report):
        feedback = text if "Shapes" not in text and "architecture" not in text else ""  # no truth is in the task
        assert not numbers_in(feedback) & secret


@pytest.mark.parametrize("trick", TRICKS)
def test_neither_seeds_nor_paths_are_told_to_who_looks_for_them(evaluator: LocalEvaluator, trick: str) -> None:
    problem = get_problem("core/softmax")
    submission = candidate("x", "x.shape", TRICKS[trick])
    report = evaluator.evaluate(submission, problem, CONFIG)
    assert report.outcome is not Outcome.OK
    places = {str(Path(__file__).parents[3]), sys.prefix, sys.base_prefix, str(Path.home()), "/tmp/"} - {"/"}
    for text in told(problem, evaluator.describe(problem), submission, report):
        assert not any(str(seed) in text for seed in (CONFIG.seed, *CONFIG.weight_seeds))
        assert not any(place in text for place in places)


@pytest.mark.parametrize("value", ["x * 2", "x"])
def test_seeds_are_not_told_of_wrong_results_either(evaluator: LocalEvaluator, value: str) -> None:
    problem = get_problem("core/softmax")
    submission = candidate(value, "x.shape")
    report = evaluator.evaluate(submission, problem, CONFIG)
    assert report.outcome is Outcome.INCORRECT
    for text in told(problem, evaluator.describe(problem), submission, report):
        assert not any(str(seed) in text for seed in (CONFIG.seed, *CONFIG.weight_seeds))


def test_the_reward_is_told_by_drkernel_only(evaluator: LocalEvaluator) -> None:
    problem = get_problem("core/softmax")
    submission = candidate("x * 2", "x.shape")
    report = evaluator.evaluate(submission, problem, CONFIG)
    texts = list(told(problem, evaluator.describe(problem), submission, report))
    assert ["reward" in text for text in texts] == [False, False, False, False, True, True]
