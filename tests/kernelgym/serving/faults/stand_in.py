"""What evaluates in most tests of faults: an inner worker without torch, that does as the candidate says.

The candidate is JSON: `log`, a file to which each half that begins is written; `pause_s`, seconds by stage; `kill`, the
stage in which it ends the process above, as a poisoned job does that takes its worker along each time.
"""

import json
import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kernelgym.evaluators.messages import (
    ASSIGNMENT,
    MAX_FRAME_BYTES,
    Finished,
    Handed,
    Job,
    Replaying,
    Sheltered,
    StageBegan,
    Tracing,
)
from sandboxes.contracts import Diagnostic, Outcome, Report, Stage

MODULE = "tests.kernelgym.serving.faults.stand_in"
FIRST = (Stage.TRACE, Stage.VERIFY)
SECOND = (Stage.COMPILE, Stage.REPLAY, Stage.PROFILE)


def verdict(job: Job) -> Report:
    """Returns the one right answer."""
    return Report(
        outcome=Outcome.INCORRECT,
        submission=job.submission.digest,
        problem=job.reference.id,
        config=job.config,
        diagnostics=(Diagnostic(stage=Stage.REPLAY, message=f"verdict of {job.submission.digest[:8]}"),),
    )


class StandIn:
    """The inner worker."""

    def __init__(self, descriptor: int) -> None:
        self.connection: Connection[Any, Any] = Connection(descriptor)
        self.parent = os.getppid()

    def send(self, message: Any) -> None:
        self.connection.send_bytes(message.model_dump_json().encode())

    def play(self, job: Job, stages: tuple[Stage, ...], half: str) -> None:
        script = json.loads(job.submission.source)
        with Path(script["log"]).open("a") as log:
            log.write(f"{half} {self.parent} {os.getpid()}\n")
        for stage in stages:
            self.send(StageBegan(stage=stage))
            if script.get("kill") == stage:
                os.kill(self.parent, signal.SIGKILL)
            time.sleep(script.get("pause_s", {}).get(stage, 0.0))

    def serve(self) -> None:
        self.send(StageBegan(stage=Stage.EXTRACT))
        self.send(Sheltered(sandbox="none", gaps=("all is open",)))
        while True:
            try:
                task = ASSIGNMENT.validate_json(self.connection.recv_bytes(MAX_FRAME_BYTES))
                if isinstance(task, Replaying):
                    assert self.connection.recv_bytes(MAX_FRAME_BYTES) == b"bundle"
            except (EOFError, OSError):
                return
            if isinstance(task, Tracing):
                self.play(task.job, FIRST, "trace")
                self.send(Handed(timings_s={"trace": 0.1}))
                self.connection.send_bytes(b"bundle")
            elif isinstance(task, Replaying):
                self.play(task.job, SECOND, "replay")
                self.send(Finished(report=verdict(task.job)))


if __name__ == "__main__":
    StandIn(int(sys.argv[1])).serve()
