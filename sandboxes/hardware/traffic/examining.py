"""From a launch to its memory traffic: runs sampled waves abstractly and looks at every address.

Where a kernel is watched is drawn by the judge's seed, after the kernel was written, and whatever is seen is scaled up
without bias: a program that is cheaper than the others counts as much as it is likely to be drawn. What can't be
looked at in time counts as if no cache helped.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from sandboxes.contracts import Resources, Target
from sandboxes.hardware.code.code import Code
from sandboxes.hardware.facts import AccessFacts
from sandboxes.hardware.traffic.measuring import Measured, measure
from sandboxes.hardware.traffic.scaling import scaled_counters
from sandboxes.hardware.traffic.scene import scene
from sandboxes.hardware.traffic.threads import threads_of
from sandboxes.hardware.traffic.waves import Wave, choose_waves, programs_at_once
from sandboxes.ttir import Argument, Counters, ExecutionTimeout, Module, TTIRError
from sandboxes.ttir.addresses.log import AddressLog
from sandboxes.ttir.addresses.observing import observe

SMALLEST = 8
"""Programs of a wave below which nothing is concluded."""

OBSERVING = 0.6
"""Share of the time for running programs; the rest is for looking at what they accessed."""


ATTEMPT = 0.6
"""Share of the time left that an attempt may take, if smaller ones are left."""

_Watch = Callable[[Sequence[int], float], AddressLog]


class NotExamined(ValueError):
    """Addresses could not be found out: the kernel can't be run abstractly, or not even a few programs in time.

    It is the candidate's kernel that is so, never a fault of ours; the launch is priced without addresses, see
    `sandboxes.hardware.facts.LaunchFacts.accesses`.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The memory traffic of a launch, scaled to the whole grid."""

    accesses: tuple[AccessFacts, ...]
    """One per memory operation and argument, in text order."""
    counters: Counters
    """What the executor would have counted, by estimate: bytes, arithmetic, lines."""
    executions: dict[int, float]
    """By source line: how often programs executed what accesses memory there."""
    dependent_share: float
    """Requested bytes whose addresses or masks depend on loaded values, over all."""
    guessed: bool
    """Values that addresses depend on were not there."""
    sampled: float
    """Share of the programs that were looked at."""
    cached: bool
    """Whether the L2 cache was simulated; otherwise nothing ever hits."""
    waves: tuple[Wave, ...]
    """What was looked at."""
    seconds: float


def examine(
    module: Module,
    grid: tuple[int, int, int],
    args: Sequence[Argument],
    code: Code | None,
    resources: Resources,
    target: Target,
    *,
    seed: int,
    hollow: bool = False,
    max_seconds: float = 0.5,
) -> Examination:
    """Returns the memory traffic of a launch.

    Args:
        module: From `sandboxes.ttir.parse`.
        grid: Programs along x, y and z.
        args: As for `sandboxes.ttir.execute`; nothing is written.
        code: What the compiler made of it; None takes layouts to be as Triton usually chooses them.
        resources: Of the compiled kernel.
        target: The GPU.
        seed: The judge's, unknown to the candidate.
        hollow: Whether tensors hold no values that mean anything.
        max_seconds: Wall time; fewer programs are looked at where it is short.

    Raises:
        NotExamined: Nothing can be said about addresses.
    """
    started = time.monotonic()
    total = prod(grid)
    if total < 1:
        raise NotExamined("a grid without programs accesses nothing")

    def watch(programs: Sequence[int], seconds: float) -> AddressLog:
        return observe(module, grid, args, programs, max_seconds=seconds, hollow=hollow, seed=seed)

    at_once = programs_at_once(target, resources)
    waves, logs = _observed(watch, total, at_once, seed, started + OBSERVING * max_seconds)
    seen = scene(waves, logs)
    measured = measure(
        seen,
        lambda operation: threads_of(operation, code, resources, target),
        target,
        resources,
        seed=seed,
        deadline_s=started + max_seconds,
    )
    return _examination(waves, logs, measured, total, time.monotonic() - started)


_Logs = list[tuple[AddressLog, tuple[int, ...]]]


def _observed(watch: _Watch, total: int, at_once: int, seed: int, deadline_s: float) -> tuple[tuple[Wave, ...], _Logs]:
    """Returns waves and what their programs do: whole waves if there is time, otherwise fewer, then parts of them.

    Raises:
        NotExamined: There is time for none, or the kernel can't be observed.
    """
    attempts = [(at_once, False), (at_once, True), (max(SMALLEST, at_once // 8), True), (SMALLEST, True)]
    tried: set[tuple[Wave, ...]] = set()
    reason = NotExamined("there is no time to run programs abstractly")
    for number, (most, few) in enumerate(attempts):
        waves = choose_waves(total, at_once, seed, most=most, few=few)
        left = deadline_s - time.monotonic()
        if waves in tried or left <= 0:
            continue
        tried.add(waves)
        until = time.monotonic() + left * (1.0 if number == len(attempts) - 1 else ATTEMPT)
        try:
            return waves, _watched(watch, waves, until)
        except ExecutionTimeout as error:
            reason = NotExamined(f"the kernel can't be run abstractly in time: {error}")
        except TTIRError as error:
            raise NotExamined(f"the kernel can't be run abstractly: {error}") from error
    raise reason


def _watched(watch: _Watch, waves: Sequence[Wave], deadline_s: float) -> _Logs:
    """Returns a log for each run of consecutive waves."""
    runs: list[list[int]] = []
    for index, wave in enumerate(waves):
        if wave.follows and runs:
            runs[-1].append(index)
        else:
            runs.append([index])
    logs: _Logs = []
    for run in runs:
        programs = [program for index in run for program in waves[index].ids]
        logs.append((watch(programs, max(deadline_s - time.monotonic(), 0.0)), tuple(run)))
    return logs


def _examination(waves: Sequence[Wave], logs: _Logs, measured: Measured, total: int, seconds: float) -> Examination:
    requested = sum(fact.requested_bytes for fact in measured.accesses)
    dependent = sum(fact.requested_bytes for fact in measured.accesses if fact.dependent)
    return Examination(
        accesses=measured.accesses,
        counters=scaled_counters(waves, logs, measured.distinct),
        executions=measured.executions,
        dependent_share=dependent / requested if requested else 0.0,
        guessed=any(log.guessed for log, _ in logs),
        sampled=sum(wave.programs for wave in waves) / total,
        cached=measured.cached,
        waves=tuple(waves),
        seconds=seconds,
    )
