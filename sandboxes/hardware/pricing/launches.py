"""How long one Triton launch takes, from what is known about it.

What it asks of the GPU (`demands`, `arithmetic`) meets how its programs run (`waves`). Every launch also pays the
overhead between two dependent kernels; reading a number back costs a wait for the host.

Not modelled: an L1 cache for loads, clocks that fall with power or heat, page faults of translation, independent
kernels that run at the same time.
"""

from collections.abc import Mapping
from math import prod

from sandboxes.contracts import Bound, Target
from sandboxes.hardware.facts import LaunchFacts, Part
from sandboxes.hardware.occupancy import occupancy
from sandboxes.hardware.pricing.bands import band
from sandboxes.hardware.pricing.constants import DEFAULT, Constants
from sandboxes.hardware.pricing.demands import demand, saved_bytes
from sandboxes.hardware.pricing.lines import lines_us
from sandboxes.hardware.pricing.price import FREE_PRICE, Price
from sandboxes.hardware.pricing.roofline import PIPES, cached_roofline_us
from sandboxes.hardware.pricing.waves import Schedule, Slots, launch_schedule, loaded_us

MUCH_LESS = 1.5
"""A launch is bound by occupancy if a GPU that is fully loaded would take that many times less."""


def price_launch(
    target: Target,
    facts: LaunchFacts,
    constants: Constants = DEFAULT,
    resident: Mapping[str, float] | None = None,
) -> Price:
    """Prices one Triton launch.

    Args:
        target: The GPU.
        facts: Everything known about the launch; an empty grid launches nothing.
        constants: Of the model.
        resident: Bytes per argument that nodes before have left in the L2 cache.

    Raises:
        ValueError: The target says no peak rate for a kind of operation that the launch needs.
    """
    work, resources = facts.work, facts.resources
    if prod(facts.grid) == 0 or work.launches == 0:
        return FREE_PRICE
    held = occupancy(target, resources.registers, resources.shared_bytes, resources.threads)
    stages = facts.num_stages if facts.pipelined is None else facts.pipelined
    slots = Slots(multiprocessors=target.multiprocessors, blocks=max(held.blocks, 1), pipelined=stages > 1)
    asked = demand(target, facts, slots.blocks, constants, resident or {})
    schedule = launch_schedule(target, asked, slots, constants, (work.uneven_bytes, work.uneven_operations))
    overhead = work.launches * target.launch_overhead_us + work.waits * constants.wait_us
    most = max(int(target.threads_per_multiprocessor // max(resources.threads, 1)), slots.blocks)
    loaded = loaded_us(target, asked, slots, constants, min(most, target.blocks_per_multiprocessor))
    causes = {**schedule.causes_us, Part.OVERHEAD: overhead}
    time_us = schedule.time_us + overhead
    least = cached_roofline_us(target, work, saved_bytes(facts, resident or {}))
    return Price(
        time_us=time_us,
        bound=_bound(schedule, overhead, loaded),
        roofline_us=least,
        roofline_fraction=min(1.0, least / time_us),
        parts_us={**dict.fromkeys(Part, 0.0), **schedule.parts_us, Part.OVERHEAD: overhead},
        band=band(facts, time_us, causes),
        lines_us=lines_us(target, facts, asked, causes, constants),
    )


def _bound(schedule: Schedule, overhead: float, loaded: float) -> Bound:
    """Returns what limits a launch: what causes most of its time, unless the GPU is mostly empty meanwhile."""
    if overhead > schedule.time_us:
        return Bound.LAUNCH
    if schedule.time_us > MUCH_LESS * loaded:
        return Bound.OCCUPANCY
    causes = schedule.causes_us
    groups = {
        Bound.DRAM: causes[Part.DRAM],
        Bound.L2: causes[Part.L2] + causes[Part.LSU],
        Bound.SHARED: causes[Part.SHARED],
        Bound.ATOMICS: causes[Part.ATOMICS],
        Bound.COMPUTE: sum(causes[pipe] for pipe in PIPES),
        Bound.LATENCY: causes[Part.LATENCY] + causes[Part.START],
    }
    return max(groups, key=lambda bound: groups[bound])
