"""How often identical kernels are called faster or slower than each other, and how small a gain is found. Simulated.

At least 20,000 measurements of a kernel against itself for each of several noise processes, through the statistics of
`sandboxes.devices.cuda` and its rule to stop (looks at 16, 32, ... rounds, until the interval is narrower than 1 %).
A part of them also goes through the sampling code itself, run by run, with a clock that only the runs move.

Covered: noise of any size and any dependence between runs, drift, outliers, a coarse clock, addresses that matter. Not
covered: what only happens to one of two different kernels; no simulation knows that.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.gpu.processes import (
    SLOTS,
    Process,
    assign,
    bursts,
    correlated,
    disturbed,
    draw_design,
    drifting,
    slot_effects,
    two_states,
    white,
)
from benchmarks.gpu.setting import Setting
from sandboxes.devices.cuda.gpu import Sample
from sandboxes.devices.cuda.timing.sampling import WIDTH, Limits, Sampler
from sandboxes.devices.cuda.timing.statistics import FIRST_LOOK, LOOKS, TAIL, Numbers, Rounds, estimate

SHARE: Final = 0.25
SIMULATES: Final = True

EXPERIMENTS: Final = 20_000
"""Of each process, if there are eighty seconds."""
EXPERIMENTS_PER_S: Final = 250
QUICK_EXPERIMENTS: Final = 500
SAMPLED_EXPERIMENTS: Final = 500
"""Of each process, through the sampling code."""
ROUNDS: Final = 128
"""Until the time is up."""
BATCH: Final = 500
MOST_FALSE: Final = 1e-3

GAINS_PERCENT: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
POWER: Final = 0.9
POWER_EXPERIMENTS: Final = 400
POWER_ROUNDS: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where a kernel is timed."""

    process: Process
    time_us: float = 50.0
    both: float = 0.0
    """What addresses do to both sides alike: standard deviation of logarithms."""
    own: float = 0.0
    """What they do to one side only."""
    quantum_us: float = 0.0
    """Steps of events."""
    aims: bool = True
    """The share of false verdicts is promised; otherwise it is only told."""


WORLDS: Final = {
    "white noise, 0.5 %": World(process=white),
    "AR(1), 1 %, 0.95 from run to run": World(process=correlated),
    "drift of 10 % and swings of 2 %": World(process=drifting),
    "5 % outliers, up to 3x": World(process=disturbed),
    "bursts of tenfold noise": World(process=bursts),
    "two clock rates, 30 % apart": World(process=two_states),
    "5 us, events in steps of 0.5 us": World(process=white, time_us=5.2, quantum_us=0.5),
    "5 us, events in steps of 0.032 us": World(process=white, time_us=5.13, quantum_us=0.032),
    "addresses, 1 % on both sides": World(process=white, both=0.01),
    "addresses, 0.05 % on each side alone": World(process=white, own=0.0005),
    "addresses, 0.3 % on each side alone": World(process=white, own=0.003, aims=False),
}


