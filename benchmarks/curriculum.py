"""How many groups have a gradient: `python -m benchmarks.curriculum` prints JSON.

A simulated learner trains for some steps on problems of latent difficulty `d`: it solves one with probability
`1 / (1 + exp(d - skill))`, a step plays a group of attempts on each of a few problems, and only *mixed* groups, those
with successes and failures, raise its skill. Samplers choose the problems, each in the same world with the same seeds:
uniform in shuffled epochs, Thompson with and without forgetting, and an oracle that knows the true probabilities. A few
attempts are lost to the machine.

It says how the samplers compare under these assumptions; it is no measurement of a model.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from policies.curriculum import (
    TRAINING,
    UNIFORM,
    Beta,
    DifficultyBook,
    Forgetting,
    Tally,
    ThompsonSampler,
    UniformSampler,
)

PROBLEMS = 300
GROUPS = 16
"""Problems per step."""
ATTEMPTS = 8
"""Attempts per group."""
LOST = 0.02
"""Share of attempts that are lost to the machine."""
SEEDS = 10
RESAMPLES = 2000

FAST_FADING = Forgetting(per_step=0.95)

Numbers = NDArray[np.float64]
Chances = Callable[[], Numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A world to learn in."""

    why: str
    difficulties: Callable[[np.random.Generator], Numbers]
    gain: float
    """Skill per step in which all groups are mixed."""
    practice: float = 0.0
    """Skill on a problem alone, per mixed group of it."""
    steps: int = 200
    calibrated: float | None = None
    """Before training, 32 attempts per problem were seen of a policy with this skill; None: no attempts."""


def skewed(random: np.random.Generator) -> Numbers:
    """40 % next to impossible, 35 % too easy, 25 % in between."""
    parts = [random.normal(6.0, 1.5, 120), random.normal(-6.0, 1.5, 105), random.normal(0.0, 1.0, 75)]
    return np.concatenate(parts)


SCENARIOS = {
    "skewed": Scenario(
        why="most problems are too easy or impossible for the policy",
        difficulties=skewed,
        gain=0.02,
    ),
    "informative": Scenario(
        why="every problem is solved about half the time: nothing to gain",
        difficulties=lambda random: random.uniform(-0.8, 0.8, PROBLEMS),
        gain=0.002,
    ),
    "moving": Scenario(
        why="most problems are impossible at first; which are informative changes as the policy learns",
        difficulties=lambda random: random.uniform(-4.0, 16.0, PROBLEMS),
        gain=0.03,
        steps=400,
    ),
    "practised": Scenario(
        why="a problem that is trained on becomes easier by itself",
        difficulties=lambda random: random.uniform(-10.0, 10.0, PROBLEMS),
        gain=0.01,
        practice=0.2,
    ),
    "stale": Scenario(
        why="the book was calibrated with a weaker policy",
        difficulties=skewed,
        gain=0.01,
        calibrated=-4.0,
    ),
}


class OracleSampler:
    """Knows the true probabilities: no sampler can have more mixed groups in a step."""

    def __init__(self, ids: list[str], chances: Chances) -> None:
        self.ids = ids
        self.chances = chances

    def draw(self, count: int) -> list[str]:
        return [self.ids[index] for index in np.argsort(np.abs(self.chances() - 0.5))[:count]]

    def update(self, problem: str, successes: int, failures: int, step: int | None = None) -> None:
        pass


Sampler = ThompsonSampler | UniformSampler | OracleSampler
Make = Callable[[list[str], int, Chances], Sampler]


def thompson(forgetting: Forgetting, prior: Beta = UNIFORM) -> Make:
    return lambda ids, seed, _: ThompsonSampler(DifficultyBook(ids, prior=prior, forgetting=forgetting), seed)


SAMPLERS: dict[str, Make] = {
    "uniform": lambda ids, seed, _: UniformSampler(DifficultyBook(ids), seed),
    "thompson": thompson(TRAINING),
    "thompson, no forgetting": thompson(Forgetting()),
    "thompson, 0.95 per step": thompson(FAST_FADING),
    "thompson, prior Beta(0.5, 0.5)": thompson(TRAINING, Beta(0.5, 0.5)),
    "oracle": lambda ids, _, chances: OracleSampler(ids, chances),
}


@dataclass(slots=True)
class Learner:
    """What the simulated policy can do."""

    difficulties: Numbers
    skill: float = 0.0

    def chances(self) -> Numbers:
        return 1.0 / (1.0 + np.exp(self.difficulties - self.skill))


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What became of one training."""

    mixed: float
    """Share of groups that were mixed."""
    solved: float
    """Success probability at the end, mean over all problems."""


def train(scenario: Scenario, make: Make, seed: int) -> Training:
    """Returns what becomes of a learner whose problems a sampler chooses; same seed, same world."""
    learner = Learner(scenario.difficulties(np.random.default_rng((seed, 0))))
    random = np.random.default_rng((seed, 1))
    places = {f"problem/{number}": number for number in range(len(learner.difficulties))}
    sampler = make(list(places), seed, learner.chances)
    if scenario.calibrated is not None:
        weaker = replace(learner, skill=scenario.calibrated)
        for problem, successes in zip(places, random.binomial(32, weaker.chances()), strict=True):
            sampler.update(problem, int(successes), 32 - int(successes), 0)
    shares = []
    for step in range(scenario.steps):
        chances, mixed = learner.chances(), 0
        for problem in sampler.draw(GROUPS):
            solved = random.random(ATTEMPTS) < chances[places[problem]]
            lost = random.random(ATTEMPTS) < LOST
            tally = Tally.of(None if gone else bool(won) for gone, won in zip(lost, solved, strict=True))
            sampler.update(problem, *tally, step)
            if min(tally) > 0:
                mixed += 1
                learner.difficulties[places[problem]] -= scenario.practice
        shares.append(mixed / GROUPS)
        learner.skill += scenario.gain * shares[-1]
    return Training(mixed=float(np.mean(shares)), solved=float(learner.chances().mean()))


def compare(scenario: Scenario, seeds: int = SEEDS) -> dict[str, object]:
    """Returns, by sampler, mean shares with 95 % intervals over worlds, and the gain over uniform of the same world."""
    trainings = {name: [train(scenario, make, seed) for seed in range(seeds)] for name, make in SAMPLERS.items()}
    base = np.array([training.mixed for training in trainings["uniform"]])
    return {
        name: {
            "mixed_groups": _interval(np.array([training.mixed for training in found])),
            "gain_over_uniform": _interval(np.array([training.mixed for training in found]) / base),
            "solved_at_the_end": _interval(np.array([training.solved for training in found])),
        }
        for name, found in trainings.items()
    }


def run() -> dict[str, object]:
    """Returns every scenario's comparison."""
    sizes = {"problems": PROBLEMS, "groups_per_step": GROUPS, "attempts_per_group": ATTEMPTS, "seeds": SEEDS}
    scenarios = {
        name: {"why": scenario.why, "steps": scenario.steps, "samplers": compare(scenario)}
        for name, scenario in SCENARIOS.items()
    }
    return sizes | {"scenarios": scenarios}


def _interval(values: Numbers) -> list[float]:
    """Returns mean, and the ends of its 95 % percentile bootstrap interval."""
    random = np.random.default_rng(0)
    means = random.choice(values, size=(RESAMPLES, len(values))).mean(axis=1)
    return [round(float(number), 3) for number in (values.mean(), *np.quantile(means, (0.025, 0.975)))]


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
