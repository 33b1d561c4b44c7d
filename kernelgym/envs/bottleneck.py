"""Feedback on a correct candidate: where the time goes, and what keeps it from being faster."""

from math import prod
from typing import Final

from kernelgym.envs.facts import Kernel, KernelResources, Performance, TrafficLine
from kernelgym.envs.quoting import one_line, quote
from kernelgym.reports.timing import flag_words, telling_interval
from kernelgym.reports.wording import cut, factor, percent, plain, provenance, quantity
from sandboxes.contracts import Bound, NodeProfile, Profile, Report

MAX_NODES: Final = 4
MAX_HOT_LINES: Final = 4
MAX_NAME: Final = 80
"""Characters of a kernel's or operator's name."""
MAX_TEXT: Final = 160
"""Characters of a configuration or a line of source."""

NEAR: Final = 1.15
"""Ratio to the best possible time below which a candidate is called close to it."""
NO_MORE_THAN_NEEDED: Final = 1.1
"""Ratio to the best possible time, at full bandwidth, below which a kernel has no traffic to save."""
MANY_PROGRAMS: Final = 4096
"""Programs that load any GPU: a kernel that starts as many and is still bound by latency starts too many."""
WASTEFUL: Final = 1.5
"""Ratio to the best possible time, were every launch at full speed, from which launches are worth fusing."""
FEW_PROGRAMS: Final = 256
"""Programs that are fewer than two for each multiprocessor of a large GPU."""
LOW_OCCUPANCY: Final = 0.25
LOW_ROOFLINE: Final = 0.6
"""Shares below which occupancy and roofline fraction are worth a word."""


def collect_performance(report: Report) -> Performance | None:
    """Returns what a template may say of the profile of a correct candidate; None without a profile."""
    profile = report.profile
    if profile is None:
        return None
    unverified = report.bench is not None and not report.bench.verified
    slowest = _groups(profile)
    shown, others = slowest[:MAX_NODES], slowest[MAX_NODES:]
    return Performance(
        device=quote(profile.device)[:MAX_TEXT],
        provenance=one_line(provenance(profile), MAX_TEXT),
        unpaid=one_line(report.bench.how, MAX_TEXT) if report.bench is not None and unverified else None,
        limit=_limit(profile) if profile.nodes and profile.time_us else None,
        then=_then(profile),
        time_us=profile.time_us,
        reference_us=profile.reference_time_us,
        roofline_us=profile.roofline_us,
        interval=telling_interval(profile),
        remarks=tuple(one_line(words, MAX_TEXT) for words in flag_words(profile)),
        coverage=profile.coverage,
        total=len(profile.nodes),
        custom=sum(node.custom for node in profile.nodes),
        kernels=tuple(_kernel(group, profile) for group in shown),
        more=sum(map(len, others)),
        more_us=sum(map(_time, others)),
        hot_lines=tuple(_hottest(profile)),
    )


def _groups(profile: Profile) -> list[list[NodeProfile]]:
    """Returns nodes that differ in nothing but their size and time together, those that take the longest first."""
    groups: dict[tuple[object, ...], list[NodeProfile]] = {}
    for node in profile.nodes:
        alike = (node.name, node.custom, node.live, node.bound, node.grid, node.config, node.resources)
        groups.setdefault(alike, []).append(node)
    return sorted(groups.values(), key=lambda group: -_time(group))


def _time(group: list[NodeProfile]) -> float:
    return sum(node.time_us for node in group)


def _limit(profile: Profile) -> str:
    """Returns the first thing that would make it faster."""
    group = _groups(profile)[0]
    slowest = max(group, key=lambda node: node.time_us)
    often = f"{len(group)} launches, " if len(group) > 1 else ""
    name = f"`{_name(slowest)}` ({often}{percent(_time(group) / profile.time_us)} of the time)"
    if not slowest.live:
        return f"{name} computes what nobody uses; remove it."
    if not slowest.custom:
        return f"{name} is a PyTorch operator; do its work in a kernel of yours, fused with its neighbours."
    return f"{name} {_limit_of_kernel(slowest, profile)}"


