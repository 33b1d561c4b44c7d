"""What a launch asks of the GPU, before it is known when which program runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Final

from sandboxes.contracts import Resources, Target
from sandboxes.hardware.facts import AccessFacts, LaunchFacts, Part
from sandboxes.hardware.pricing.arithmetic import arithmetic
from sandboxes.hardware.pricing.constants import Constants
from sandboxes.ttir.engine.sectors import SECTOR_BYTES

WORD_BYTES: Final = 4
"""Of what the L2 cache adds."""
LEAST_L1: Final = 0.1
"""Share of L1 that shared memory leaves at least."""
COALESCED_SECTORS: Final = 4
"""Sectors that a warp's request for neighbouring elements of 4 bytes touches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Totals of a launch."""

    programs: int
    warps: float
    """Of one program."""
    dram_bytes: float
    l2_bytes: float
    port_clocks: float
    """Of load/store units and of the way to the L2 cache, over all multiprocessors."""
    shared_clocks: float
    """Of shared memory, over all multiprocessors."""
    chain_us: float
    """Atomics: on the busiest address, one after the other, or on all, as fast as the L2 cache adds."""
    pipes_us: Mapping[Part, float]
    """Of the whole GPU, every multiprocessor kept busy."""
    tensor_fill: float
    """Share of a multiprocessor's tensor cores that one program can keep busy."""
    trips_us: float
    """Round trips to memory that a program makes one after the other."""
    tensor_lines_us: Mapping[int, float]
    """Of tensor cores, by line, where the code was looked at."""

    def busiest(self, more_bytes: float, more_operations: float) -> "Demand":
        """Returns the demand of a launch whose programs are all as busy as the busiest.

        Args:
            more_bytes: Traffic of the busiest program over that of an average one.
            more_operations: Likewise arithmetic.
        """
        return replace(
            self,
            dram_bytes=self.dram_bytes * more_bytes,
            l2_bytes=self.l2_bytes * more_bytes,
            port_clocks=self.port_clocks * more_bytes,
            shared_clocks=self.shared_clocks * max(more_bytes, more_operations),
            pipes_us={pipe: taken * more_operations for pipe, taken in self.pipes_us.items()},
            trips_us=self.trips_us * max(more_bytes, more_operations),
        )


def demand(
    target: Target, facts: LaunchFacts, blocks: int, constants: Constants, resident: Mapping[str, float]
) -> Demand:
    """Returns what a launch of at least one program asks of the GPU.

    Args:
        target: The GPU.
        facts: Of the launch.
        blocks: Programs that a multiprocessor holds.
        constants: Of the model.
        resident: Bytes per argument that are in the L2 cache.
    """
    programs = prod(facts.grid)
    saved = saved_bytes(facts, resident)
    dram = max(facts.work.dram_bytes, sum(access.dram_bytes for access in facts.accesses)) - saved
    moved, touched, requests = _sectors(facts, constants)
    spilled = 2 * constants.spill_passes * facts.resources.spill_bytes * facts.resources.threads * programs
    l2 = max(moved * SECTOR_BYTES, dram) + spilled * _beyond_l1(target, facts.resources, blocks)
    ports = max(
        requests / constants.requests_per_clock,
        touched * SECTOR_BYTES / target.l1_bytes_per_clock,
        l2 / constants.port_bytes_per_clock,
    )
    computed = arithmetic(target, facts, constants)
    return Demand(
        programs=programs,
        warps=max(facts.resources.threads / target.warp_size, 1.0),
        dram_bytes=dram,
        l2_bytes=l2,
        port_clocks=ports + spilled / target.l1_bytes_per_clock,
        shared_clocks=sum(shared_clocks(target, facts).values()),
        chain_us=_atomics_us(target, facts, constants),
        pipes_us=computed.pipes_us,
        tensor_fill=computed.tensor_fill,
        trips_us=_trips_us(target, facts, saved, programs, constants),
        tensor_lines_us=computed.lines_us,
    )


