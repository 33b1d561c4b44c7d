"""A worker process: holds inputs, truths and compilers, and evaluates one job after the other.

Started as `python -I -m kernelgym.evaluators.worker FD SANDBOX`. It never imports a candidate; that happens in the
sandbox it owns. If a candidate's kernels bring down the compiler or the executor, they bring down this process only.
"""

import gc
import sys
import traceback
from multiprocessing.connection import Connection

from kernelgym.evaluators.messages import MAX_FRAME_BYTES, Finished, Job, Message, Refusal, Refused, StageBegan
from rewards.hacks import gate
from sandboxes.compilation import CompilerMissing
from sandboxes.contracts import Stage
from sandboxes.errors import InvalidReference, SandboxesError
from sandboxes.hardware.targets import UnknownTarget
from sandboxes.isolation import create_sandbox
from sandboxes.pipeline import Pipeline, UnknownDevice
from sandboxes.tracing.service import ENTRY


def serve(connection: "Connection[bytes, bytes]", sandbox_kind: str) -> None:
    """Evaluates jobs until the other side hangs up."""
    sandbox = create_sandbox(sandbox_kind, ENTRY)
    pipeline = Pipeline(sandbox, gate, on_stage=lambda stage: _send(connection, StageBegan(stage=stage)))
    gc.collect()
    gc.freeze()  # torch's half a million objects need not be looked through again and again
    try:
        while True:
            try:
                raw = connection.recv_bytes(MAX_FRAME_BYTES)
            except EOFError:
                return
            _send(connection, _answer(pipeline, Job.model_validate_json(raw)))
    finally:
        sandbox.close()


def _answer(pipeline: Pipeline, job: Job) -> Message:
    """Returns the report, or why there is none."""
    try:
        return Finished(report=pipeline.evaluate(job.submission, job.reference, job.config))
    except InvalidReference as error:
        return Refused(why=Refusal.REFERENCE, message=str(error))
    except (UnknownTarget, UnknownDevice) as error:
        return Refused(why=Refusal.CONFIG, message=str(error))
    except (SandboxesError, CompilerMissing) as error:
        return Refused(why=Refusal.INFRASTRUCTURE, message=str(error))
    except Exception as error:  # noqa: BLE001 # the boundary: a bug of ours loses one evaluation, not the worker
        last = traceback.extract_tb(error.__traceback__)[-1]
        words = "".join(traceback.format_exception_only(error)).strip()
        return Refused(why=Refusal.INFRASTRUCTURE, message=f"{words[:1000]} (in {last.name}, line {last.lineno})")


def _send(connection: "Connection[bytes, bytes]", message: Message) -> None:
    connection.send_bytes(message.model_dump_json().encode())


if __name__ == "__main__":
    _send(_connection := Connection(int(sys.argv[1])), StageBegan(stage=Stage.EXTRACT))  # ready
    serve(_connection, sys.argv[2])