def _limit_of_kernel(node: NodeProfile, profile: Profile) -> str:
    resources = node.resources
    if resources is not None and resources.spill_bytes:
        return (
            f"spills {resources.spill_bytes} bytes of registers per thread to memory; use smaller blocks or more warps."
        )
    if profile.time_us <= NEAR * profile.roofline_us:
        return "is close to the best possible time; little is left to gain."
    if node.roofline_fraction is None or node.bytes is None:
        return "takes the most time; what it moves and computes can't be counted, so what limits it is not known."
    if node.bound in (Bound.LATENCY, Bound.LAUNCH, Bound.OCCUPANCY):
        programs = 0 if node.grid is None else prod(node.grid)
        if programs >= MANY_PROGRAMS:
            return f"starts {programs:,} programs that do little each: let every program handle a larger block."
        if 0 < programs <= FEW_PROGRAMS:
            noun = "program" if programs == 1 else "programs"
            return (
                f"starts only {programs} {noun}, too few to load the GPU: split its work among more, or fuse it with "
                "another kernel."
            )
        return "is too small to load the GPU: launch fewer kernels, or split its work among more programs."
    if resources is not None and node.roofline_fraction < LOW_ROOFLINE and resources.occupancy < LOW_OCCUPANCY:
        return (
            f"keeps only {percent(resources.occupancy)} of the warps resident, limited by "
            f"{plain(resources.limited_by)[:MAX_NAME]}; use smaller blocks or fewer stages."
        )
    share = f"{percent(node.roofline_fraction)} of its roofline"
    if node.bound is Bound.COMPUTE:
        return f"is compute-bound at {share}: use `tl.dot` (tensor cores) with larger tiles, or compute less."
    if node.roofline_fraction < LOW_ROOFLINE:
        return f"is memory-bound at {share}: load contiguous, larger blocks, with more work in flight."
    if node.time_us * node.roofline_fraction <= NO_MORE_THAN_NEEDED * profile.roofline_us:
        return (
            f"is memory-bound at {share} and moves no more than it must: try other block sizes "
            "and numbers of warps, for example with `@triton.autotune`."
        )
    return (
        f"is memory-bound at {share} and moves {quantity(node.bytes, 'B')}: only less traffic makes it faster, so read "
        "every input once and keep intermediate results in registers."
    )


def _then(profile: Profile) -> str | None:
    """Returns that launches should be fused if each of them at full speed would still not be enough."""
    live = [node for node in profile.nodes if node.live]
    fractions = [(node.time_us, node.roofline_fraction) for node in live if node.roofline_fraction is not None]
    ideal_us = sum(time_us * fraction for time_us, fraction in fractions)
    if len(live) < 2 or not profile.roofline_us or ideal_us < WASTEFUL * profile.roofline_us:
        return None
    return (
        f"even at full speed, the {len(live)} launches would take {factor(ideal_us / profile.roofline_us)} the best "
        "possible time: fuse them, so that what is in between stays in registers."
    )


def _kernel(group: list[NodeProfile], profile: Profile) -> Kernel:
    node, time_us = group[0], _time(group)
    need = node.resources
    config = ", ".join(part for part in node.config.split(", ") if not part.endswith(": None"))
    return Kernel(
        name=_name(node),
        custom=node.custom,
        live=node.live,
        launches=len(group),
        time_us=time_us,
        share=time_us / profile.time_us if profile.time_us else 0.0,
        bound=node.bound.value,
        roofline_fraction=_roofline_fraction(group),
        bytes=_whole([each.bytes for each in group]),
        flops=_whole([each.flops for each in group]),
        grid=None if node.grid is None else "×".join(map(str, node.grid)),
        config=one_line(config, MAX_TEXT) or None,
        resources=None
        if need is None
        else KernelResources(
            registers=need.registers,
            spill_bytes=need.spill_bytes,
            shared_bytes=need.shared_bytes,
            occupancy=need.occupancy,
            limited_by=None if need.limited_by == "nothing" else plain(need.limited_by)[:MAX_NAME],
        ),
    )


def _roofline_fraction(group: list[NodeProfile]) -> float | None:
    """Returns the fraction of all of them together; None if it is not known of one."""
    fractions = [each.roofline_fraction for each in group if each.roofline_fraction is not None]
    if len(fractions) < len(group):
        return None
    whole_us = _time(group)
    ideal_us = sum(each.time_us * fraction for each, fraction in zip(group, fractions, strict=True))
    return ideal_us / whole_us if whole_us else 0.0


def _whole(counts: list[int | None]) -> int | None:
    """Returns the sum; None if one of them is not known."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _hottest(profile: Profile) -> list[TrafficLine]:
    """Returns the lines that move the most bytes, summed over all kernels."""
    sums: dict[int, tuple[int, int, str]] = {}
    for node in profile.nodes:
        for hot in node.hot_lines:
            size, flops, _ = sums.get(hot.line, (0, 0, ""))
            sums[hot.line] = (size + hot.bytes, flops + hot.flops, hot.excerpt)
    ranked = sorted(sums.items(), key=lambda item: (-item[1][0], -item[1][1]))[:MAX_HOT_LINES]
    return [
        TrafficLine(number=line, text=cut(excerpt.strip(), MAX_TEXT), bytes=size, flops=flops)
        for line, (size, flops, excerpt) in ranked
        if size
    ]


def _name(node: NodeProfile) -> str:
    return one_line(node.name, MAX_NAME)
