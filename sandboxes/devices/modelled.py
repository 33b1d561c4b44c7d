"""Puts a profile together from the hardware model's prices."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import exp, hypot, log

from sandboxes.contracts import (
    AtenCall,
    Bound,
    Counterfactual,
    HotLine,
    Launch,
    NodeProfile,
    Precision,
    Profile,
    ProfileSource,
    Target,
    Trace,
    references,
)
from sandboxes.delegation import delegated_calls, is_fill
from sandboxes.devices.device import Choice, Program
from sandboxes.devices.launching import Launched
from sandboxes.devices.nodes import program_nodes, reference_nodes, reference_storages, storage_sizes
from sandboxes.hardware.aten_cost import aten_work
from sandboxes.hardware.explaining.explaining import explain
from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.pricing import Price, price_aten, roofline_us
from sandboxes.hardware.pricing.bands import why_unpriced
from sandboxes.hardware.pricing.programs import PricedNode, ProgramPrices
from sandboxes.hardware.work import Work

HOT_LINES = 3
"""Lines shown per kernel."""

NOT_COUNTED = "what it does could not be counted, so it has no price"


def modelled_profile(
    program: Program,
    choice: Choice,
    launched: Mapping[int, Launched],
    reference: Trace,
    target: Target,
    precision: Precision,
    *,
    explained: bool = True,
) -> Profile:
    """Prices a program and the reference's ATen calls on `target`.

    Args:
        program: The bench case, with compiled kernels.
        choice: Variant of each launch.
        launched: What each launch did; one that is not in it could not be counted. It has no price, and says so.
        reference: The reference's `forward`, recorded in the same form.
        target: The GPU that is modelled.
        precision: Decides which unit multiplies float32.
        explained: Whether somebody wants to know what would help.
    """
    nodes = program_nodes(program, choice, launched, precision)
    sizes = storage_sizes(program.trace.values, program.flow.storage)
    prices = ProgramPrices(target, sizes=sizes)
    priced = prices(nodes)
    helping: tuple[Counterfactual, ...] = ()
    if explained:
        helping = explain(target, nodes, prices, tf32=precision is Precision.TF32)
    profiles = tuple(
        _profile(program, choice, launched, node, found) for node, found in zip(nodes, priced, strict=True)
    )
    unpriced = any(node.unpriced for node in profiles)
    live = sum(node.time_us for node in profiles if node.live)
    own = sum(node.time_us for node in profiles if node.live and node.custom)
    theirs = reference_nodes(reference, precision)
    their_sizes = storage_sizes(reference.values, reference_storages(reference))
    their_prices = [found.price for found in ProgramPrices(target, sizes=their_sizes)(theirs)]
    time_us, reference_us = sum(node.time_us for node in profiles), sum(price.time_us for price in their_prices)
    delegated = {index for index, _ in delegated_calls(program.trace, program.flow, reference)}
    return Profile(
        source=ProfileSource.MODELLED,
        device=target.title,
        nodes=profiles,
        time_us=time_us,
        reference_time_us=reference_us,
        coverage=own / live if live else 0.0,
        replaced=_replaced([node for node in nodes if node.node in delegated], theirs, target),
        roofline_us=least_us(reference, works_of_calls(reference, precision), target),
        speedup_band=None if unpriced else speedup_band([found.price for found in priced], their_prices),
        counterfactuals=helping,
    )


def _replaced(left: Sequence[ProgramNode], theirs: Sequence[ProgramNode], target: Target) -> float:
    """Returns the share of the reference's time that is not left to PyTorch's operators.

    Each is priced as if it were alone, with nothing in the cache: whoever touches memory for an operator replaces
    nothing of it.
    """
    left_us, whole_us = (
        sum(price_aten(target, node.call, routine=node.routine).time_us for node in nodes if node.call is not None)
        for nodes in (left, theirs)
    )
    return min(max(1 - left_us / whole_us, 0.0), 1.0) if whole_us else float(not left_us)


def speedup_band(own: Sequence[Price], theirs: Sequence[Price]) -> tuple[float, float] | None:
    """Returns between which values the model expects the speedup; None if there is none.

    Errors of one side are taken to be alike, those of both sides to be independent: they add up as squares, in
    logarithms.
    """
    time_us, low_us, high_us = (sum(values) for values in zip(*map(_ends, own), strict=True)) if own else (0.0,) * 3
    whole_us, least_us, most_us = (
        (sum(values) for values in zip(*map(_ends, theirs), strict=True)) if theirs else (0.0,) * 3
    )
    if min(time_us, low_us, high_us, whole_us, least_us, most_us) <= 0:
        return None
    down = hypot(log(high_us / time_us), log(whole_us / least_us))
    up = hypot(log(time_us / low_us), log(most_us / whole_us))
    speedup = whole_us / time_us
    return speedup * exp(-down), speedup * exp(up)


def _ends(price: Price) -> tuple[float, float, float]:
    return price.time_us, *price.band


def works_of_calls(reference: Trace, precision: Precision) -> list[Work]:
    """Returns what each ATen call of a reference does."""
    return [aten_work(call, reference.values, precision) for call in reference.nodes if isinstance(call, AtenCall)]


def uncounted(program: Program, index: int, node: Launch, number: int) -> NodeProfile:
    """Returns a launch of which only the compiled kernel is known."""
    variant = node.variants[number]
    kernel = program.kernels.get((index, number))
    return NodeProfile(
        node=index,
        name=node.kernel,
        custom=True,
        live=index in program.flow.live,
        time_us=0.0,
        bytes=None,
        flops=None,
        bound=Bound.UNKNOWN,
        roofline_fraction=None,
        unpriced=NOT_COUNTED,
        config=variant.config,
        grid=variant.grid,
        resources=None if kernel is None else kernel.resources,
        line=node.line,
    )


def _profile(
    program: Program,
    choice: Choice,
    launched: Mapping[int, Launched],
    node: ProgramNode,
    priced: PricedNode,
) -> NodeProfile:
    """Returns what a report says of a node."""
    price = priced.price
    of_trace = program.trace.nodes[node.node]
    work = node.launch.work if node.launch is not None else node.call
    if isinstance(of_trace, Launch) and node.launch is None:
        return uncounted(program, node.node, of_trace, choice[node.node])
    assert work is not None
    unpriced = "" if node.launch is None else why_unpriced(node.launch)
    profile = NodeProfile(
        node=node.node,
        name=node.name,
        custom=isinstance(of_trace, Launch),
        live=node.live,
        time_us=0.0 if unpriced else price.time_us,
        bytes=work.dram_bytes,
        flops=work.total_flops,
        bound=Bound.UNKNOWN if unpriced else price.bound,
        roofline_fraction=None if unpriced else price.roofline_fraction,
        line=of_trace.line,
        parts_us={} if unpriced else {part.value: taken for part, taken in price.parts_us.items() if taken > 0},
        band_us=None if unpriced else price.band,
        unpriced=unpriced,
        cached_bytes=round(priced.cached_bytes),
    )
    if not isinstance(of_trace, Launch):
        return profile.model_copy(update={"fills": is_fill(of_trace)})
    variant = of_trace.variants[choice[node.node]]
    return profile.model_copy(
        update={
            "config": variant.config,
            "grid": variant.grid,
            "resources": program.kernels[node.node, choice[node.node]].resources,
            "hot_lines": hot_lines(launched[node.node], {} if unpriced else price.lines_us),
        }
    )


def hot_lines(launched: Launched, times_us: Mapping[int, float]) -> tuple[HotLine, ...]:
    """Returns the candidate's lines that take longest, or move or compute most where times are not known.

    Args:
        launched: What the launch did.
        times_us: By line, by the model; empty if it has no price.
    """
    traffic: dict[int, float] = defaultdict(float)
    flops: dict[int, float] = defaultdict(float)
    for line, counts in _counted(launched).items():
        traffic[line] += counts.get("bytes", 0)
        flops[line] += sum(count for kind, count in counts.items() if kind != "bytes")
    sectors = _sectors_per_request(launched)
    lines = sorted(
        set(traffic) | set(flops), key=lambda line: (times_us.get(line, 0.0), traffic[line], flops[line]), reverse=True
    )
    return tuple(
        HotLine(
            line=line,
            excerpt="",
            bytes=round(traffic[line]),
            flops=round(flops[line]),
            time_us=times_us.get(line, 0.0) if times_us else None,
            sectors_per_request=sectors.get(line),
        )
        for line in lines[:HOT_LINES]
        if line > 0 and (traffic[line] or flops[line])
    )


def _counted(launched: Launched) -> Mapping[int, Mapping[str, float]]:
    """Returns operations and bytes by line, of the whole grid."""
    if launched.facts is not None:
        return launched.facts.lines
    counters, scale = launched.execution.counters, launched.scale
    return {line: {kind: count * scale for kind, count in each.items()} for line, each in counters.lines.items()}


def _sectors_per_request(launched: Launched) -> dict[int, float]:
    """Returns the sectors that a warp's instruction touches, by line, where addresses were looked at."""
    sums: dict[int, tuple[float, float]] = {}
    for access in () if launched.facts is None else launched.facts.accesses:
        sectors, requests = sums.get(access.line, (0.0, 0.0))
        sums[access.line] = sectors + access.sectors, requests + access.requests
    return {line: sectors / requests for line, (sectors, requests) in sums.items() if requests}


def least_us(reference: Trace, works: Sequence[Work], target: Target) -> float:
    """Returns the roofline of the whole problem: inputs and outputs once, and all the reference's arithmetic."""
    ids = set(references(reference.inputs)) | {constant.value for constant in reference.constants}
    outputs = set(references((reference.output,)))
    flops: dict[str, int] = defaultdict(int)
    for work in works:
        for kind, count in work.flops.items():
            flops[kind] += count
    whole = Work(
        read_bytes=sum(reference.values[id_].bytes for id_ in ids),
        written_bytes=sum(reference.values[id_].bytes for id_ in outputs),
        flops=dict(flops),
    )
    return roofline_us(target, whole)
