"""Which programs of a launch are run abstractly: as many as a given amount of work suffices for.

Work is counted, so a busy machine looks at the same programs as a quiet one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sandboxes.hardware.traffic.rounds import rounds
from sandboxes.hardware.traffic.waves import Wave, choose_waves, scattered
from sandboxes.ttir import ExecutionTimeout
from sandboxes.ttir.addresses.log import AddressLog

SMALLEST: Final = 8
"""Programs of a wave below which nothing is concluded."""

ALL_WAVES: Final = 0.5
"""Share of the work after which nobody goes on to look at all waves of a small grid."""

SPREADING: Final = 0.25
"""Share of the work that is kept for programs all over the grid."""

SPREAD_PROGRAMS: Final = 64
"""Programs all over the grid that say how much there is of everything, where waves are not all looked at."""

MARGIN: Final = 2
"""So many times as much work as expected is kept for looking at waves: their programs may do more than others."""

NARROWING: Final = 4
"""So many times fewer programs of a wave are looked at where their memory falls into too many pieces."""

Watch = Callable[[Sequence[int], float], AddressLog]
"""Observes some programs for at most so many elements."""

_Logs = list[tuple[AddressLog, tuple[int, ...]]]
_Spread = tuple[AddressLog, float] | None
"""Programs all over the grid, and how many each stands for."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Watched:
    """What programs of some waves do."""

    waves: tuple[Wave, ...]
    logs: _Logs
    """Each with the indices of its waves."""
    counted: list[tuple[AddressLog, float]]
    """What says how much there is of everything, each with the number of programs that one of its programs stands for:
    programs all over the grid, unless all were looked at."""
    computed: int
    """Elements that all this took."""
    drawn: AddressLog | None = None
    """Of the programs all over the grid."""

    @property
    def rounds(self) -> float:
        """How often a program waits for loads, if nothing is pipelined."""
        programs = sum(len(log.programs) for log, _ in self.logs)
        return sum(rounds(log) * len(log.programs) for log, _ in self.logs) / programs


def watched(watch: Watch, total: int, at_once: int, seed: int, work: int) -> Watched | None:
    """Returns what programs do, None if the work suffices for none.

    All waves if they are few and the work suffices; otherwise programs all over the grid say first how much work one
    is, and then as many are looked at as the rest suffices for.

    Args:
        watch: Observes programs.
        total: Programs of the grid.
        at_once: Programs of a wave.
        seed: The judge's.
        work: Elements to compute.

    Raises:
        TTIRError: The kernel can't be observed.
    """
    everything = choose_waves(total, at_once, seed)
    left = float(work)
    if all(wave.weight == 1.0 for wave in everything):
        logs = _tried(watch, everything, ALL_WAVES * work)
        if logs is not None:
            return _found(everything, logs, _weighted(everything, logs))
        left -= ALL_WAVES * work
    spread = _spread(watch, total, seed, SPREADING * work)
    left -= SPREADING * work
    for most in _sizes(total, spread, left):
        waves = everything
        if most < sum(wave.programs for wave in everything):
            waves = choose_waves(total, at_once, seed, most=max(SMALLEST, most // 2), few=True)
        logs = _tried(watch, waves, left if most == 2 * SMALLEST else left / MARGIN)
        if logs is not None:
            if spread is None:
                return _found(waves, logs, _weighted(waves, logs))
            return _found(waves, logs, [spread], drawn=spread[0])
        left -= left / MARGIN
    return None


def fewer(watch: Watch, found: Watched, total: int, at_once: int, seed: int, work: int) -> Watched | None:
    """Returns what fewer programs do, of two waves; None if `found` are few, or it is too much work.

    How much there is of everything is as it was.
    """
    most = max(wave.programs for wave in found.waves) // NARROWING
    if most < SMALLEST:
        return None
    waves = choose_waves(total, at_once, seed, most=most, few=True)
    logs = _tried(watch, waves, work)
    return None if logs is None else _found(waves, logs, found.counted, found.computed, found.drawn)


def _found(
    waves: tuple[Wave, ...],
    logs: _Logs,
    counted: list[tuple[AddressLog, float]],
    before: int = 0,
    drawn: AddressLog | None = None,
) -> Watched:
    own = {id(log): log.computed for log, _ in (logs if before else [*logs, *counted])}
    return Watched(waves=waves, logs=logs, counted=counted, computed=before + sum(own.values()), drawn=drawn)


def _sizes(total: int, spread: _Spread, left: float) -> Iterator[int]:
    """Yields how many programs of two waves to look at: what is left suffices for, then a few."""
    if spread is not None:
        each = max(1.0, spread[0].computed / spread[0].programs.numel())
        yield int(min(left / MARGIN**2 / each, total))
    yield 2 * SMALLEST


def _tried(watch: Watch, waves: Sequence[Wave], work: float) -> _Logs | None:
    """Returns a log for each run of consecutive waves, None if that is too much work."""
    runs: list[list[int]] = []
    for index, wave in enumerate(waves):
        if wave.follows and runs:
            runs[-1].append(index)
        else:
            runs.append([index])
    logs: _Logs = []
    for run in runs:
        programs = [program for index in run for program in waves[index].ids]
        try:
            logs.append((watch(programs, work), tuple(run)))
        except ExecutionTimeout:
            return None
        work -= logs[-1][0].computed
    return logs


def _spread(watch: Watch, total: int, seed: int, work: float) -> _Spread:
    """Returns what programs all over the grid do, None if that is too much work.

    Waves say how programs work together, but only of a few places; programs may do more elsewhere, as they do honestly
    in causal attention.
    """
    programs = scattered(total, SPREAD_PROGRAMS, seed)
    try:
        return watch(programs, work), total / len(programs)
    except ExecutionTimeout:
        return None


def _weighted(waves: Sequence[Wave], logs: _Logs) -> list[tuple[AddressLog, float]]:
    """Returns each log with the number of programs that one of its programs stands for."""
    found = []
    for log, indices in logs:
        ran = sum(waves[index].programs for index in indices)
        found.append((log, sum(waves[index].stands_for for index in indices) / ran))
    return found
