"""How noisy a speedup is after so many rounds: the price of a less noisy reward in GPU time.

Kernels of about 5, 20 and 100 us are timed against themselves for many rounds, through the sampling code that every
evaluation uses. Rounds are then taken in pieces of 2, 4, 8, ...: how much the estimates of pieces differ is the noise
of a reward after that many. Beside it stands what a common protocol makes of the same times: all runs of one kernel,
then all runs of the other, and the ratio of their means; and what taking turns and medians each contribute.

It runs on any GPU. A simulated one shows what its noise is like, and that this works; `processes` says how a quiet data
centre GPU is made up.
"""

import random
import time
from typing import Any, Final

import numpy as np
import torch

from benchmarks.gpu.false_faster import quiet
from benchmarks.gpu.processes import assign, draw_design, drifting
from benchmarks.gpu.setting import Setting
from sandboxes.devices.cuda.gpu import Gpu, Prepared
from sandboxes.devices.cuda.opening import open_gpu
from sandboxes.devices.cuda.timing.rivals import PlainSide
from sandboxes.devices.cuda.timing.sampling import Limits, Sampler
from sandboxes.devices.cuda.timing.statistics import Numbers, Rounds, estimate

SHARE: Final = 0.2

KERNEL_BYTES: Final = {"about 5 us": 2**21, "about 20 us": 2**25, "about 100 us": 2**28}
"""Of a tensor that is doubled in place of another."""
QUICK_BYTES: Final = {"tiny": 2**12}
SLOTS: Final = 3
COUNTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PIECES: Final = 8
"""From which on their spread says something."""
SIMULATED_EXPERIMENTS: Final = 400
SIMULATED_TIMES_US: Final = (5.0, 20.0, 100.0)


def run(setting: Setting) -> dict[str, Any]:
    """Returns the noise by kernel and number of rounds, on this GPU and in a simulation of a quiet one."""
    gpu = open_gpu(setting.gpu)
    kernels = QUICK_BYTES if setting.quick or setting.facts.simulated else KERNEL_BYTES
    try:
        here = {name: timed(gpu, size, setting.seconds / len(kernels)) for name, size in kernels.items()}
    finally:
        gpu.close()
    return {
        "kernels": here,
        "simulated_quiet_gpu": {f"{time_us:g} us": simulated(time_us) for time_us in SIMULATED_TIMES_US},
        "noise": "standard deviation of the speedup of a kernel over itself, percent",
    }


def timed(gpu: Gpu, size_bytes: int, seconds: float) -> dict[str, Any]:
    """Times a kernel against itself."""
    own, other = (PlainSide([prepared(gpu, size_bytes) for _ in range(SLOTS)]) for _ in range(2))
    samples = Sampler(
        own,
        other,
        Limits(time_s=seconds, width=0.0, most_rounds=COUNTS[-1] * PIECES),
        slots=SLOTS,
        clock=time.monotonic,
        read_clocks=gpu.clocks,
        draw=random.Random(),
    ).sample()
    pieces = {count: cut(samples.rounds, count) for count in COUNTS if samples.number >= count * PIECES}
    return {
        "time_us": round(float(np.median(samples.rounds.candidate_us)), 3),
        "rounds": samples.number,
        "seconds_per_round": samples.elapsed_s / (samples.number + samples.warm_up_rounds),
        "noise_percent_by_rounds": {str(count): noise(piece) for count, piece in pieces.items()},
    }


def prepared(gpu: Gpu, size_bytes: int) -> Prepared:
    """Returns a kernel on addresses of its own."""
    source = torch.ones(size_bytes // 4, device=gpu.device)
    target = torch.empty_like(source)

    def double() -> None:
        torch.mul(source, 2.0, out=target)

    return gpu.prepare(double)


def cut(rounds: Rounds, count: int) -> Rounds:
    """Returns pieces of so many rounds as experiments of their own."""
    number = rounds.slots.shape[0] // count

    def pieces(values: Any) -> Any:
        return values[: number * count].reshape(number, count, 2)

    return Rounds(
        candidate_us=pieces(rounds.candidate_us),
        reference_us=pieces(rounds.reference_us),
        slots=pieces(rounds.slots),
    )


def noise(rounds: Rounds) -> dict[str, float]:
    """Returns how much the speedups of experiments differ, by how they are computed."""
    ways = {"ranked_pairs": np.log(estimate(rounds).speedup)} if rounds.slots.shape[1] > 1 else {}
    ways["ratio_of_medians"] = np.log(
        np.median(rounds.reference_us, axis=(1, 2)) / np.median(rounds.candidate_us, axis=(1, 2))
    )
    ways["ratio_of_means"] = np.log(rounds.reference_us.mean((1, 2)) / rounds.candidate_us.mean((1, 2)))
    return {way: round(100 * float(values.std()), 4) for way, values in ways.items()}


def simulated(time_us: float) -> dict[str, Any]:
    """Returns the same of a quiet GPU that is made up, with drifting clocks, and of runs that do not take turns."""
    generator = np.random.default_rng([round(time_us), 12])
    found = {}
    for count in COUNTS:
        shape = (SIMULATED_EXPERIMENTS, count, 4)
        logs = quiet(time_us)(generator, shape) + drifting(generator, shape) / 5
        times: Numbers = time_us * np.exp(logs)
        in_turns = noise(assign(times, *draw_design(generator, SIMULATED_EXPERIMENTS, count)))
        halves = times.reshape(SIMULATED_EXPERIMENTS, 2, -1).mean(-1)
        in_a_row = round(100 * float(np.log(halves[:, 1] / halves[:, 0]).std()), 4)
        found[str(count)] = {**in_turns, "one_after_the_other": in_a_row}
    return found


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns what the table shows."""
    lines = []
    for name, kernel in found["kernels"].items():
        by_rounds = kernel["noise_percent_by_rounds"]
        for count, last in list(by_rounds.items())[1:][-1:]:
            lines.append((f"noise of a speedup, {name}, {count} rounds", f"{last['ranked_pairs']:.2f} %", ""))
    return lines
