"""Which line of the candidate's source the time of a launch belongs to."""

from collections.abc import Callable, Mapping
from typing import Final

from sandboxes.contracts import Target
from sandboxes.hardware.facts import LaunchFacts, Part
from sandboxes.hardware.pricing.constants import Constants
from sandboxes.hardware.pricing.demands import Demand, pass_sectors, shared_clocks
from sandboxes.hardware.pricing.roofline import PIPES

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
    for part, taken in causes_us.items():
        if taken <= 0.0:
            continue
        weights = {
            line: weight for line, weight in _weights(target, facts, asked, part, constants).items() if weight > 0
        }
        whole = sum(weights.values())
        for line, weight in (weights if whole else {NOWHERE: 1.0}).items():
            found[line] = found.get(line, 0.0) + taken * weight / (whole or 1.0)
    return found


def _weights(
    target: Target, facts: LaunchFacts, asked: Demand, part: Part, constants: Constants
) -> Mapping[int, float]:
    """Returns how much of an activity each line asks for, in any unit."""
    if part in (Part.START, Part.OVERHEAD):
        return {}
    if part is Part.SHARED:
        return shared_clocks(target, facts)
    if part is Part.TENSOR and asked.tensor_lines_us:
        return asked.tensor_lines_us
    if part in PIPES:
        kinds = (*PIPES[part], "integer") if part is Part.FP32 else PIPES[part]
        shares = {"integer": constants.integer_share}
        return _counted(facts, lambda counts: sum(shares.get(kind, 1.0) * counts.get(kind, 0.0) for kind in kinds))
    if not facts.accesses:
        return _counted(facts, lambda counts: counts.get("bytes", 0.0))
    weights: dict[int, float] = {}
    for access in facts.accesses:
        weight = {
            Part.DRAM: access.dram_bytes,
            Part.ATOMICS: access.requested_bytes if access.kind == "atomic" else 0.0,
            Part.LATENCY: access.requested_bytes if access.kind != "store" else 0.0,
            Part.LSU: max(access.requests, access.sectors / 4, pass_sectors(access, constants) / 2),
        }.get(part, pass_sectors(access, constants))
        weights[access.line] = weights.get(access.line, 0.0) + weight
    return weights


def _counted(facts: LaunchFacts, weight: Callable[[Mapping[str, float]], float]) -> dict[int, float]:
    return {line: weight(counts) for line, counts in facts.lines.items()}
