"""What a worker process sends to its parent: frames that are no messages, and reports that nobody would write."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kernelgym.evaluators.messages import MESSAGE, Finished, Job
from kernelgym.evaluators.process import WorkerDied, _checked
from sandboxes.contracts import EvalConfig, Reference, Submission
from tests.fuzzing.decisions import decided_by
from tests.fuzzing.documents import changed_document
from tests.fuzzing.showing import show
from tests.fuzzing.target import Target

REPORT = Path(__file__).parents[2] / "data" / "report-v1.json"
JOB = Job(submission=Submission(source="x"), reference=Reference(id="core/softmax", source="x"), config=EvalConfig())


@cache
def _frames() -> tuple[Any, ...]:
    """Messages that a worker may send."""
    report = json.loads(REPORT.read_text())
    failed = report | {
        "outcome": "incorrect",
        "profile": None,
        "diagnostics": [{"stage": "replay", "message": "wrong", "line": 4, "excerpt": "x", "hint": "y", "case": "a=1"}],
        "findings": [{"rule": "dead_launch", "severity": "warn", "evidence": "unused", "line": 3}],
    }
    return (
        {"kind": "finished", "report": report},
        {"kind": "finished", "report": failed},
        {"kind": "stage", "stage": "replay"},
        {"kind": "refused", "why": "reference", "message": "no"},
    )


def make(data: bytes) -> bytes:
    """A frame that may be a message."""
    choices = decided_by(data)
    return data if choices.chance(10) else changed_document(choices.pick(_frames()), choices)


def read(raw: bytes) -> None:
    """Parses a frame as the parent does, and shows the report in it, if there is one."""
    try:
        message = MESSAGE.validate_json(raw)
    except ValidationError as error:
        str(error)[:100]
        return
    if isinstance(message, Finished):
        show(message.report, None)
    if message.kind != "stage":
        try:
            _checked(message, JOB)
        except WorkerDied as death:
            str(death)


MESSAGES = Target(
    name="messages",
    about="frames from a worker process, and the reports in them",
    make=make,
    read=read,
    seconds=1.0,
    seconds_per_mib=20.0,
)
