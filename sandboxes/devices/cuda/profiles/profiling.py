"""A measured profile: the device says how long each node takes, the executor says what it does.

The whole is the measured time of the program's graph. Its parts are measured in runs of their own, under the profiler,
and then stretched or shrunk together until they add up to the whole: gaps between kernels are spread over the nodes in
proportion to their time (`Measurement.busy_us` says how much of the whole is none), which leaves the share of each
as the device saw it. Bytes and operations are exact counts of the executor; neither a kernel nor its counters
are asked what it moved.

A verdict depends on nothing of that. What is left to PyTorch is the model's time over the model's time, as on the CPU
(`Profile.replaced`): the share of an operator in a measured whole is mostly gaps if the program is small, and noise
would decide where nothing is replaced at all.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from math import prod
from typing import Final

import torch

from sandboxes.contracts import (
    AtenCall,
    Bound,
    Launch,
    Measurement,
    NodeProfile,
    Precision,
    Profile,
    ProfileSource,
    Target,
    TimingFlag,
    Trace,
)
from sandboxes.delegation import is_fill
from sandboxes.devices.cuda.errors import GpuError, GpuFault, TimesDisagree
from sandboxes.devices.cuda.gpu import DeviceEvent, Gpu, GpuFacts, Mark
from sandboxes.devices.cuda.profiles.attribution import Attribution, attribute, typical
from sandboxes.devices.cuda.profiles.ceilings import Ceilings
from sandboxes.devices.cuda.timing.measured import Measured
from sandboxes.devices.device import Choice, Program
from sandboxes.devices.launching import Launched
from sandboxes.devices.modelled import least_us, modelled_profile, uncounted, works_of_calls
from sandboxes.hardware.aten_cost import aten_work
from sandboxes.hardware.pricing import roofline_us
from sandboxes.hardware.work import Work

RUNS: Final = 5
"""Runs under the profiler; a node's time is their median."""

HALF: Final = 0.5
"""Share of a ceiling from which a node is said to be bound by it; below, the hardware model knows better why."""


def measured_profile(
    gpu: Gpu,
    program: Program,
    choice: Choice,
    replay: Callable[[Mark], object],
    *,
    launched: Mapping[int, Launched],
    reference: Trace,
    target: Target,
    precision: Precision,
    measured: Measured,
    ceilings: Ceilings | None = None,
    actual: Target | None = None,
) -> Profile:
    """Puts a profile together from measured times and exact counts.

    Args:
        gpu: Which measured.
        program: The bench case, with compiled kernels.
        choice: Variant of each launch.
        replay: Runs the program once on the GPU, each node inside `mark(index)`.
        launched: What each launch did, counted by the executor; launches that it can't run are left out.
        reference: The reference's `forward`, recorded in the same form.
        target: The GPU as data.
        precision: Decides which unit multiplies float32.
        measured: Times of the whole.
        ceilings: What this GPU reaches; without them the data sheet stands in.
        actual: The target as this GPU is (`fitting`), for rooflines; None: it is the target.

    Raises:
        GpuError: A kernel failed.
        GpuLost: The GPU failed.
        TimesDisagree: `measured` is flagged so: nothing may be made of its times.
    """
    if TimingFlag.DISAGREEING in measured.measurement.flags:
        events_us, host_us = measured.measurement.measured_time_us, measured.measurement.host_time_us
        raise TimesDisagree(
            f"the clocks contradict each other about `{program.trace.case}` on {gpu.facts.title} (events say "
            f"{events_us:.4g} us, the host {host_us:.4g} us, the profiler aside); evaluate it again, and if that stays "
            "so, see whether something else uses this GPU"
        )
    counted = modelled_profile(program, choice, launched, reference, target, precision)
    seen = observed(gpu, replay, len(program.trace.nodes))
    complete = saw_everything(program, choice, seen)
    if not complete:
        seen = _as_modelled(counted, measured)
    kind = actual or target
    reached = kind if ceilings is None else ceilings.applied(kind)
    nodes = _nodes(program, choice, launched, counted, seen, reached, precision, measured.time_us)
    live = sum(node.time_us for node in nodes if node.live)
    own = sum(node.time_us for node in nodes if node.live and node.custom)
    measurement = _measurement(measured.measurement, gpu.facts, counted, seen, ceilings, complete=complete)
    return Profile(
        source=ProfileSource.MODELLED if gpu.facts.simulated else ProfileSource.MEASURED,
        device=gpu.facts.title,
        nodes=nodes,
        time_us=measured.time_us,
        reference_time_us=measured.reference_time_us,
        compiled_reference_time_us=measured.compiled_reference_time_us,
        coverage=min(own / live, 1.0) if live else 0.0,
        replaced=counted.replaced,
        roofline_us=least_us(reference, works_of_calls(reference, precision), reached),
        speedup_interval=measured.speedup_interval,
        measurement=measurement,
        counterfactuals=counted.counterfactuals,
    )


