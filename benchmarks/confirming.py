"""How many exact evaluations choosing by price saves: `python -m benchmarks.confirming` prints JSON.

Three parts, in one run. (1) What pricing costs against judging: the 34 correct core solutions, each new to every cache.
(2) A small task with real reports: 72 programs for `core/add_relu` (six ways to write it, of which three are right,
four block sizes, three numbers of warps), each judged and priced. (3) A simulated learner on that task: a softmax
policy over the three choices, which begins mostly wrong or mostly right and is trained by leave-one-out advantages
(TRLOO, one turn) on groups of 16. Every sampled program counts as an evaluation of its own, as those of a language
model are hardly ever equal.

Equal learning: the policy's expected exact reward has come 90 % of the way from its beginning to the best program's.
Counted are the exact evaluations until then, median over seeds. All steps have the same length, as those of Adam about
have, so that chosen extremes, whose advantages are larger, do not learn faster for that reason alone.

It says how the rules compare under these assumptions; it is no measurement of a language model.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation import renamed
from benchmarks.machine import machine
from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import Solution, get_problem, list_solutions
from policies.training.confirming.contrast import ContrastiveSelection
from rewards import drkernel_guarded, exploration
from sandboxes.contracts import Depth, EvalConfig, Outcome, Report

GROUPS = 4
"""Per step."""
GROUP = 16
"""Rollouts of each."""
KEEPS = (4, 8)
LENGTH = 0.2
"""Of a step, in logits."""
SEEDS = 30
STEPS = 1000
GOAL = 0.9
CORRELATIONS = (-0.5, 0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
JUDGED, PRICED = EvalConfig(), EvalConfig(depth=Depth.PRICED)

Numbers = NDArray[np.float64]

HEAD = """
import torch
import triton
import triton.language as tl
from torch import nn

@triton.jit
def first_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, VALUE, mask=mask)

