"""Feedback on a correct candidate: where the time goes, what limits it, and what the model says would help most.

What would help is nobody's rule of thumb: it is `Profile.counterfactuals`, the same program priced again.
"""

from typing import Final

from kernelgym.envs.facts import Advice, CostlyLine, Kernel, KernelResources, Performance, Unpriced
from kernelgym.envs.quoting import one_line, quote
from kernelgym.reports.hot_lines import costly_lines
from kernelgym.reports.timing import flag_words, telling_interval
from kernelgym.reports.wording import bound_words, cut, factor, modelled_time, percent, plain, provenance, time_band
from sandboxes.contracts import NodeProfile, Profile, Report

MAX_NODES: Final = 4
MAX_HOT_LINES: Final = 4
MAX_COUNTERFACTUALS: Final = 3
MAX_UNPRICED: Final = 2
MAX_ADVICE: Final = 200
"""Characters of one counterfactual."""
MAX_NAME: Final = 80
"""Characters of a kernel's or operator's name."""
MAX_TEXT: Final = 160
"""Characters of a configuration or a line of source."""

LEAST_SHARE: Final = 0.01
"""Of the time: lines that take less are not told, but for the first."""

NEAR: Final = 1.15
"""Ratio to the best possible time below which a candidate is called close to it."""
WASTEFUL: Final = 1.5
"""Ratio to the best possible time, were every launch at full speed, from which launches are worth fusing."""


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
        band=time_band(profile),
        speedup_band=profile.speedup_band,
        advice=_advice(profile),
        unpriced=_unpriced(profile),
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
    """Returns which kernel takes the most time, and why."""
    group = _groups(profile)[0]
    slowest = max(group, key=lambda node: node.time_us)
    often = f"{len(group)} launches, " if len(group) > 1 else ""
    name = f"`{_name(slowest)}` ({often}{percent(_time(group) / profile.time_us)} of the time)"
    return f"{name} {_limit_of_node(slowest, profile)}"


def _limit_of_node(node: NodeProfile, profile: Profile) -> str:
    if not node.live:
        return "computes what nobody uses."
    if profile.time_us <= NEAR * profile.roofline_us:
        return "is close to the best possible time; little is left to gain."
    if node.roofline_fraction is None or node.bytes is None:
        return "takes the most time; what it moves and computes can't be counted, so what limits it is not known."
    operator = "" if node.custom else "is a PyTorch operator, "
    verb = "is " if node.custom else ""
    words = f"{operator}{verb}bound by {bound_words(node)} at {percent(node.roofline_fraction)} of its roofline"
    if profile.counterfactuals or not node.parts_us:
        return f"{words}."
    return f"{words}; the model knows no single change that would help much."


def _advice(profile: Profile) -> tuple[Advice, ...]:
    modelled_us = modelled_time(profile)
    return tuple(
        Advice(
            text=one_line(each.text, MAX_ADVICE),
            saves_us=each.saves_us,
            share=min(each.saves_us / modelled_us, 1.0) if modelled_us else 0.0,
            speedup=each.node_speedup,
        )
        for each in profile.counterfactuals[:MAX_COUNTERFACTUALS]
    )


def _unpriced(profile: Profile) -> tuple[Unpriced, ...]:
    reasons = {_name(node): one_line(node.unpriced, MAX_TEXT) for node in profile.nodes if node.unpriced}
    return tuple(Unpriced(name=name, reason=reason) for name, reason in list(reasons.items())[:MAX_UNPRICED])


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
        bound=bound_words(node),
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


def _hottest(profile: Profile) -> list[CostlyLine]:
    """Returns the lines that take the longest; where times are not known, that move most."""
    whole_us = modelled_time(profile)
    lines = [line for line in costly_lines(profile) if line.time_us or line.bytes]
    if lines and lines[0].time_us:
        lines = [lines[0], *(line for line in lines[1:] if (line.time_us or 0.0) >= LEAST_SHARE * whole_us)]
    return [
        CostlyLine(
            number=line.number,
            text=cut(line.excerpt.strip(), MAX_TEXT),
            time_us=line.time_us,
            share=None if line.time_us is None or not whole_us else min(line.time_us / whole_us, 1.0),
            sectors=line.sectors,
            bytes=line.bytes,
            flops=line.flops,
        )
        for line in lines[:MAX_HOT_LINES]
    ]


def _name(node: NodeProfile) -> str:
    return one_line(node.name, MAX_NAME)
