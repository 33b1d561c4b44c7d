"""Puts a profile together from the hardware model's prices."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sandboxes.contracts import (
    READ_BACK,
    AtenCall,
    Bound,
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
from sandboxes.hardware.aten_cost import aten_work
from sandboxes.hardware.pricing import Price, plain, price_aten, price_launch, roofline_us
from sandboxes.hardware.work import Work
from sandboxes.hosted import host_values

HOT_LINES = 3
"""Lines shown per kernel."""


def modelled_profile(
    program: Program,
    choice: Choice,
    launched: Mapping[int, Launched],
    reference: Trace,
    target: Target,
    precision: Precision,
) -> Profile:
    """Prices a program and the reference's ATen calls on `target`.

    Args:
        program: The bench case, with compiled kernels.
        choice: Variant of each launch.
        launched: What each launch did; one that is not in it could not be counted. It has no price, and says so.
        reference: The reference's `forward`, recorded in the same form.
        target: The GPU that is modelled.
        precision: Decides which unit multiplies float32.
    """
    nodes: list[NodeProfile] = []
    host = host_values(program.trace)
    for index, node in enumerate(program.trace.nodes):
        if isinstance(node, Launch):
            did = launched.get(index)
            nodes.append(
                uncounted(program, index, node, choice[index])
                if did is None
                else _launch(program, index, node, choice[index], did, target)
            )
        elif node.operator != READ_BACK and host.intersection(references(node.results)):
            continue  # Python's own arithmetic
        elif (priced := _aten(program, index, node, target, precision)) is not None:
            nodes.append(priced)
    live = sum(node.time_us for node in nodes if node.live)
    own = sum(node.time_us for node in nodes if node.live and node.custom)
    delegated = {index for index, _ in delegated_calls(program.trace, program.flow, reference)}
    left = sum(node.time_us for node in nodes if node.node in delegated)
    works = works_of_calls(reference, precision)
    reference_us = sum(price_aten(target, work).time_us for work in works)
    return Profile(
        source=ProfileSource.MODELLED,
        device=target.title,
        nodes=tuple(nodes),
        time_us=sum(node.time_us for node in nodes),
        reference_time_us=reference_us,
        coverage=own / live if live else 0.0,
        replaced=min(max(1 - left / reference_us, 0.0), 1.0) if reference_us else float(not left),
        roofline_us=least_us(reference, works, target),
    )


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
        config=variant.config,
        grid=variant.grid,
        resources=None if kernel is None else kernel.resources,
        line=node.line,
    )


def _launch(program: Program, index: int, node: Launch, number: int, launched: Launched, target: Target) -> NodeProfile:
    variant = node.variants[number]
    kernel = program.kernels[index, number]
    price = price_launch(target, plain(launched.work, kernel.resources, variant.grid, variant.num_stages))
    return _node(program, index, node.kernel, launched.work, price).model_copy(
        update={
            "custom": True,
            "config": variant.config,
            "grid": variant.grid,
            "resources": kernel.resources,
            "hot_lines": _hot_lines(launched),
        }
    )


def _aten(program: Program, index: int, call: AtenCall, target: Target, precision: Precision) -> NodeProfile | None:
    """Returns the price of an ATen call, or None if it launches nothing."""
    work = aten_work(call, program.trace.values, precision)
    if work.launches == 0:
        return None
    node = _node(program, index, call.operator.removesuffix(".default"), work, price_aten(target, work))
    return node.model_copy(update={"fills": is_fill(call)})


def _node(program: Program, index: int, name: str, work: Work, price: Price) -> NodeProfile:
    return NodeProfile(
        node=index,
        name=name,
        custom=False,
        live=index in program.flow.live,
        time_us=price.time_us,
        bytes=work.dram_bytes,
        flops=work.total_flops,
        bound=price.bound,
        roofline_fraction=price.roofline_fraction,
        line=program.trace.nodes[index].line,
    )


def _hot_lines(launched: Launched) -> tuple[HotLine, ...]:
    """Returns the candidate's lines that move or compute most."""
    traffic: dict[int, int] = defaultdict(int)
    flops: dict[int, int] = defaultdict(int)
    for line, counts in launched.execution.counters.lines.items():
        traffic[line] += counts.get("bytes", 0)
        flops[line] += sum(count for kind, count in counts.items() if kind != "bytes")
    lines = sorted(set(traffic) | set(flops), key=lambda line: (traffic[line], flops[line]), reverse=True)
    return tuple(
        HotLine(
            line=line,
            excerpt="",
            bytes=round(traffic[line] * launched.scale),
            flops=round(flops[line] * launched.scale),
        )
        for line in lines[:HOT_LINES]
        if line > 0 and (traffic[line] or flops[line])
    )


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
