"""Campaigns: each target in a process of its own for some time, started again when it crashes."""

import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzzing.target import Target

START_S = 120
"""Time for imports beyond the campaign's own."""

LONGEST_S = 300
"""Time that one last execution may take after the end."""

_STATUS = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")
_PEAK = re.compile(r"stat::peak_rss_mb:\s*(\d+)")
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_ARTIFACTS = ("crash-*", "oom-*", "timeout-*")


@dataclass(slots=True)
class Outcome:
    """What a campaign on one target came to."""

    target: str
    about: str
    seconds: float = 0.0
    executions: int = 0
    coverage: int = 0
    """Edges of our code that were reached."""
    features: int = 0
    """Edges with how often, as libFuzzer counts."""
    corpus: int = 0
    """Inputs that reached something new."""
    slowest_s: float = 0.0
    """CPU time of the slowest execution, with coverage watched."""
    peak_rss_mib: int = 0
    findings: list[dict[str, str]] = field(default_factory=list)
    """What should not have happened, each place once, with the data as hexadecimal digits."""

    def document(self) -> dict[str, Any]:
        """The outcome as plain data."""
        return asdict(self)


def campaign(target: Target, seconds: float, seed: int) -> Outcome:
    """Fuzzes one target.

    Args:
        target: What to fuzz.
        seconds: For how long; a crash costs none of it.
        seed: Of the first process; each further one has the next.
    """
    outcome = Outcome(target=target.name, about=target.about)
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="kernelgym-fuzzing-") as folder:
        while (left := int(end - time.monotonic())) > 0:
            started = time.monotonic()
            _run(target, left, seed, Path(folder), outcome)
            outcome.seconds += time.monotonic() - started
            seed += 1
    outcome.seconds = round(outcome.seconds, 1)
    return outcome


def _run(target: Target, seconds: int, seed: int, folder: Path, outcome: Outcome) -> None:
    """Runs one process to its end and adds what it did."""
    command = [sys.executable, "-m", "tests.fuzzing.child", target.name, str(seconds), str(seed), str(folder)]
    with Path(folder, "log").open("w+") as log:
        try:
            ended = subprocess.run(
                command, stdout=log, stderr=log, timeout=seconds + START_S + LONGEST_S, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            ended = -9
        log.seek(0)
        words = log.read()
    progress = _taken(folder / "progress.json")
    known = _EXECUTED.search(words)
    outcome.executions += int(known[1]) if known else progress.get("executions", 0)
    outcome.slowest_s = max(outcome.slowest_s, progress.get("slowest_s", 0.0))
    if statuses := _STATUS.findall(words):
        coverage, features, corpus = map(int, statuses[-1])
        outcome.coverage, outcome.features = max(outcome.coverage, coverage), max(outcome.features, features)
        outcome.corpus = max(outcome.corpus, corpus)
    if peak := _PEAK.search(words):
        outcome.peak_rss_mib = max(outcome.peak_rss_mib, int(peak[1]))
    findings = folder / "findings.jsonl"
    if findings.exists():
        known_words = {finding["what"].partition(": ")[0] for finding in outcome.findings}
        for line in findings.read_text().splitlines():
            finding = json.loads(line)
            if finding["what"].partition(": ")[0] not in known_words:
                outcome.findings.append(finding)
        findings.unlink()
    artifacts = [path for pattern in _ARTIFACTS for path in folder.glob(pattern)]
    for path in artifacts:
        outcome.findings.append(
            {"what": f"{path.name.partition('-')[0]} of the process", "data": path.read_bytes().hex()}
        )
        path.unlink()
    if ended and not artifacts:
        tail = words.strip().splitlines()[-1:]
        outcome.findings.append({"what": f"the process ended with {ended}: {' '.join(tail)[:300]}", "data": ""})


def _taken(path: Path) -> dict[str, Any]:
    """A JSON file's content, which is then gone; nothing if there is none."""
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text() or "{}")
    path.unlink()
    return found