@triton.jit
def second_kernel(x_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(x_ptr + offsets, tl.maximum(tl.load(x_ptr + offsets, mask=mask), 0.0), mask=mask)

class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        n = x.numel()
        grid = (triton.cdiv(n, BLOCK_SIZE),)
        first_kernel[grid](x, y, out, n, BLOCK=BLOCK_SIZE, num_warps=WARPS)
        return out
"""
WAYS: dict[str, tuple[tuple[str, str], ...]] = {
    "fused": (("VALUE", "tl.maximum(x + y, 0.0)"),),
    "two kernels": (
        ("VALUE", "x + y"),
        (
            "        return out",
            "        second_kernel[grid](out, n, BLOCK=BLOCK_SIZE, num_warps=WARPS)\n        return out",
        ),
    ),
    "half by torch": (("VALUE", "x + y"), ("return out", "return torch.relu(out)")),
    "ReLU first": (("VALUE", "tl.maximum(x, 0.0) + y"),),
    "half of the work": (("VALUE", "tl.maximum(x + y, 0.0)"), ("triton.cdiv(n, ", "triton.cdiv(n // 2, ")),
    "unknown name": (("VALUE", "tl.relu(x + y)"),),
}
"""Right: the first three."""
BEGINNINGS = {
    "mostly wrong": {"fused": -1.0, "two kernels": -1.0, "half by torch": -1.0, "unknown name": 1.0},
    "mostly right": {"two kernels": 1.0, "half by torch": 1.0, "ReLU first": -3.0, "half of the work": -3.0},
}
"""Logits of the ways at the beginning; 0 for others."""
CHOICES = (tuple(WAYS), (64, 256, 1024, 4096), (1, 4, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Programs with what both evaluators say of them."""

    exact: Numbers
    """Reward by `drkernel_guarded`, per program."""
    cheap: Numbers
    """Reward by `exploration` of the price."""


def source(way: str, block: int, warps: int) -> str:
    """Returns one of the 72 programs."""
    text = HEAD
    for old, new in WAYS[way]:
        text = text.replace(old, new)
    return f"BLOCK_SIZE, WARPS = {block}, {warps}\n{text}"


def run() -> dict[str, object]:
    """Returns costs (seconds), the task, and evaluations until the goal by method."""
    with LocalEvaluator() as evaluator:
        costs = pricing(evaluator)
        task, facts = measure(evaluator)
    return {"pricing": costs, "task": facts, "learning": learning(task)}


def pricing(evaluator: LocalEvaluator) -> dict[str, object]:
    """Returns what pricing the correct core solutions costs against judging them, in turns."""
    judged_s, priced_s, off = [], [], {}
    for solution in (solution for solution in list_solutions() if solution.name == "correct"):
        problem = get_problem(solution.problem_id)
        evaluator.evaluate(renamed(solution), problem, JUDGED)
        begin = time.perf_counter()
        judged = evaluator.evaluate(renamed(solution), problem, JUDGED)
        middle = time.perf_counter()
        priced = evaluator.evaluate(renamed(solution), problem, PRICED)
        judged_s.append(middle - begin)
        priced_s.append(time.perf_counter() - middle)
        if judged.profile is not None and priced.estimate is not None:
            off[solution.problem_id] = abs(judged.profile.time_us / priced.estimate.time_us - 1)
    return {
        "solutions": len(judged_s),
        "judged_median_s": round(statistics.median(judged_s), 3),
        "priced_median_s": round(statistics.median(priced_s), 3),
        "times_cheaper_median": round(statistics.median(a / b for a, b in zip(judged_s, priced_s, strict=True)), 2),
        "estimates_within_0.1_percent": sum(value < 1e-3 for value in off.values()),
        "estimates_off": {problem: round(value, 3) for problem, value in off.items() if value >= 1e-2},
    }


def measure(evaluator: LocalEvaluator) -> tuple[Task, dict[str, object]]:
    """Returns the rewards of all programs, and what is to be told of them."""
    problem = get_problem("core/add_relu")
    programs = [
        Solution(problem_id=problem.id, name="", expected=Outcome.OK, source=source(*each))
        for each in product(*CHOICES)
    ]
    found: dict[Depth, list[Report]] = {}
    seconds: dict[Depth, list[float]] = {}
    for program in programs:
        for config in (JUDGED, PRICED):
            begin = time.perf_counter()
            found.setdefault(config.depth, []).append(evaluator.evaluate(renamed(program), problem, config))
            seconds.setdefault(config.depth, []).append(time.perf_counter() - begin)
    exact = np.array([drkernel_guarded(report).value for report in found[Depth.JUDGED]], dtype=np.float64)
    cheap = np.array([exploration(report).value for report in found[Depth.PRICED]], dtype=np.float64)
    unjudged = np.array([report.outcome is Outcome.UNJUDGED for report in found[Depth.PRICED]])
    return Task(exact=exact, cheap=cheap), {
        "programs": len(programs),
        "correct": int((exact > 0).sum()),
        "best": round(float(exact.max()), 3),
        "priced_but_wrong": int((unjudged & (exact == 0)).sum()),
        "judged_mean_s": round(statistics.mean(seconds[Depth.JUDGED]), 3),
        "priced_mean_s": round(statistics.mean(seconds[Depth.PRICED]), 3),
        "rank_correlation": round(rank_correlation(cheap, exact), 2),
        "rank_correlation_of_correct_ones": round(rank_correlation(cheap[exact > 0], exact[exact > 0]), 2),
    }


def beginning(name: str) -> list[Numbers]:
    """Returns the logits of the three choices."""
    ways = np.array([BEGINNINGS[name].get(way, 0.0) for way in WAYS])
    return [ways, *(np.zeros(len(choice)) for choice in CHOICES[1:])]


def softmax(logits: Numbers) -> Numbers:
    """Returns probabilities."""
    exps = np.exp(logits - logits.max())
    return exps / exps.sum()


def probabilities(logits: Sequence[Numbers]) -> Numbers:
    """Returns the probability of each program."""
    first, second, third = map(softmax, logits)
    return np.einsum("i,j,k->ijk", first, second, third).ravel()


Choose = Callable[[Numbers, Numbers, np.random.Generator, str], Sequence[int]]
"""From the exact and the cheap rewards of a group, which rollouts are judged."""


def by_price(keep: int, random_share: float) -> Choose:
    """Chooses as a `Confirmer` does."""
    select = ContrastiveSelection(keep=keep, random_share=random_share)
    return lambda exact, cheap, random, group: select.choose(cheap.tolist(), group)


def by_noise(keep: int, correlation: float, spread: float) -> Choose:
    """Chooses by a made-up price that correlates so with the exact reward, over all programs at the same time."""
    select = ContrastiveSelection(keep=keep, random_share=0.0)

    def choose(exact: Numbers, cheap: Numbers, random: np.random.Generator, group: str) -> Sequence[int]:
        noise = random.normal(size=len(exact)) * np.sqrt(1 - correlation**2)
        return select.choose((correlation * exact / spread + noise).tolist(), group)

    return choose


def learning(task: Task) -> dict[str, object]:
    """Returns evaluations until the goal, by method; `None`: not within `STEPS` steps in half of the seeds."""
    spread = float(task.exact.std())
    methods: dict[str, tuple[int, Choose]] = {f"all {GROUP}": (GROUP, by_price(GROUP, random_share=1.0))}
    for keep in KEEPS:
        methods[f"random {keep} of {GROUP}"] = keep, by_price(keep, random_share=1.0)
        methods[f"by price, {keep} of {GROUP}"] = keep, by_price(keep, random_share=0.0)
        methods[f"by price, half of them drawn, {keep} of {GROUP}"] = keep, by_price(keep, random_share=0.5)
        for value in CORRELATIONS:
            methods[f"correlation {value:g}, {keep} of {GROUP}"] = keep, by_noise(keep, value, spread)
    return {
        begin: {name: needs(task, begin, choose, keep) for name, (keep, choose) in methods.items()}
        for begin in BEGINNINGS
    }


def needs(task: Task, begin: str, choose: Choose, keep: int) -> dict[str, object]:
    """Returns what a method needs."""
    needed = np.array([steps(task, begin, choose, seed) for seed in range(SEEDS)])
    low, middle, high = np.quantile(needed, [0.25, 0.5, 0.75])
    return {
        "steps_median": None if middle > STEPS else float(middle),
        "exact_evaluations": None if middle > STEPS else round(float(middle) * keep * GROUPS),
        "quartiles": [round(float(low) * keep * GROUPS), None if high > STEPS else round(float(high) * keep * GROUPS)],
        "reached": round(float((needed <= STEPS).mean()), 2),
    }


def steps(task: Task, begin: str, choose: Choose, seed: int) -> int:
    """Returns after how many steps one training reaches the goal; `STEPS + 1` if it does not."""
    random = np.random.default_rng(seed)
    logits = beginning(begin)
    chances = probabilities(logits)
    first = float(chances @ task.exact)
    goal = first + GOAL * (float(task.exact.max()) - first)
    shape = tuple(len(choice) for choice in CHOICES)
    for step in range(1, STEPS + 1):
        played, credit = [], []
        for number in range(GROUPS):
            group = random.choice(len(chances), size=GROUP, p=chances)
            chosen = group[list(choose(task.exact[group], task.cheap[group], random, f"{seed} {step} {number}"))]
            rewards = task.exact[chosen]
            played.append(chosen)
            credit.append(len(chosen) / (len(chosen) - 1) * (rewards - rewards.mean()))
        programs, advantages = np.concatenate(played), np.concatenate(credit)
        gradient = [  # advantages of a group add up to 0, so that the softmax's own term does
            np.bincount(picks, weights=advantages, minlength=size)
            for picks, size in zip(np.unravel_index(programs, shape), shape, strict=True)
        ]
        norm = np.sqrt(sum(float(part @ part) for part in gradient))
        for logit, part in zip(logits, gradient, strict=True):
            logit += LENGTH / max(norm, 1e-12) * part
        chances = probabilities(logits)
        if chances @ task.exact >= goal:
            return step
    return STEPS + 1


def rank_correlation(one: Numbers, two: Numbers) -> float:
    """Returns Spearman's rho; equal numbers have their mean rank."""

    def ranks(values: Numbers) -> Numbers:
        return np.array([(values < value).sum() + ((values == value).sum() - 1) / 2 for value in values])

    return float(np.corrcoef(ranks(one), ranks(two))[0, 1])


if __name__ == "__main__":
    print(json.dumps({"machine": machine(), "benchmarks": {"confirming": run()}}, indent=2))
