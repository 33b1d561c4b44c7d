"""Times a candidate next to its reference on a GPU, and says how good these times are."""

import random
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import torch

from sandboxes.contracts import EvalConfig, Measurement, Target, TimingFlag
from sandboxes.devices.cuda.gpu import Gpu
from sandboxes.devices.cuda.running import Loaded
from sandboxes.devices.cuda.timing.agreement import hidden_us, host_is_behind, profiler_disagrees
from sandboxes.devices.cuda.timing.floor import floor_us
from sandboxes.devices.cuda.timing.measured import Measured
from sandboxes.devices.cuda.timing.rivals import compiled_reference
from sandboxes.devices.cuda.timing.sampling import Limits, Sampler, Samples
from sandboxes.devices.cuda.timing.sides import Pair, make_pair
from sandboxes.devices.cuda.timing.statistics import median_interval, spread
from sandboxes.devices.device import Choice, Program, Rival
from sandboxes.devices.launching import Launched
from sandboxes.shelf import Keeper

EAGER_RUNS: Final = 5

DOUBTFUL: Final = frozenset({TimingFlag.BELOW_FLOOR, TimingFlag.DISAGREEING})
"""What can't be: measured again before it is believed that it can't be measured."""


def measure(
    gpu: Gpu,
    program: Program,
    choice: Choice,
    loaded: Loaded,
    *,
    rival: Rival,
    config: EvalConfig,
    target: Target,
    launched: Mapping[int, Launched],
    variants: int = 0,
    shelf: Keeper | None = None,
    compiled: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Measured:
    """Times a program and the reference in turns.

    Args:
        gpu: Where.
        program: The bench case, judged before.
        choice: Variant of each launch.
        loaded: What `Gpu.load` returned for these.
        rival: The reference.
        config: Precision, and how long measuring may take.
        target: The GPU as data.
        launched: What the executor counted of each launch, as far as it can: for the floor.
        variants: Autotuned variants that were measured before.
        shelf: Where the compiled reference's ratio is kept.
        compiled: Compile and measure the compiled reference if it is not kept: takes up to a minute, once.
        clock: Time in seconds.

    Raises:
        Fault: A timed run is wrong.
        GpuError, GpuLost: As `Gpu`.
    """
    with gpu.faults():
        pair = make_pair(gpu, program, choice, loaded, rival, config.precision)
        samples = _sample(gpu, pair, config, clock)
        floor = floor_us(program, choice, launched, target, samples.clocks)
        flags = _flags(gpu, pair, samples, floor)
        if DOUBTFUL.intersection(flags):  # once more, on other addresses
            del pair
            pair = make_pair(gpu, program, choice, loaded, rival, config.precision)
            samples = _sample(gpu, pair, config, clock)
            flags = _flags(gpu, pair, samples, floor)
        eager, reference_eager = _eager_us(gpu, pair, config)
        ratio = compiled_reference(
            gpu,
            rival,
            config.precision,
            pair.model,
            pair.reference.inputs,
            [place.prepared for place in pair.reference.places],
            shelf=shelf,
            measures=compiled,
        ).ratio
    return _measured(gpu, samples, floor, flags, (eager, reference_eager), ratio, variants)


def _sample(gpu: Gpu, pair: Pair, config: EvalConfig, clock: Callable[[], float]) -> Samples:
    """Takes samples, and has every answer compared."""
    sampler = Sampler(
        pair.candidate,
        pair.reference,
        Limits(time_s=config.measure_timeout_s),
        slots=pair.slots,
        clock=clock,
        read_clocks=gpu.clocks,
        draw=random.Random(secrets.randbits(64)),
    )
    pair.prime()
    samples = sampler.sample()
    pair.reference.finish()
    return samples


def _flags(gpu: Gpu, pair: Pair, samples: Samples, floor: float) -> tuple[TimingFlag, ...]:
    rounds = samples.rounds
    candidate_us, reference_us = rounds.candidate_us, rounds.reference_us
    pair.candidate.refresh(0)  # as before each timed run: what it left behind is not there
    events = gpu.observe(lambda mark: pair.candidate.places[0].prepared.run())
    disagreeing = (
        host_is_behind(candidate_us, samples.candidate_host_us)
        or host_is_behind(reference_us, samples.reference_host_us)
        or hidden_us(candidate_us, samples.candidate_host_us, reference_us, samples.reference_host_us) > 0
        or profiler_disagrees(events, candidate_us)
    )
    found = {
        TimingFlag.BELOW_FLOOR: bool(np.median(candidate_us) < floor),
        TimingFlag.UNSTABLE: not samples.narrow,
        TimingFlag.ONE_PLACE: pair.slots == 1,
        TimingFlag.NOT_CAPTURED: not pair.captured,
        TimingFlag.THROTTLED: samples.clocks is not None and bool(samples.clocks.throttled),
        TimingFlag.DISAGREEING: disagreeing,
    }
    return tuple(flag for flag, is_so in found.items() if is_so)


def _eager_us(gpu: Gpu, pair: Pair, config: EvalConfig) -> tuple[float, float]:
    """Returns how long both take when the host launches them piece by piece, until it knows that they have ended."""
    with gpu.precision(config.precision), torch.no_grad():
        works = [gpu.prepare(work, capture=False) for work in (pair.work, pair.rival_work)]
        own, theirs = (float(np.median([work.time().host_us for _ in range(EAGER_RUNS)])) for work in works)
    return own, theirs


def _measured(
    gpu: Gpu,
    samples: Samples,
    floor: float,
    flags: tuple[TimingFlag, ...],
    eager_us: tuple[float, float],
    ratio: float | None,
    variants: int,
) -> Measured:
    candidate_us = samples.rounds.candidate_us
    median = float(np.median(candidate_us))
    found = samples.estimate
    reference_us = median * float(found.speedup)  # both at the same clocks, which medians of either side are not
    paid = max(median, floor)
    low, high = median_interval(candidate_us.ravel())
    return Measured(
        time_us=paid,
        reference_time_us=reference_us,
        compiled_reference_time_us=None if ratio is None else reference_us / ratio,
        speedup_interval=(float(found.low) * median / paid, float(found.high) * median / paid),
        samples=samples,
        measurement=Measurement(
            rounds=samples.number,
            time_interval_us=(low, high),
            spread=spread(candidate_us.ravel()),
            measured_time_us=median,
            floor_us=floor,
            host_time_us=float(np.median(samples.candidate_host_us)),
            eager_time_us=eager_us[0],
            reference_eager_time_us=eager_us[1],
            variants=variants,
            flags=flags,
            clocks=samples.clocks,
            simulated=gpu.facts.simulated,
            versions=gpu.facts.versions,
        ),
    )
