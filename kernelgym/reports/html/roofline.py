"""All kernels of correct candidates in one roofline plot: arithmetic intensity against what they achieve."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kernelgym.reports.html.embedding import shown
from kernelgym.reports.wording import quantity
from kernelgym.runs.record import EpisodeRecord
from sandboxes.contracts import NodeProfile
from sandboxes.hardware.targets import TARGETS

ROOFS: Final = ("fp32", "tf32", "fp16")
"""Peaks that are drawn, and with which precision they are labelled; bf16 has the peak of fp16."""

MAX_POINTS: Final = 1500
"""Different kernels that are drawn, those of the most turns first; a browser draws each as an element of its own."""

Point = tuple[str, bool, float, float, str, int, int]


def roofline(episodes: Sequence[EpisodeRecord], target: str) -> dict[str, Any]:
    """Returns the target's roofs, and a point for each kernel; equal ones of several turns are one point with a count.

    Args:
        episodes: In the order of the page: a point names the first episode and turn in which it occurs.
        target: Name of the GPU that was asked for.
    """
    counts: Counter[Point] = Counter()
    where: dict[Point, tuple[int, int]] = {}
    unplaced = 0
    for index, episode in enumerate(episodes):
        for turn in episode.turns:
            for node in turn.report.profile.nodes if turn.report.profile is not None else ():
                point = _point(node)
                if point is None:
                    unplaced += node.custom
                    continue
                counts[point] += 1
                where.setdefault(point, (index, turn.number))
    chosen = counts.most_common(MAX_POINTS)
    return {
        "roofs": _roofs(target, _ceilings(episodes)),
        "points": [[*point, count, *where[point]] for point, count in chosen],
        "left_out": len(counts) - len(chosen),
        "unplaced": unplaced,
    }


def _point(node: NodeProfile) -> Point | None:
    """Returns name, whether it is the candidate's own, flop per byte, flop/s, bound, and what is told of it.

    None if it has no place: it computes or moves nothing, or nobody could count it.
    """
    if not (node.flops and node.bytes and node.time_us) or node.roofline_fraction is None:
        return None
    intensity = float(f"{node.flops / node.bytes:.4g}")
    achieved = float(f"{node.flops / node.time_us * 1e6:.4g}")
    roof_percent, time_ns = round(node.roofline_fraction * 100), round(node.time_us * 1000)
    return shown(node.name, 80), node.custom, intensity, achieved, node.bound.value, roof_percent, time_ns


def _ceilings(episodes: Sequence[EpisodeRecord]) -> dict[str, float]:
    """Returns what the GPU was measured to reach; nothing if times are not measured, or were on several GPUs."""
    profiles = (turn.report.profile for episode in episodes for turn in episode.turns)
    found = [
        {} if profile.measurement is None else profile.measurement.ceilings
        for profile in profiles
        if profile is not None
    ]
    return dict(found[0]) if found and all(each == found[0] for each in found) else {}


def _roofs(target: str, ceilings: Mapping[str, float]) -> dict[str, Any] | None:
    """Returns bandwidth and peaks, per second; None for a target that nobody knows here any more."""
    known = TARGETS.get(target)
    if known is None:
        return None
    rates = {**known.tflops, **ceilings}
    bandwidth = round(ceilings.get("dram_gb_per_s", known.dram_gb_per_s) * 1e9)
    peaks: dict[float, list[str]] = {}
    for kind in ROOFS:
        if rates.get(kind):
            peaks.setdefault(rates[kind] * 1e12, []).append("fp16/bf16" if kind == "fp16" else kind)
    return {
        "title": f"{known.title}, as measured" if ceilings else known.title,
        "bandwidth": bandwidth,
        "bandwidth_words": quantity(bandwidth, "B/s"),
        "peaks": [[peak, ", ".join(kinds)] for peak, kinds in sorted(peaks.items())],
    }
