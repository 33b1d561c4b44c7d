"""Which line of the candidate's source the time of a launch belongs to."""

from collections.abc import Mapping
from typing import Final

from sandboxes.contracts import Target
from sandboxes.hardware.facts import LaunchFacts, Part
from sandboxes.hardware.pricing.constants import Constants
from sandboxes.hardware.pricing.demands import Demand, pass_sectors, shared_clocks
from sandboxes.hardware.pricing.roofline import PIPES

TRAFFIC: Final = (Part.DRAM, Part.L2, Part.LSU, Part.LATENCY, Part.ATOMICS)
NOWHERE: Final = 0
"""The line of what no line causes: starting, launching, waiting for the host."""


def lines_us(
    target: Target, facts: LaunchFacts, asked: Demand, causes_us: Mapping[Part, float], constants: Constants
) -> dict[int, float]:
    """Returns the time by line, adding up to that of all `causes_us`.

    The time of each activity belongs to the lines that ask for it, in proportion to how much they do: bytes of device
    memory, sectors, clocks of shared memory, operations. Round trips belong to the loads.
    """
    found: dict[int, float] = {}
    accesses: dict[Part, dict[int, float]] = {}
    for part, taken in causes_us.items():
        if taken <= 0.0:
            continue
        if part in TRAFFIC and not accesses:
            accesses = _accesses(facts, constants)
        weights = accesses[part] if part in TRAFFIC else _weights(target, facts, asked, part, constants)
        whole = sum(weights.values())
        for line, weight in (weights if whole else {NOWHERE: 1.0}).items():
            found[line] = found.get(line, 0.0) + taken * weight / (whole or 1.0)
    return found


def _weights(
    target: Target, facts: LaunchFacts, asked: Demand, part: Part, constants: Constants
) -> Mapping[int, float]:
    """Returns how much of an activity other than traffic each line asks for, in any unit."""
    if part in (Part.START, Part.OVERHEAD):
        return {}
    if part is Part.SHARED:
        return shared_clocks(target, facts)
    if part is Part.TENSOR and asked.tensor_lines_us:
        return asked.tensor_lines_us
    weights: dict[int, float] = {}
    for line, counts in facts.lines.items():
        count = sum(counts.get(kind, 0.0) for kind in PIPES[part])
        if part is Part.FP32:
            count += constants.integer_share * counts.get("integer", 0.0)
        if count:
            weights[line] = count
    return weights


def _accesses(facts: LaunchFacts, constants: Constants) -> dict[Part, dict[int, float]]:
    """Returns how much of each kind of traffic each line asks for."""
    if not facts.accesses:
        counted = {line: counts["bytes"] for line, counts in facts.lines.items() if counts.get("bytes")}
        return dict.fromkeys(TRAFFIC, counted)
    weights: dict[Part, dict[int, float]] = {part: {} for part in TRAFFIC}
    for access in facts.accesses:
        moved = pass_sectors(access, constants)
        for part, weight in (
            (Part.DRAM, access.dram_bytes),
            (Part.L2, moved),
            (Part.LSU, max(access.requests, access.sectors / 4, moved / 2)),
            (Part.LATENCY, access.requested_bytes if access.kind != "store" else 0.0),
            (Part.ATOMICS, access.requested_bytes if access.kind == "atomic" else 0.0),
        ):
            if weight > 0:
                weights[part][access.line] = weights[part].get(access.line, 0.0) + weight
    return weights
