"""Three ways to a reward of your own: a sum of terms, a file, a function; and what each pays.

    python examples/custom_reward.py

Runs on a CPU in a few seconds.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from kernelgym.evaluators import LocalEvaluator
from kernelgym.problems import get_problem, list_solutions
from rewards import Reward, Term, Weighted, compose, get_reward, register_reward, returns_to_go
from rewards.terms import Correctness, Log2Speedup
from sandboxes.contracts import EvalConfig, Outcome, Report

FILE = """
name: quick_and_own
description: Correct, up to twice as fast, in own kernels.
terms:
  - term: correctness
  - {term: speedup, weight: 0.5, cap: 2}
  - {term: guarded_coverage, weight: 0.5, cap: 2}
"""


def first_success(report: Report, history: Sequence[Report] = ()) -> Reward:
    """Pays 1 for the first correct candidate of an episode."""
    before = sum(earlier.outcome is Outcome.OK for earlier in history)
    value = float(report.outcome is Outcome.OK and not before)
    return Reward((Term("first_success", value, f"{before} correct before"),))


def main() -> None:
    doubling = compose(
        "doubling", "2 C + C log2(speedup), 1 to 4.", Weighted(Correctness(), 2.0), Log2Speedup(high=2.0)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quick_and_own.yaml"
        path.write_text(FILE, encoding="utf-8")
        rewards = (doubling, get_reward(str(path)), register_reward("first_success", first_success))

    problem = get_problem("core/add_relu")
    candidates = {solution.name: solution.submission for solution in list_solutions(problem.id)}
    episode = ("wrong", "slow", "correct")
    with LocalEvaluator() as evaluator:
        reports = [evaluator.evaluate(candidates[name], problem, EvalConfig()) for name in episode]
    for reward in rewards:
        print(f"{reward.identity}: {reward.summary}")
        turns = [reward(report, reports[:number]) for number, report in enumerate(reports)]
        for name, turn in zip(episode, turns, strict=True):
            print(f"  {name}: {turn.value:.3f}", *(f"\n    {term.name}: {term.note}" for term in turn.breakdown))
        print("  returns with discount 0.5:", returns_to_go([turn.value for turn in turns], gamma=0.5))


if __name__ == "__main__":
    main()
