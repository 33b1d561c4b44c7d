"""A worker that announces a stage and dies in it: `python -I -m ... FD STAGE[:once MARKER]`."""

import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from kernelgym.evaluators.messages import Finished, Job, StageBegan
from sandboxes.contracts import Diagnostic, Outcome, Report, Stage

connection: "Connection[bytes, bytes]" = Connection(int(sys.argv[1]))
behaviour, _, marker = sys.argv[2].partition(":")
connection.send_bytes(StageBegan(stage=Stage.EXTRACT).model_dump_json().encode())
job = Job.model_validate_json(connection.recv_bytes())

if marker and Path(marker).exists():
    diagnostic = Diagnostic(stage=Stage.REPLAY, message="second attempt")
    report = Report(
        outcome=Outcome.INCORRECT,
        submission=job.submission.digest,
        problem=job.reference.id,
        config=job.config,
        diagnostics=(diagnostic,),
    )
    connection.send_bytes(Finished(report=report).model_dump_json().encode())
    time.sleep(5)
if marker:
    Path(marker).touch()
if behaviour == "garbage":
    connection.send_bytes(b"{not json")
    time.sleep(30)
connection.send_bytes(StageBegan(stage=Stage(behaviour)).model_dump_json().encode())
os.kill(os.getpid(), signal.SIGSEGV)