def saved_bytes(facts: LaunchFacts, resident: Mapping[str, float]) -> float:
    """Returns the reads of device memory that a launch is spared because nodes before left data in the L2 cache.

    Only loads are spared, and no argument more than it reads.
    """
    if not facts.accesses:
        return min(sum(resident.values()), float(facts.work.read_bytes))
    reads: dict[str, float] = {}
    for access in facts.accesses:
        if access.kind != "store":
            reads[access.argument] = reads.get(access.argument, 0.0) + min(access.dram_bytes, access.distinct_bytes)
    spared = sum(min(amount, max(resident.get(name, 0.0), 0.0)) for name, amount in reads.items())
    return min(spared, float(facts.work.read_bytes)) if facts.work.read_bytes else spared


def pass_sectors(access: AccessFacts, constants: Constants) -> float:
    """Returns the sectors that an access moves between multiprocessors and the L2 cache."""
    moved = access.sectors if access.l2_sectors is None else access.l2_sectors
    return moved * (constants.atomic_passes if access.kind == "atomic" else 1.0)


def shared_clocks(target: Target, facts: LaunchFacts) -> dict[int, float]:
    """Returns the clocks of shared memory by line, over all multiprocessors.

    What tensor cores read by themselves is not among it: see `arithmetic`.
    """
    clocks: dict[int, float] = {}
    for way in facts.shared:
        passes = way.bytes * max(way.conflicts, 1.0) / target.shared_bytes_per_clock
        clocks[way.line] = clocks.get(way.line, 0.0) + passes
    return clocks


def _sectors(facts: LaunchFacts, constants: Constants) -> tuple[float, float, float]:
    """Returns sectors moved between multiprocessors and L2, sectors touched by warps, and requests of warps."""
    if not facts.accesses:
        sectors = facts.work.requested_bytes / SECTOR_BYTES
        return sectors, sectors, sectors / COALESCED_SECTORS
    return (
        sum(pass_sectors(access, constants) for access in facts.accesses),
        sum(access.sectors for access in facts.accesses),
        sum(access.requests for access in facts.accesses),
    )


def _beyond_l1(target: Target, resources: Resources, blocks: int) -> float:
    """Returns the share of spilled traffic that L1 does not keep, in what shared memory leaves of it."""
    held = float(resources.spill_bytes * resources.threads * blocks)
    whole = target.l1_kib * 1024
    left = max(whole - resources.shared_bytes * blocks, LEAST_L1 * whole)
    return held / (held + left) if held else 0.0


def _atomics_us(target: Target, facts: LaunchFacts, constants: Constants) -> float:
    atomics = [access for access in facts.accesses if access.kind == "atomic"]
    busiest = max((access.busiest_address for access in atomics), default=0.0)
    words = sum(access.requested_bytes for access in atomics) / WORD_BYTES
    return max(busiest * constants.atomic_clocks, words / target.l2_atomics_per_clock) / target.clock_mhz


def _trips_us(target: Target, facts: LaunchFacts, saved: float, programs: int, constants: Constants) -> float:
    """Returns how long a program waits for memory, if nothing but its own pipelining hides it (Little's law).

    It waits once a round, or more often if it requests more than it can keep in flight. A round goes to device memory
    if any of its sectors does.
    """
    work, resources = facts.work, facts.resources
    registers = resources.threads * resources.registers * 4 * constants.in_flight_share
    in_flight = max(float(resources.shared_bytes), registers, 1.0)
    stages = facts.num_stages if facts.pipelined is None else facts.pipelined
    loads = [access for access in facts.accesses if access.kind != "store"]
    if facts.accesses:
        requested = sum(access.requested_bytes for access in loads)
        missed = sum(access.dram_bytes for access in loads)
    else:
        requested, missed = float(work.requested_bytes), float(work.read_bytes)
    missed = max(missed - saved, 0.0) / programs
    requested = max(requested / programs, missed)
    rounds = max(facts.rounds, 2.0 if any(access.dependent for access in loads) else 1.0)
    exposed = 1 + (rounds - 1) / max(stages, 1)
    near = max(exposed, requested / in_flight)
    far = max(min(exposed, missed / SECTOR_BYTES), missed / in_flight)
    l2_us = target.l2_latency_ns * constants.l2_latency_scale / 1e3
    dram_us = target.dram_latency_ns * constants.dram_latency_scale / 1e3
    return near * l2_us + far * max(dram_us - l2_us, 0.0)