def run(setting: Setting) -> dict[str, Any]:
    """Returns shares of false verdicts by world, and the power."""
    experiments = min(EXPERIMENTS, max(QUICK_EXPERIMENTS, round(EXPERIMENTS_PER_S * setting.seconds)))
    sampled = max(10, SAMPLED_EXPERIMENTS * experiments // EXPERIMENTS)
    worlds = {name: false_verdicts(world, experiments, seed) for seed, (name, world) in enumerate(WORLDS.items())}
    for seed, (name, world) in enumerate(WORLDS.items()):
        worlds[name]["through_sampling"] = through_sampling(world, sampled, seed)
    promised = [worlds[name] for name, world in WORLDS.items() if world.aims]
    return {
        "experiments_per_process": experiments,
        "stops_at_width": WIDTH,
        "most_rounds": ROUNDS,
        "worst_share_faster": max(each["faster"] for each in promised),
        "worst_share_slower": max(each["slower"] for each in promised),
        "processes": worlds,
        "power": power(max(40, POWER_EXPERIMENTS * experiments // EXPERIMENTS)),
    }


def false_verdicts(world: World, experiments: int, seed: int) -> dict[str, Any]:
    """Returns how often the interval of a kernel against itself leaves 1 out."""
    generator = np.random.default_rng([seed, 9])
    faster = slower = narrow = 0
    rounds: list[Numbers] = []
    spreads: list[Numbers] = []
    begin = time.perf_counter()
    for size in _batches(experiments):
        found = measured(simulated(world, generator, size, ROUNDS, 1.0))
        faster += int((found.low > 1).sum())
        slower += int((found.high < 1).sum())
        narrow += int(found.narrow.sum())
        rounds.append(found.rounds)
        spreads.append(np.log(found.speedup))
    return {
        "experiments": experiments,
        "faster": faster / experiments,
        "slower": slower / experiments,
        "narrow": round(narrow / experiments, 4),
        "median_rounds": float(np.median(np.concatenate(rounds))),
        "speedup_spread_percent": round(100 * float(np.concatenate(spreads).std()), 4),
        "took_s": round(time.perf_counter() - begin, 1),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How measurements ended."""

    speedup: Numbers
    low: Numbers
    high: Numbers
    rounds: Numbers
    narrow: Numbers


def simulated(world: World, generator: np.random.Generator, size: int, rounds: int, gain: float) -> Rounds:
    """Returns all the rounds that many measurements could take; the candidate is `gain` times as fast."""
    times = world.time_us * np.exp(world.process(generator, (size, rounds, 4)))
    drawn = assign(times, *draw_design(generator, size, rounds))
    faster = Rounds(candidate_us=drawn.candidate_us / gain, reference_us=drawn.reference_us, slots=drawn.slots)
    return slot_effects(generator, faster, both=world.both, own=world.own, quantum_us=world.quantum_us)


def measured(rounds: Rounds) -> Ended:
    """Looks as `Sampler` does, and stops where it would; all measurements at once."""
    size, most = rounds.slots.shape[:2]
    ended = {name: np.zeros(size) for name in ("speedup", "low", "high", "rounds", "narrow")}
    going = np.arange(size)
    for look in range(LOOKS):
        count = min(FIRST_LOOK * 2**look, most)
        some = Rounds(
            candidate_us=rounds.candidate_us[going, :count],
            reference_us=rounds.reference_us[going, :count],
            slots=rounds.slots[going, :count],
        )
        found = estimate(some, TAIL / LOOKS)
        narrow = found.width < WIDTH
        over = narrow | (count == most)
        for name, values in (("speedup", found.speedup), ("low", found.low), ("high", found.high)):
            ended[name][going[over]] = values[over]
        ended["rounds"][going[over]] = count
        ended["narrow"][going[over]] = narrow[over]
        going = going[~over]
        if not len(going):
            break
    return Ended(**ended)


def through_sampling(world: World, experiments: int, seed: int) -> dict[str, Any]:
    """Returns the same, by the sampling code run by run."""
    generator = np.random.default_rng([seed, 10])
    faster = slower = 0
    rounds = []
    for number in range(experiments):
        tape = Tape(world, generator)
        found = Sampler(
            TapeSide(tape, 0),
            TapeSide(tape, 1),
            Limits(time_s=1e9, most_rounds=ROUNDS),
            slots=SLOTS,
            clock=lambda: 0.0,
            read_clocks=lambda: None,
            draw=random.Random(number),
        ).sample()
        faster += int(float(found.estimate.low) > 1)
        slower += int(float(found.estimate.high) < 1)
        rounds.append(found.number)
    return {
        "experiments": experiments,
        "faster": faster,
        "slower": slower,
        "median_rounds": float(np.median(rounds)),
    }


class Tape:
    """The noise of one measurement, run after run, and what its addresses do."""

    def __init__(self, world: World, generator: np.random.Generator) -> None:
        self.times = iter((world.time_us * np.exp(world.process(generator, (1, 2 * ROUNDS, 4)))).ravel().tolist())
        shared = generator.normal(0, world.both, SLOTS)
        self.effects = np.exp(shared + generator.normal(0, world.own, (2, SLOTS)))
        self.quantum_us = world.quantum_us
        self.generator = generator


class TapeSide:
    """Implements `Side`."""

    def __init__(self, tape: Tape, which: int) -> None:
        self._tape = tape
        self._which = which
        self._slot = 0

    def refresh(self, slot: int) -> None:
        """Goes to other addresses."""
        self._slot = slot

    def time(self) -> Sample:
        """Returns what comes next on the tape."""
        device_us = next(self._tape.times) * float(self._tape.effects[self._which, self._slot])
        if quantum_us := self._tape.quantum_us:
            begin = self._tape.generator.uniform(0, quantum_us)
            device_us = float(np.floor((begin + device_us) / quantum_us) * quantum_us)
        return Sample(device_us=device_us, host_us=device_us + 10)

    def verify(self) -> None:
        """Nothing is computed."""


def power(experiments: int) -> list[dict[str, Any]]:
    """Returns how often gains are found, by the kernel's time and the steps of events."""
    generator = np.random.default_rng(11)
    found = []
    for time_us in (5.0, 20.0, 100.0):
        for quantum_us in (0.032, 0.5):
            world = World(process=quiet(time_us), time_us=time_us, quantum_us=quantum_us)
            shares = {}
            for gain in GAINS_PERCENT:
                ended = measured(simulated(world, generator, experiments, POWER_ROUNDS, 1 + gain / 100))
                shares[f"{gain:g}"] = round(float((ended.low > 1).mean()), 3)
                if shares[f"{gain:g}"] >= 0.999:
                    break
            enough = [float(gain) for gain, share in shares.items() if share >= POWER]
            found.append(
                {
                    "time_us": time_us,
                    "event_steps_us": quantum_us,
                    "share_found_by_gain_percent": shares,
                    "smallest_gain_found_percent": min(enough, default=None),
                    "median_rounds": float(np.median(ended.rounds)),
                }
            )
    return found


def quiet(time_us: float) -> Callable[[np.random.Generator, tuple[int, int, int]], Numbers]:
    """A data centre GPU that nobody else uses: 0.4 % of noise, 0.15 us of jitter, one outlier in five hundred runs."""

    def process(generator: np.random.Generator, shape: tuple[int, int, int]) -> Numbers:
        late = np.log1p(generator.exponential(0.15, shape) / time_us)
        rare = np.where(generator.random(shape) < 0.002, generator.uniform(1.0, 1.6, shape), 1.0)
        return white(generator, shape, 0.004) + late + np.log(rare)

    return process


def _batches(experiments: int) -> Iterator[int]:
    for start in range(0, experiments, BATCH):
        yield min(BATCH, experiments - start)


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns what the table shows."""
    aim = f"<= {MOST_FALSE:g}"
    return [
        ("identical kernels called faster, worst process", f"{found['worst_share_faster']:.2g}", aim),
        ("identical kernels called slower, worst process", f"{found['worst_share_slower']:.2g}", aim),
    ]
