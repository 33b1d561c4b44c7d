"""When programs run: waves, the tail, and what overlaps with what.

As many programs are resident at a time as multiprocessors hold. In a wave of them each activity needs the time of all
that wave's traffic or arithmetic, on the GPU or on the busiest multiprocessor; each program needs its own round trips.

What overlaps is combined with a p-norm, which is at least the largest. Traffic overlaps well with traffic. The pipes
of one program work in turn, since one computes what the next one needs; so do loads and arithmetic where the compiled
code does not pipeline them. Only other programs on the same multiprocessor fill the gaps: k programs that use m
resources in turn, each for a time t, need k * t + (m - 1) * t (mean value analysis of a closed network of queues).
So what the first program would need alone, beyond what overlaps, is added once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from sandboxes.contracts import Target
from sandboxes.hardware.facts import Part
from sandboxes.hardware.pricing.constants import Constants
from sandboxes.hardware.pricing.demands import Demand
from sandboxes.hardware.pricing.price import norm
from sandboxes.hardware.pricing.roofline import PIPES

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

    time_us: float
    parts_us: Mapping[Part, float]
    """Each activity alone."""
    causes_us: Mapping[Part, float]
    """`time_us`, divided among activities: by how much it grows if they do, relatively."""

    def __add__(self, other: "Schedule") -> "Schedule":
        """One after the other."""
        return Schedule(
            self.time_us + other.time_us,
            {part: taken + other.parts_us[part] for part, taken in self.parts_us.items()},
            {part: taken + other.causes_us[part] for part, taken in self.causes_us.items()},
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
    whole = wave(target, asked, slots, constants, min(slots.count, asked.programs))
    schedule = whole.times(max(full, 1))
    if full and rest:
        schedule = schedule + wave(target, asked, slots, constants, rest)
    if max(uneven) <= 1.0:
        return schedule
    busiest = wave(target, asked.busiest(*uneven), slots, constants, 1)
    if full:
        late = whole.times(asked.programs / slots.count) + busiest.times(constants.tail * (1 - 1 / max(uneven)))
        schedule = max(schedule, late, key=lambda one: one.time_us)
    if schedule.time_us >= busiest.time_us:
        return schedule
    parts = {part: max(taken, busiest.parts_us[part]) for part, taken in schedule.parts_us.items()}
    return Schedule(busiest.time_us, parts, busiest.causes_us)


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
    first = parts if stacked == 1 else _parts(target, asked, constants, min(size, slots.multiprocessors), 1, True)
    power = constants.overlap
    traffic, pipes = _together(parts, TRAFFIC, power), _together(parts, PIPES, power)
    first_traffic, first_pipes = (
        (traffic, pipes) if stacked == 1 else (_together(first, TRAFFIC, power), _together(first, PIPES, power))
    )
    groups = (traffic, _in_turn(pipes, first_pipes, first), _ends(parts))
    causes = _overlapped(groups, power)
    if not slots.pipelined:
        own = (first_traffic, {pipe: first[pipe] for pipe in PIPES}, _ends(first))
        hidden = _overlapped(own, power)
        for group in own:
            for part, taken in group.items():
                causes[part] += max(taken - hidden[part], 0.0)
    return Schedule(sum(causes.values()), parts, causes)


def _ends(parts: Mapping[Part, float]) -> dict[Part, float]:
    """Returns what begins and ends a program: it is started, and adds to what others add to, too."""
    return {Part.ATOMICS: parts[Part.ATOMICS], Part.START: parts[Part.START]}


def _together(parts: Mapping[Part, float], names: Iterable[Part], power: float) -> dict[Part, float]:
    """Returns what each of some activities causes of the time of all of them, if they overlap."""
    chosen = {name: parts[name] for name in names}
    whole = norm(chosen.values(), power)
    return {name: taken * (taken / whole) ** (power - 1) if taken else 0.0 for name, taken in chosen.items()}


def _in_turn(
    together: Mapping[Part, float], hidden: Mapping[Part, float], first: Mapping[Part, float]
) -> dict[Part, float]:
    """Returns what activities cause that overlap but in the first program, of which else `hidden` would be left."""
    return {part: taken + max(first[part] - hidden[part], 0.0) for part, taken in together.items()}


def _overlapped(groups: Sequence[Mapping[Part, float]], power: float) -> dict[Part, float]:
    """Returns what each activity causes of the p-norm of groups of them, by how much that grows if it does."""
    times = [sum(group.values()) for group in groups]
    whole = norm(times, power)
    return {
        part: taken * (time / whole) ** (power - 1) if taken else 0.0
        for group, time in zip(groups, times, strict=True)
        for part, taken in group.items()
    }


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
