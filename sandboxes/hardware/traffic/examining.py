"""From a launch to its memory traffic: runs sampled waves abstractly and looks at every address.

Where a kernel is watched is drawn by the judge's seed, after the kernel was written, and whatever is seen is scaled up
without bias: a program that is cheaper than the others counts as much as it is likely to be drawn. What can't be
looked at in time counts as if no cache helped.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import torch

from sandboxes.contracts import Resources, Target
from sandboxes.hardware.code.code import Code
from sandboxes.hardware.facts import AccessFacts
from sandboxes.hardware.traffic.measuring import measure
from sandboxes.hardware.traffic.reconciling import reconciled
from sandboxes.hardware.traffic.rounds import rounds
from sandboxes.hardware.traffic.scaling import scaled_counters
from sandboxes.hardware.traffic.scene import scene
from sandboxes.hardware.traffic.threads import read_share, threads_of
from sandboxes.hardware.traffic.waves import Wave, choose_waves, programs_at_once, scattered
from sandboxes.ttir import Argument, Counters, ExecutionTimeout, Module, TTIRError
from sandboxes.ttir.addresses.log import AddressLog
from sandboxes.ttir.addresses.observing import observe

SMALLEST = 8
"""Programs of a wave below which nothing is concluded."""

OBSERVING = 0.55
"""Share of the time after which no waves are run any more; the rest is for looking at what they accessed."""

SPREADING = 0.7
"""Share of the time after which no other programs are run, either."""

SIMULATING = 0.6
"""Share of the time that looking at accesses may take, of the processor's: a busy machine makes nothing dearer."""

SPREAD_PROGRAMS = 64
"""Programs all over the grid that say how much there is of everything, where waves are not all looked at."""


ATTEMPT = 0.5
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
    rounds: float
    """How often a program waits for loads, if nothing is pipelined."""
    sampled: float
    """Share of the programs that were looked at."""
    layouts: float
    """Share of the requested bytes for which the compiled code says who accesses what; a guess for the others."""
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
        with _one_thread():
            return observe(module, grid, args, programs, max_seconds=seconds, hollow=hollow, seed=seed)

    at_once = programs_at_once(target, resources)
    waves, logs = _observed(watch, total, at_once, seed, started + OBSERVING * max_seconds)
    spread = _spread(watch, waves, total, seed, started + SPREADING * max_seconds)
    seen = scene(waves, logs, seed)
    measured = measure(
        seen,
        lambda operation, strides: threads_of(operation, strides, code, resources, target),
        target,
        resources,
        seed=seed,
        cpu_seconds=SIMULATING * max_seconds,
    )
    counters = scaled_counters([spread] if spread is not None else _weighted(waves, logs), measured.distinct)
    requested = sum(count.bytes for count in counters.memory)
    dependent = sum(fact.requested_bytes for fact in measured.accesses if fact.dependent)
    return Examination(
        accesses=reconciled(measured.accesses, counters),
        counters=counters,
        executions=_executions(counters),
        dependent_share=min(1.0, dependent / requested) if requested else 0.0,
        guessed=any(log.guessed for log, _ in logs) or (spread is not None and spread[0].guessed),
        rounds=sum(rounds(log) * len(log.programs) for log, _ in logs) / sum(len(log.programs) for log, _ in logs),
        sampled=sum(wave.programs for wave in waves) / total,
        layouts=read_share(
            [(o, f.requested_bytes) for o, f in zip(seen.operations, measured.accesses, strict=True)], code
        ),
        cached=measured.cached,
        waves=tuple(waves),
        seconds=time.monotonic() - started,
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps torch from sharing its work among threads.

    Tensors are small here, and threads that wait for each other on a busy machine take a hundred times as long (33
    programs of a convolution: 3 s instead of 34 ms, with other processes on all cores).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_Logs = list[tuple[AddressLog, tuple[int, ...]]]


def _observed(watch: _Watch, total: int, at_once: int, seed: int, deadline_s: float) -> tuple[tuple[Wave, ...], _Logs]:
    """Returns waves and what their programs do: whole waves if there is time, otherwise fewer, then parts of them.

    Raises:
        NotExamined: There is time for none, or the kernel can't be observed.
    """
    attempts = [(at_once, False), (at_once, True), (SMALLEST, True)]
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


def _spread(
    watch: _Watch, waves: Sequence[Wave], total: int, seed: int, deadline_s: float
) -> tuple[AddressLog, float] | None:
    """Returns what programs all over the grid do, and how many each stands for, None if all waves were looked at.

    Waves say how programs work together, but only of a few places; programs may do more elsewhere, as they do honestly
    in causal attention. None also if there is no time: then waves stand for everything.
    """
    if all(wave.weight == 1.0 for wave in waves):
        return None
    programs = scattered(total, SPREAD_PROGRAMS, seed)
    try:
        return watch(programs, max(deadline_s - time.monotonic(), 0.0)), total / len(programs)
    except ExecutionTimeout:
        return None
    except TTIRError as error:
        raise NotExamined(f"the kernel can't be run abstractly: {error}") from error


def _weighted(waves: Sequence[Wave], logs: _Logs) -> list[tuple[AddressLog, float]]:
    """Returns each log with the number of programs that one of its programs stands for."""
    found = []
    for log, indices in logs:
        ran = sum(waves[index].programs for index in indices)
        found.append((log, sum(waves[index].stands_for for index in indices) / ran))
    return found


def _executions(counters: Counters) -> dict[int, float]:
    lines: dict[int, float] = {}
    for count in counters.memory:
        line = count.location.user_line()
        lines[line] = max(lines.get(line, 0.0), float(count.executions))
    return lines
