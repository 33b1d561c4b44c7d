"""How long advantages take: `python -m benchmarks.advantages` prints JSON.

A batch of 16 prompts x 16 rollouts x 8 turns, some rollouts shorter and some lost; every estimator, the median of some
hundred repetitions on the wall clock. Beside TRLOO, the same by a loop over the entries, linear in their number, as one
would write it without tensors; both give the same values, or this raises.
"""

import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor

from policies.advantages import AdvantageOptions, Estimator, advantages

PROMPTS, ROLLOUTS, TURNS = 16, 16, 8
REPEATS = 300
LOOP_REPEATS = 30


def run() -> dict[str, object]:
    """Returns medians in milliseconds; all advantages of one batch."""
    rewards, counted, groups = _batch()
    plain = rewards.tolist(), counted.tolist(), groups.tolist()
    options = {each: AdvantageOptions(estimator=each) for each in Estimator}
    torch.testing.assert_close(advantages(rewards, counted, groups).values, torch.tensor(_by_loop(*plain)))
    return {
        "prompts": PROMPTS,
        "rollouts": ROLLOUTS,
        "turns": TURNS,
        "repeats": REPEATS,
        "threads": torch.get_num_threads(),
        "estimators_ms": {
            str(each): _median_ms(lambda each=each: advantages(rewards, counted, groups, options[each]), REPEATS)
            for each in Estimator
        },
        "trloo_by_a_loop_ms": _median_ms(lambda: _by_loop(*plain), LOOP_REPEATS),
    }


def _batch() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    rollouts = PROMPTS * ROLLOUTS
    rewards = torch.rand(rollouts, TURNS, generator=generator)
    lengths = torch.randint(0, TURNS + 1, (rollouts, 1), generator=generator)
    return rewards, torch.arange(TURNS) < lengths, torch.arange(PROMPTS).repeat_interleave(ROLLOUTS)


def _by_loop(rewards: list[list[float]], counted: list[list[bool]], groups: list[int]) -> list[list[float]]:
    """Returns what TRLOO with gamma 1 gives, entry by entry."""
    returns = [[0.0] * TURNS for _ in rewards]
    sums: defaultdict[tuple[int, int], float] = defaultdict(float)
    sizes: defaultdict[tuple[int, int], int] = defaultdict(int)
    for row, group in enumerate(groups):
        following = 0.0
        for turn in reversed(range(TURNS)):
            if counted[row][turn]:
                following += rewards[row][turn]
                sums[group, turn] += following
                sizes[group, turn] += 1
            returns[row][turn] = following
    values = [[0.0] * TURNS for _ in rewards]
    for row, group in enumerate(groups):
        for turn in range(TURNS):
            size = sizes[group, turn]
            if counted[row][turn] and size > 1:
                values[row][turn] = (size * returns[row][turn] - sums[group, turn]) / (size - 1)
    return values


def _median_ms(function: Callable[[], object], repeats: int) -> float:
    times = []
    function()
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return round(1e3 * statistics.median(times), 3)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
