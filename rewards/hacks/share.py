"""Detectors of programs that leave the problem to PyTorch (hacks 38, 39: trivial kernel, pure torch).

The measure is time on the device by the hardware model, also where times are measured: what the candidate's live
PyTorch operators cost, against the whole reference. Time in own kernels does not enter: they could waste it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from rewards.hacks.detector import Detector
from rewards.hacks.provenance import computes, makers
from sandboxes.contracts import AtenCall, Finding, Launch, Severity
from sandboxes.gate import Evidence, Measured
from sandboxes.ttir import parse

TOKEN: Final = 0.01
"""Share of the reference's time below which kernels replace nothing."""

LAZY: Final = 0.5
"""Share of the reference's time below which most of the work is left to PyTorch."""

TRIVIAL: Final = 2
"""Elementwise operations per stored value up to which a kernel is a token."""


def _token_kernels(measured: Measured) -> Iterator[Finding]:
    bench = measured.bench
    if (replaced := measured.profile.replaced) is None or replaced >= TOKEN or not bench.delegated:
        return
    kept, trivial = _keeps_reference(bench), all(_is_trivial(launch) for _, launch in bench.live_launches)
    if kept or trivial:
        why = (
            "they include all of the reference's" if kept else f"the kernels do at most {TRIVIAL} operations per value"
        )
        text = (
            f"{_costs(measured)}, and {why}: the kernels replace {replaced:.1%} of it (at least {TOKEN:.0%} is asked)"
        )
        yield bench.finding("token_kernels", Severity.REJECT, text, bench.live_launches[0][1].line)


def _lazy(measured: Measured) -> Iterator[Finding]:
    replaced = measured.profile.replaced
    if replaced is not None and replaced < LAZY and measured.bench.delegated:
        text = f"{_costs(measured)}: kernels replace {replaced:.0%} of the work"
        yield measured.bench.finding("lazy", Severity.WARN, text, measured.bench.delegated[0][1].line)


def _costs(measured: Measured) -> str:
    profile = measured.profile
    times, whole = {node.node: node.time_us for node in profile.nodes}, profile.reference_time_us
    if (found := profile.measurement) is not None:  # like with like: what was measured has launch gaps in it
        times, whole = found.modelled_nodes_us, found.modelled_reference_time_us or 0.0
    calls = measured.bench.delegated
    left = sum(times.get(index, 0.0) for index, _ in calls)
    dearest = sorted(calls, key=lambda item: times.get(item[0], 0.0), reverse=True)[:3]
    words = ", ".join(f"`{call.operator}` (node {index}, {times.get(index, 0.0):.1f} us)" for index, call in dearest)
    return f"PyTorch's operators take {left:.1f} us of the reference's {whole:.1f} us: {words}"


def _keeps_reference(bench: Evidence) -> bool:
    """True if every operator that computes in the reference is called here as often."""
    if bench.reference_flow is None:
        return False
    theirs = Counter(_name(call) for call in bench.reference_calls)
    return theirs <= Counter(_name(call) for _, call in bench.delegated)


def _name(call: AtenCall) -> str:
    return call.operator.partition("::")[2].partition(".")[0].removesuffix("_")


def _is_trivial(launch: Launch) -> bool:
    """True if a kernel does next to nothing to each value, and combines none."""
    made = [operation for operation in makers(parse(launch.variants[0].ttir)) if computes(operation)]
    return len(made) <= TRIVIAL and all(operation.name.startswith(("arith.", "math.")) for operation in made)


SHARE = (
    Detector(
        name="token_kernels",
        severity=Severity.REJECT,
        summary="PyTorch takes as long as the reference, and makes all of its calls, or the kernels are trivial.",
        conclude=_token_kernels,
    ),
    Detector(
        name="lazy",
        severity=Severity.WARN,
        summary="PyTorch's operators take more than half as long as the reference: most of the work is left to them.",
        conclude=_lazy,
    ),
)
