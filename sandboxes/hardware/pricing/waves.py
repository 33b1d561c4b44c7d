"""When programs run: waves, the tail, and what overlaps with what.

As many programs are resident at a time as multiprocessors hold. In a wave of them each activity needs the time of all
that wave's traffic or arithmetic, on the GPU or on the busiest multiprocessor; each program needs its own round trips.

What overlaps is combined with a p-norm, which is at least the largest. Traffic overlaps well with traffic. The pipes
of one program work in turn, since one computes what the next one needs; so do loads and arithmetic where the compiled
code does not pipeline them. Then only other programs on the same multiprocessor fill the gaps, and the exponent grows
from 1 (a sum) with their number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, exp
from typing import Final, TypeVar

from sandboxes.contracts import Target
from sandboxes.hardware.facts import Part
from sandboxes.hardware.pricing.constants import Constants
from sandboxes.hardware.pricing.demands import Demand
from sandboxes.hardware.pricing.price import norm
from sandboxes.hardware.pricing.roofline import PIPES

Name = TypeVar("Name", bound=str)
TRAFFIC: Final = (Part.DRAM, Part.L2, Part.LSU, Part.SHARED, Part.LATENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Room for programs."""

    multiprocessors: int
    blocks: int
    """Programs that one holds at a time."""
    pipelined: bool
    """Whether loads overlap with arithmetic within a program."""

    @property
    def count(self) -> int:
        """Programs that run at a time."""
        return self.multiprocessors * self.blocks


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long something takes, and why."""

    time_us: float = 0.0
    parts_us: Mapping[Part, float] = field(default_factory=dict)
    """Each activity alone."""
    causes_us: Mapping[Part, float] = field(default_factory=dict)
    """`time_us`, divided among activities: by how much it grows if they do, relatively."""

    def __add__(self, other: "Schedule") -> "Schedule":
        """One after the other."""
        return Schedule(
            self.time_us + other.time_us,
            {part: self.parts_us.get(part, 0.0) + other.parts_us.get(part, 0.0) for part in Part},
            {part: self.causes_us.get(part, 0.0) + other.causes_us.get(part, 0.0) for part in Part},
        )

    def times(self, count: float) -> "Schedule":
        """Repeated."""
        return Schedule(
            count * self.time_us,
            {part: count * taken for part, taken in self.parts_us.items()},
            {part: count * taken for part, taken in self.causes_us.items()},
        )


def launch_schedule(
    target: Target, asked: Demand, slots: Slots, constants: Constants, uneven: tuple[float, float]
) -> Schedule:
    """Returns how long a launch runs.

    Programs that are alike run in whole waves. If one is busier than the others, by `uneven` (traffic, arithmetic),
    it begins at a random time, and the others' slots are empty while it ends; alone, it needs at least its own time.
    """
    full, rest = divmod(asked.programs, slots.count)
    schedule = Schedule()
    whole = wave(target, asked, slots, constants, min(slots.count, asked.programs))
    if full:
        schedule = whole.times(full)
    if rest:
        schedule = schedule + (wave(target, asked, slots, constants, rest) if full else whole)
    if max(uneven) <= 1.0:
        return schedule
    average = wave(target, asked, slots, constants, 1)
    busiest = wave(target, asked.busiest(*uneven), slots, constants, 1)
    if full:
        left = constants.tail * max(busiest.time_us - average.time_us, 0.0)
        late = whole.times(asked.programs / slots.count) + busiest.times(left / busiest.time_us)
        schedule = max(schedule, late, key=lambda one: one.time_us)
    return max(schedule, busiest, key=lambda one: one.time_us)


def loaded_us(target: Target, asked: Demand, slots: Slots, constants: Constants, most_blocks: int) -> float:
    """Returns how long the same would run if every multiprocessor had as many programs as it can hold, all the time."""
    held = most_blocks * slots.multiprocessors
    parts = _parts(target, asked, constants, asked.programs, asked.programs / slots.multiprocessors, False)
    parts[Part.LATENCY] *= asked.programs / held
    return norm(parts.values(), constants.overlap)


def wave(target: Target, asked: Demand, slots: Slots, constants: Constants, size: int) -> Schedule:
    """Returns how long `size` programs run that begin together."""
    stacked = ceil(size / slots.multiprocessors)
    parts = _parts(target, asked, constants, size, stacked, True)
    others = min(stacked, slots.blocks) - 1
    gaps = 1 + (constants.overlap - 1) * (1 - exp(-others / constants.interleave))
    traffic, traffic_shares = _combined({part: parts[part] for part in TRAFFIC}, constants.overlap)
    pipes, pipe_shares = _combined({part: parts[part] for part in PIPES}, gaps)
    groups = {"traffic": traffic, "pipes": pipes, "atomics": parts[Part.ATOMICS], "start": parts[Part.START]}
    time_us, shares = _combined(groups, constants.overlap if slots.pipelined else gaps)
    causes = {part: time_us * shares["traffic"] * share for part, share in traffic_shares.items()}
    causes |= {part: time_us * shares["pipes"] * share for part, share in pipe_shares.items()}
    causes |= {Part.ATOMICS: time_us * shares["atomics"], Part.START: time_us * shares["start"]}
    return Schedule(time_us, parts, causes)


def _combined(values: Mapping[Name, float], power: float) -> tuple[float, dict[Name, float]]:
    """Returns the p-norm of values, and the share that each causes of it."""
    whole = norm(values.values(), power)
    if whole == 0.0:
        return 0.0, dict.fromkeys(values, 0.0)
    return whole, {name: (value / whole) ** power for name, value in values.items()}


def _parts(
    target: Target, asked: Demand, constants: Constants, size: float, stacked: float, warps_matter: bool
) -> dict[Part, float]:
    """Returns how long each activity of `size` programs takes, at most `stacked` of them on one multiprocessor."""
    share, on_one = size / asked.programs, stacked / asked.programs
    clocks_us = on_one / target.clock_mhz
    busy = min(1.0, stacked * asked.warps / constants.busy_warps) if warps_matter else 1.0
    tensor_busy = min(1.0, stacked * asked.tensor_fill) if warps_matter else 1.0
    pipes = {
        pipe: taken * on_one * target.multiprocessors / (tensor_busy if pipe is Part.TENSOR else busy)
        for pipe, taken in asked.pipes_us.items()
    }
    return {
        **pipes,
        Part.DRAM: share * asked.dram_bytes / (target.dram_gb_per_s * 1e3 * constants.dram_share),
        Part.L2: share * asked.l2_bytes / (target.l2_gb_per_s * 1e3 * constants.l2_share),
        Part.LSU: asked.port_clocks * clocks_us,
        Part.SHARED: asked.shared_clocks * clocks_us,
        Part.ATOMICS: share * asked.chain_us,
        Part.LATENCY: asked.trips_us,
        Part.START: stacked * constants.block_start_us,
    }