def observed(gpu: Gpu, replay: Callable[[Mark], object], nodes: int) -> Attribution:
    """Returns the device time of each node: the median of several runs, each of which starts on a cold L2 cache.

    All runs are under one profiler, since starting it takes longer than they do. The marks of each begin where those of
    the one before end; its last one, `nodes`, is nobody's.
    """
    cold = _cold(gpu)
    stride = nodes + 1

    def work(mark: Mark) -> None:
        for run in range(RUNS):
            with gpu.faults(), mark(run * stride + nodes):
                cold.fill_(1)
            replay(partial(_later, mark, run * stride))

    runs: list[list[DeviceEvent]] = [[] for _ in range(RUNS)]
    current = 0
    for event in gpu.observe(work):
        if event.node is not None:
            current = min(event.node // stride, RUNS - 1)
        runs[current].append(event if event.node is None else replace(event, node=event.node % stride))
    return typical([attribute(run, nodes) for run in runs])


def _later(mark: Mark, first: int, node: int) -> AbstractContextManager[None]:
    """Marks what belongs to a node of a later run."""
    return mark(first + node)


def _cold(gpu: Gpu) -> torch.Tensor:
    """Returns what is written in order to empty the L2 cache; nothing if there is no room for it beside the program."""
    try:
        return gpu.memory(2 * gpu.facts.l2_bytes)
    except GpuError as error:
        if error.fault is not GpuFault.OUT_OF_MEMORY:
            raise
        return gpu.memory(0)


def saw_everything(program: Program, choice: Choice, seen: Attribution) -> bool:
    """True if every launch of the candidate left a trace on the device; a profiler may be missing, or refused."""
    return all(
        index in seen.node_us or not prod(node.variants[choice[index]].grid)
        for index, node in enumerate(program.trace.nodes)
        if isinstance(node, Launch)
    )


def _as_modelled(counted: Profile, measured: Measured) -> Attribution:
    """Returns the model's times, for want of better ones; what it can't count gets what it leaves of the whole.

    Nothing if the host launched it all: the rest is gaps, and those are nobody's.
    """
    unknown = [node.node for node in counted.nodes if node.bytes is None]
    gaps = TimingFlag.NOT_CAPTURED in measured.measurement.flags
    rest = 0.0 if gaps else max(measured.time_us - counted.time_us, 0.0) / max(len(unknown), 1)
    times = {node.node: rest if node.bytes is None else node.time_us for node in counted.nodes}
    return Attribution(node_us=times, other_us=0.0)


def _nodes(
    program: Program,
    choice: Choice,
    launched: Mapping[int, Launched],
    counted: Profile,
    seen: Attribution,
    reached: Target,
    precision: Precision,
    time_us: float,
) -> tuple[NodeProfile, ...]:
    """Returns everything that the model knows of or the device was seen to do."""
    known = {node.node: node for node in counted.nodes}
    stretch = time_us / seen.busy_us if seen.busy_us else 0.0
    nodes = []
    for index in sorted(known.keys() | seen.node_us.keys()):
        node = program.trace.nodes[index]
        base = known.get(index) or _unpriced(program, choice, index)
        spent = seen.node_us.get(index, 0.0) * stretch
        if isinstance(node, Launch):
            work = launched[index].work if index in launched else None
        else:
            work = aten_work(node, program.trace.values, precision)
        nodes.append(
            base.model_copy(update={"time_us": spent, "band_us": None, **_limits(base, work, spent, stretch, reached)})
        )
    return tuple(nodes)


def _unpriced(program: Program, choice: Choice, index: int) -> NodeProfile:
    """Returns a node that the model takes for free, and that kept the device busy all the same."""
    node = program.trace.nodes[index]
    if isinstance(node, AtenCall):
        return NodeProfile(
            node=index,
            name=node.operator.removesuffix(".default"),
            custom=False,
            live=index in program.flow.live,
            fills=is_fill(node),
            time_us=0.0,
            bytes=0,
            flops=0,
            bound=Bound.LAUNCH,
            roofline_fraction=0.0,
            line=node.line,
        )
    return uncounted(program, index, node, choice[index])


def _limits(node: NodeProfile, work: Work | None, time_us: float, stretch: float, reached: Target) -> dict[str, object]:
    """Returns what bounds a node and how much of the time the GPU's ceilings account for."""
    if work is None:
        return {}
    if not time_us:
        return {"roofline_fraction": min(node.roofline_fraction or 0.0, 1.0)}
    arithmetic_us = roofline_us(reached, Work(flops=work.flops))
    memory_us = work.dram_bytes / (reached.dram_gb_per_s * 1e3)
    cache_us = work.requested_bytes / (reached.l2_gb_per_s * 1e3)
    shares = {
        Bound.DRAM: memory_us / time_us,
        Bound.L2: cache_us / time_us,
        Bound.COMPUTE: arithmetic_us / time_us,
    }
    bound = max(shares, key=lambda each: shares[each])
    if shares[bound] < HALF:
        bound = Bound.LAUNCH if stretch > 1 / HALF else node.bound
    return {"bound": bound, "roofline_fraction": min(max(memory_us, arithmetic_us) / time_us, 1.0)}


def _measurement(
    measurement: Measurement,
    facts: GpuFacts,
    counted: Profile,
    seen: Attribution,
    ceilings: Ceilings | None,
    *,
    complete: bool,
) -> Measurement:
    whole = all(node.bytes is not None for node in counted.nodes)
    flags = measurement.flags if complete else (*measurement.flags, TimingFlag.NOT_ATTRIBUTED)
    return measurement.model_copy(
        update={
            "flags": flags,
            "busy_us": seen.busy_us if complete else None,
            "other_us": seen.other_us if complete else None,
            "modelled_time_us": counted.time_us if whole else None,
            "modelled_reference_time_us": counted.reference_time_us,
            "modelled_nodes_us": {node.node: node.time_us for node in counted.nodes if node.bytes is not None},
            "ceilings": {} if ceilings is None else ceilings.numbers(),
            "doubts": () if ceilings is None else ceilings.doubts,
            "simulated": facts.simulated,
        }
    )
