"""How long one Triton launch takes.

In each wave of programs these things overlap, none perfectly, so their times are combined with the p-norm, which is at
least their largest: device memory, L2, arithmetic per pipe, latency (Little's law), starting blocks. A launch takes at
least as long as its busiest program alone: other programs can't wait for it elsewhere. Every launch pays the overhead
between two dependent kernels.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, prod

from sandboxes.contracts import Bound, Resources, Target
from sandboxes.hardware.facts import LaunchFacts, Part
from sandboxes.hardware.occupancy import occupancy
from sandboxes.hardware.pricing.constants import DEFAULT, Constants
from sandboxes.hardware.pricing.price import FREE_PRICE, Price, norm
from sandboxes.hardware.pricing.roofline import PIPES, pipes_us, roofline_us
from sandboxes.hardware.work import Work

BUSY_WARPS = {Part.TENSOR: 4, Part.FP32: 8, Part.FP64: 8, Part.SPECIAL: 8}
"""Warps per multiprocessor that keep a pipe busy: one per scheduler, two where instructions wait for each other."""


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
    """
    programs, work, resources = prod(facts.grid), facts.work, facts.resources
    if programs == 0 or work.launches == 0:
        return FREE_PRICE
    work = _observed(facts, resident or {})
    held = occupancy(target, resources.registers, resources.shared_bytes, resources.threads)
    blocks = max(held.blocks, 1)
    slots = blocks * target.multiprocessors
    stages = facts.num_stages if facts.pipelined is None else facts.pipelined
    power = constants.overlap if stages > 1 else 1 + (constants.overlap - 1) * (1 - 1 / blocks)
    full, rest = divmod(programs, slots)
    total: dict[Part, float] = dict.fromkeys(Part, 0.0)
    time_us = 0.0
    for count, size in ((full, slots), (1, rest)):
        if count and size:
            parts = _wave(target, work, resources, programs, size, constants)
            time_us += count * norm(tuple(parts.values()), power)
            total = {name: value + count * parts.get(name, 0.0) for name, value in total.items()}
    alone = _wave(target, _busiest(work), resources, programs, 1, constants)
    if (longest := norm(tuple(alone.values()), power)) > time_us:
        time_us, total = longest, {name: alone.get(name, 0.0) for name in Part}
    total[Part.OVERHEAD] = work.launches * target.launch_overhead_us + work.waits * constants.wait_us
    least = roofline_us(target, facts.work)
    time_us += total[Part.OVERHEAD]
    return Price(
        time_us=time_us,
        bound=_bound(total),
        roofline_us=least,
        roofline_fraction=min(1.0, least / time_us),
        parts_us=total,
        band=(time_us / 1.5, 1.5 * time_us),
        lines_us=_lines(facts, time_us),
    )


def _observed(facts: LaunchFacts, resident: Mapping[str, float]) -> Work:
    """Returns the work with the traffic that was observed, if any was."""
    if not facts.accesses:
        return facts.work
    read = sum(
        max(access.dram_bytes - resident.get(access.argument, 0.0), 0.0)
        for access in facts.accesses
        if access.kind == "load"
    )
    written = sum(access.dram_bytes for access in facts.accesses if access.kind != "load")
    sectors = 32 * sum(access.sectors for access in facts.accesses)
    return replace(facts.work, read_bytes=round(read), written_bytes=round(written), requested_bytes=round(sectors))


def _lines(facts: LaunchFacts, time_us: float) -> dict[int, float]:
    """Returns the time by line, in proportion to what lines request."""
    counts = {line: counts.get("bytes", 0.0) for line, counts in facts.lines.items()}
    whole = sum(counts.values())
    return {line: time_us * count / whole for line, count in counts.items()} if whole else {0: time_us}


def _busiest(work: Work) -> Work:
    """Returns the work of a launch whose programs are all as busy as the busiest."""
    return replace(
        work,
        read_bytes=round(work.read_bytes * work.uneven_bytes),
        written_bytes=round(work.written_bytes * work.uneven_bytes),
        requested_bytes=round(work.requested_bytes * work.uneven_bytes),
        flops={kind: round(count * work.uneven_operations) for kind, count in work.flops.items()},
        integer_ops=round(work.integer_ops * work.uneven_operations),
    )


def _wave(
    target: Target, work: Work, resources: Resources, programs: int, size: int, constants: Constants
) -> dict[Part, float]:
    """Returns how long each activity of a wave of `size` out of `programs` programs takes, in microseconds."""
    share = size / programs
    stacked = ceil(size / target.multiprocessors)
    warps = stacked * resources.threads / target.warp_size
    spilled = 2 * constants.spill_passes * resources.spill_bytes * resources.threads
    requested = max(work.requested_bytes, work.dram_bytes) / programs + spilled
    issued = {**work.flops, "fp32": work.flops.get("fp32", 0) + constants.integer_share * work.integer_ops}
    shares = dict.fromkeys(PIPES, constants.pipe_share) | {Part.TENSOR: constants.tensor_share}
    pipes = {
        pipe: stacked / programs * taken * target.multiprocessors / (shares[pipe] * min(1.0, warps / BUSY_WARPS[pipe]))
        for pipe, taken in pipes_us(target, issued).items()
    }
    in_flight = max(resources.shared_bytes, resources.threads * resources.registers * 4 * constants.in_flight_share, 1)
    return {
        **pipes,
        Part.DRAM: share * work.dram_bytes / (target.dram_gb_per_s * 1e3 * constants.dram_share),
        Part.L2: size * requested / (target.l2_gb_per_s * 1e3 * constants.l2_share),
        Part.LATENCY: max(
            constants.dram_latency_us * max(1.0, work.read_bytes / programs / in_flight),
            constants.l2_latency_us * max(1.0, requested / in_flight),
        ),
        Part.START: stacked * constants.block_start_us,
    }


def _bound(parts: Mapping[Part, float]) -> Bound:
    groups = {
        Bound.DRAM: parts[Part.DRAM],
        Bound.L2: parts[Part.L2],
        Bound.COMPUTE: max(parts[pipe] for pipe in PIPES),
        Bound.LATENCY: max(parts[Part.LATENCY], parts[Part.START]),
        Bound.LAUNCH: parts[Part.OVERHEAD],
    }
    return max(groups, key=lambda bound: groups[bound])
