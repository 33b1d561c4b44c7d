"""What a scenario is: a program, the limits it runs under and the facts that must come back."""

import textwrap
from dataclasses import dataclass, replace
from typing import Any

from sandboxes.isolation.entry import Entry
from sandboxes.isolation.limits import Limits
from sandboxes.isolation.protection import Protection
from sandboxes.isolation.result import SandboxResult, SandboxStatus

__all__ = ["CONFORMANCE_ENTRY", "CONFORMANCE_LIMITS", "NEIGHBOUR", "Scenario", "attack", "honest", "run_python"]


def run_python(request: bytes) -> bytes:
    """Execute Python source and return the `repr` of its variable `answer`."""
    namespace: dict[str, Any] = {"__name__": "candidate"}
    exec(compile(request, "candidate.py", "exec"), namespace)  # noqa: S102 - what a sandbox is for
    return repr(namespace.get("answer")).encode()


CONFORMANCE_ENTRY = Entry(target="sandboxes.isolation.conformance:run_python")
"""Needs neither torch nor triton, so that its sandboxes start at once."""

CONFORMANCE_LIMITS = Limits(
    wall_time_s=0.3,
    cpu_time_s=20.0,
    memory_mib=256,
    processes=32,
    file_size_mib=8,
    open_files=64,
    output_mib=4,
    stderr_kib=4,
)
"""Small, so that every scenario soon meets them; `Scenario.limits` adds patience where time is not the point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One hostile or unlucky program and the facts that must come back."""

    name: str
    source: str
    hostile: bool = True
    """Whether it attacks; what is merely unlucky or honest must come back as it is."""
    statuses: frozenset[SandboxStatus] = frozenset({SandboxStatus.COMPLETED})
    answers: frozenset[bytes] = frozenset()
    """Acceptable answers; empty if the answer does not matter."""
    signals: frozenset[int] = frozenset()
    """Acceptable signals; empty if the signal does not matter."""
    exit_code: int | None = None
    """Expected exit code, if it matters."""
    needs: frozenset[Protection] = frozenset()
    """What a backend must protect against for this promise."""

    @property
    def limits(self) -> Limits:
        """What to run it under: only a scenario that is to run out of time is given little."""
        if SandboxStatus.TIMEOUT in self.statuses:
            return CONFORMANCE_LIMITS
        return replace(CONFORMANCE_LIMITS, wall_time_s=30.0)

    def complaint(self, result: SandboxResult) -> str | None:
        """What in a sandbox's result breaks the promise; `None` if nothing does."""
        if result.status not in self.statuses:
            return f"status {result.status}, not {' or '.join(sorted(self.statuses))}"
        if (result.payload is None) != (result.status is not SandboxStatus.COMPLETED):
            return f"status {result.status} with payload {result.payload!r}"
        if result.payload is not None and self.answers and result.payload not in self.answers:
            return f"answer {result.payload!r}, not {' or '.join(map(repr, sorted(self.answers)))}"
        if self.signals and result.signal is not None and result.signal not in self.signals:
            return f"signal {result.signal}, not {' or '.join(map(str, sorted(self.signals)))}"
        if self.exit_code not in (None, result.exit_code):
            return f"exit code {result.exit_code}, not {self.exit_code}"
        return None


NEIGHBOUR = Scenario(
    name="the next submission", source="answer = sum(range(10))", hostile=False, answers=frozenset({b"45"})
)
"""Must give its answer after every scenario."""


def attack(name: str, source: str | tuple[str, ...], *statuses: str, **expected: Any) -> Scenario:
    """A hostile scenario from indented source or several pieces of it; sets of expectations may be any iterable."""
    for field in ("answers", "needs", "signals"):
        if field in expected:
            expected[field] = frozenset(expected[field])
    wanted = frozenset(SandboxStatus(status) for status in statuses or ("completed",))
    pieces = (source,) if isinstance(source, str) else source
    return Scenario(name=name, source="\n".join(map(textwrap.dedent, pieces)), statuses=wanted, **expected)


def honest(name: str, source: str | tuple[str, ...], *statuses: str, **expected: Any) -> Scenario:
    """A scenario that attacks nobody, from indented source."""
    return attack(name, source, *statuses, hostile=False, **expected)
