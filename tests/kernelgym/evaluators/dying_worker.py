"""A worker that announces a stage and dies in it: `python -I -m ... FD STAGE[ NONSENSE][:MARKER]`.

NONSENSE is what it sends instead of dying; once MARKER exists, it answers. `deaf` is a worker that is stopped before it
reads its task, `halved` one that is stopped in the middle of a long frame.
"""

import os
import signal
import struct
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from kernelgym.evaluators.messages import MAX_FRAME_BYTES, Finished, Job, StageBegan
from sandboxes.contracts import Diagnostic, Outcome, Report, Stage

connection: "Connection[bytes, bytes]" = Connection(int(sys.argv[1]))
behaviour, _, marker = sys.argv[2].partition(":")
stage, _, nonsense = behaviour.partition(" ")
connection.send_bytes(StageBegan(stage=Stage.EXTRACT).model_dump_json().encode())
if nonsense == "deaf":
    os.kill(os.getpid(), signal.SIGSTOP)
job = Job.model_validate_json(connection.recv_bytes())


def answer(submission: str) -> None:
    """Sends a report of `submission`, then waits to be ended."""
    report = Report(
        outcome=Outcome.INCORRECT,
        submission=submission,
        problem=job.reference.id,
        config=job.config,
        diagnostics=(Diagnostic(stage=Stage.REPLAY, message="second attempt"),),
    )
    connection.send_bytes(Finished(report=report).model_dump_json().encode())
    time.sleep(5)


if marker and Path(marker).exists():
    answer(job.submission.digest)
if marker:
    Path(marker).touch()
connection.send_bytes(StageBegan(stage=Stage(stage)).model_dump_json().encode())
if nonsense == "garbage":
    connection.send_bytes(b"{not json")
elif nonsense == "flood":
    connection.send_bytes(bytes(MAX_FRAME_BYTES + 1))
elif nonsense == "halved":
    os.write(connection.fileno(), struct.pack("!i", 2**24) + bytes(2**16))
    os.kill(os.getpid(), signal.SIGSTOP)
elif nonsense == "stranger":
    answer("0" * 64)
elif nonsense.startswith("sig"):
    os.kill(os.getpid(), signal.Signals[nonsense.upper()])
os.kill(os.getpid(), signal.SIGSEGV)
