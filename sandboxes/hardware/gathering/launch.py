"""Puts together what is known about a launch: exact totals, sampled addresses, compiled code.

Totals of an execution in full are exact and win: what was sampled is scaled to them, so that a kernel gains nothing
where nobody looked. What could not be looked at is never cheaper than what was: every lane touches a sector of its own,
no cache helps, and every load waits for those before. Nor is what was seen too little of: of something that happens
much more often than where it was looked at, the rest counts as if nobody had looked.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from sandboxes.contracts import Resources, Target, Variant
from sandboxes.hardware.code.code import Code
from sandboxes.hardware.executed import model_kind
from sandboxes.hardware.facts import DotFacts, LaunchFacts, Unit
from sandboxes.hardware.gathering.accesses import accesses_of, dependent_share, kept
from sandboxes.hardware.gathering.products import products, shared
from sandboxes.hardware.gathering.waiting import in_flight, waits_of
from sandboxes.hardware.pricing.roofline import TENSOR_KINDS
from sandboxes.hardware.traffic.examining import Examination
from sandboxes.hardware.work import Work
from sandboxes.ttir import Counters, Module

LEAST_TILE = (16, 16, 16)
"""Of a product: Triton takes no smaller one."""


def facts_of(
    module: Module,
    work: Work,
    counters: Counters,
    scale: float,
    variant: Variant,
    resources: Resources,
    target: Target,
    code: Code | None = None,
    examination: Examination | None = None,
) -> LaunchFacts:
    """Returns everything that is known about a launch.

    Args:
        module: Of the variant.
        work: Of the whole launch.
        counters: Of the programs that were counted.
        scale: Programs of the grid for each one that was counted.
        variant: What was launched.
        resources: Of the compiled kernel.
        target: The GPU.
        code: What the compiler made of it, if that is known.
        examination: Its memory traffic; None if nobody could look at it.
    """
    programs = max(prod(variant.grid), 1)
    warps = max(resources.threads // target.warp_size, 1)
    accesses = accesses_of(counters, scale, examination, warps)
    waits = waits_of(module, counters, scale, programs)
    return LaunchFacts(
        grid=variant.grid,
        resources=resources,
        num_stages=variant.num_stages,
        work=work,
        accesses=kept(accesses, counters, scale, target),
        dots=products(counters, scale, code),
        shared=() if code is None else shared(counters, scale, code, programs),
        pipelined=None if code is None else in_flight(waits, code),
        rounds=max(sum(wait.rounds for wait in waits), 0.0 if examination is None else examination.rounds),
        lines=_lines(counters, scale),
        dependent_share=max(dependent_share(accesses), 0.0 if examination is None else examination.dependent_share),
        guessed=examination is not None and examination.guessed,
        sampled=0.0 if examination is None else min(examination.sampled, 1.0),
    )


def unread(facts: LaunchFacts, target: Target) -> LaunchFacts:
    """Returns the facts of a launch whose compiled code can't be read: a kernel gains nothing by such text.

    It is taken to pipeline nothing, and to multiply small tiles.
    """
    unit = Unit.MFMA if target.backend == "hip" else Unit.MMA
    dots = tuple(
        DotFacts(line=0, unit=unit, kind=kind, flops=count, tile=LEAST_TILE, instruction=LEAST_TILE)
        for kind, count in facts.work.flops.items()
        if kind in TENSOR_KINDS and count
    )
    return replace(facts, pipelined=1, dots=dots)


def _lines(counters: Counters, scale: float) -> Mapping[int, Mapping[str, float]]:
    """Returns operations by line and the model's kind."""
    lines: dict[int, dict[str, float]] = {}
    for line, counts in counters.lines.items():
        own = lines.setdefault(line, {})
        for executed, count in counts.items():
            kind = executed if executed in ("bytes", "integer") else model_kind(executed)
            own[kind] = own.get(kind, 0.0) + count * scale
    return lines
