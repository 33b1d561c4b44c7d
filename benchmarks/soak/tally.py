"""Who was asked, who answered, and whether the answer was the one that a quiet machine gives."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from benchmarks.soak.faults import Injected
from benchmarks.soak.programs import Request, Verdict
from sandboxes.contracts import Outcome, Report

SHOWN: Final = 50
"""Most cases that a result lists of one kind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, as the one who asked saw it."""

    began_s: float
    ended_s: float
    kind: str

    @property
    def latency_s(self) -> float:
        return self.ended_s - self.began_s


class Tally:
    """Keeps books from several threads.

    Args:
        expected: Verdict of each program, found in quiet.
    """

    def __init__(self, expected: Mapping[str, Verdict]) -> None:
        self._expected = expected
        self._lock = threading.Lock()
        self._open: dict[int, tuple[Request, float]] = {}
        self._closed: set[int] = set()
        self.answers: list[Answer] = []
        self.outcomes: Counter[str] = Counter()
        self.duplicated: list[str] = []
        self.changed: list[dict[str, str]] = []
        self.infrastructure: list[dict[str, object]] = []
        self.failed: list[str] = []
        self.asked = 0
        self.jobs: set[tuple[str, int]] = set()

    def ask(self, request: Request) -> None:
        """Notes that somebody waits for an answer from now on."""
        with self._lock:
            self._open[request.number] = (request, time.monotonic())
            self.asked += 1
            self.jobs.add((request.program.id, request.serial))

    def answer(self, request: Request, report: Report) -> None:
        """Notes an answer."""
        now = time.monotonic()
        with self._lock:
            if request.number in self._closed or request.number not in self._open:
                self.duplicated.append(f"request {request.number} ({request.program.id})")
                return
            _, began = self._open.pop(request.number)
            self._closed.add(request.number)
            self.outcomes[report.outcome] += 1
            if report.outcome is Outcome.INFRASTRUCTURE:
                message = report.diagnostics[0].message if report.diagnostics else ""
                self.infrastructure.append(
                    {"program": request.program.id, "serial": request.serial, "at_s": now, "message": message}
                )
                return
            self.answers.append(Answer(began, now, request.program.kind))
            verdict, expected = Verdict.of(report), self._expected.get(request.program.id)
            if expected is not None and verdict != expected:
                words = "; ".join(diagnostic.message for diagnostic in report.diagnostics)[:1000]
                self.changed.append(
                    {"program": request.program.id, "serial": str(request.serial), "expected": repr(expected),
                     "got": repr(verdict), "diagnostics": words, "at_s": f"{now:.1f}"}
                )  # fmt: skip

    def fail(self, request: Request, error: BaseException) -> None:
        """Notes that whoever asked got an exception instead."""
        with self._lock:
            self._open.pop(request.number, None)
            self._closed.add(request.number)
            self.failed.append(
                f"request {request.number} ({request.program.id}): {type(error).__name__}: {error}"[:500]
            )

    def withdraw_all(self) -> None:
        """Notes that those who still wait have gone away: the benchmark was told to stop."""
        with self._lock:
            self.asked -= len(self._open)
            self._open.clear()

    @property
    def answered(self) -> int:
        """Requests that have an answer of some kind."""
        return len(self._closed)

    def waiting(self) -> list[str]:
        """Returns those without an answer."""
        with self._lock:
            return [f"request {number} ({request.program.id})" for number, (request, _) in self._open.items()]

    def result(self) -> dict[str, object]:
        """Returns everything about answers."""
        lost = [*self.failed, *self.waiting()]
        latencies = {
            kind: _percentiles([answer.latency_s for answer in self.answers if kind in (answer.kind, "all")])
            for kind in ("all", *sorted({answer.kind for answer in self.answers}))
        }
        return {
            "requests": self.asked,
            "distinct_jobs": len(self.jobs),
            "answers": len(self.answers),
            "lost": len(lost),
            "duplicated": len(self.duplicated),
            "changed": len(self.changed),
            "infrastructure": len(self.infrastructure),
            "outcomes": dict(sorted(self.outcomes.items())),
            "latency_s": latencies,
            "which": {
                "lost": lost[:SHOWN], "duplicated": self.duplicated[:SHOWN], "changed": self.changed[:SHOWN],
                "infrastructure": self.infrastructure[:SHOWN],
            },
        }  # fmt: skip

    def recoveries(self, injected: list[Injected], origin_s: float) -> list[dict[str, object]]:
        """Returns for each fault how long nothing came, and when all those who waited had their answers."""
        ends = sorted(answer.ended_s for answer in self.answers)
        found = []
        for number, fault in enumerate(injected):
            until = injected[number + 1].began_s if number + 1 < len(injected) else float("inf")
            after = [end for end in ends if fault.began_s < end <= until]
            marks = [fault.began_s, *after]
            waiting = [answer.ended_s for answer in self.answers if answer.began_s < fault.began_s < answer.ended_s]
            found.append(
                {
                    "fault": fault.name, "detail": fault.detail, "hit": fault.hit,
                    "at_s": round(fault.began_s - origin_s, 1),
                    "undone_after_s": round(fault.ended_s - fault.began_s, 2),
                    "next_verdict_s": round(after[0] - fault.began_s, 2) if after else None,
                    "longest_gap_s": round(max((b - a for a, b in pairwise(marks)), default=0), 2),
                    "all_that_waited_s": round(max(waiting) - fault.began_s, 2) if waiting else 0.0,
                }
            )  # fmt: skip
        return found


def by_fault(recoveries: list[dict[str, object]]) -> dict[str, dict[str, object]]:
    """Returns medians and maxima over the faults of one name that hit something."""
    found: dict[str, dict[str, object]] = {}
    for name in sorted({str(each["fault"]) for each in recoveries}):
        same = [each for each in recoveries if each["fault"] == name and each["hit"]]
        numbers: dict[str, object] = {"times": len(same)}
        for what in ("next_verdict_s", "longest_gap_s", "all_that_waited_s"):
            values = [value for each in same if isinstance(value := each[what], int | float)]
            if values:
                numbers |= {f"{what}_median": round(statistics.median(values), 2), f"{what}_max": max(values)}
        found[name] = numbers
    return found


def _percentiles(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {"count": len(values)}
    cuts = statistics.quantiles(values, n=1000, method="inclusive")
    shares = {"p50": cuts[499], "p90": cuts[899], "p99": cuts[989], "p999": cuts[998], "max": max(values)}
    return {"count": len(values)} | {name: round(value, 3) for name, value in shares.items()}
