"""A worker process: holds inputs, truths and compilers, and evaluates one job after the other.

Started as `python -I -m kernelgym.evaluators.worker FD SANDBOX`. It never imports a candidate; that happens in the
sandbox it owns. If a candidate's kernels bring down the compiler or the executor, they bring down this process only.
"""

import gc
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from kernelgym.evaluators.compile_cache import CompileCache
from kernelgym.evaluators.messages import (
    MAX_FRAME_BYTES,
    TASK,
    Described,
    Finished,
    Inquiry,
    Inspected,
    Inspection,
    Job,
    Message,
    Refusal,
    Refused,
    Sheltered,
    StageBegan,
    Task,
)
from rewards.hacks import gate
from sandboxes.compilation import CompilerMissing
from sandboxes.contracts import Report, Stage
from sandboxes.description import describe
from sandboxes.errors import InvalidReference, SandboxesError
from sandboxes.hardware.targets import UnknownTarget
from sandboxes.inspection import inspect
from sandboxes.isolation.factory import create_sandbox, describe_sandbox
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.pipeline import Pipeline, UnknownDevice
from sandboxes.tracing.service import ENTRY

MAX_DATA_BYTES = 12 * 2**30
"""Memory of its own that a worker may have; torch's allocator reports more as an error, which is a verdict."""


def bound_memory() -> None:
    """Sees to it that a candidate's tensors hurt nobody but this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = MAX_DATA_BYTES if hard == resource.RLIM_INFINITY else min(MAX_DATA_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    with suppress(OSError):  # if memory runs out all the same, the kernel ends this process first
        Path("/proc/self/oom_score_adj").write_text("500")


def serve(connection: "Connection[bytes, bytes]", sandbox_kind: str, cache: CompileCache) -> None:
    """Evaluates jobs until the other side hangs up.

    Without a sandbox it refuses them, and tries again at the next: somebody may install what is missing.
    """
    sandbox: ForkingSandbox | Refused | None = None
    try:
        for task in _tasks(connection):
            if isinstance(task, Inquiry):
                _send(connection, _describe(task))
                continue
            if isinstance(task, Inspection):
                _send(connection, _inspect(task))
                continue
            if not isinstance(sandbox, ForkingSandbox):
                sandbox = _create(sandbox_kind)
                if isinstance(sandbox, Refused):
                    _send(connection, sandbox)
                    continue
                pipeline = Pipeline(sandbox, gate, on_stage=lambda stage: _send(connection, StageBegan(stage=stage)))
                words = describe_sandbox(sandbox)
                sandbox.on_ready = partial(_announce, connection, sandbox, words)
                gc.collect()
                gc.freeze()  # torch's half a million objects need not be looked through again and again
            _send(connection, _answer(pipeline, task, words))
            cache.job_done()
    finally:
        if isinstance(sandbox, ForkingSandbox):
            sandbox.close()


def _announce(connection: "Connection[bytes, bytes]", sandbox: ForkingSandbox, words: str) -> None:
    _send(connection, Sheltered(sandbox=words, gaps=sandbox.gaps))


def _tasks(connection: "Connection[bytes, bytes]") -> Iterator[Task]:
    while True:
        try:
            raw = connection.recv_bytes(MAX_FRAME_BYTES)
        except EOFError:
            return
        yield TASK.validate_json(raw)


def _create(sandbox_kind: str) -> ForkingSandbox | Refused:
    """Returns the sandbox, or why there is none."""
    try:
        return create_sandbox(sandbox_kind, ENTRY)
    except SandboxesError as error:
        return Refused(why=Refusal.INFRASTRUCTURE, message=str(error))
    except ValueError as error:
        return Refused(why=Refusal.CONFIG, message=str(error))


def _describe(inquiry: Inquiry) -> Message:
    """Returns the description, or why there is none."""
    try:
        return Described(description=describe(inquiry.reference))
    except InvalidReference as error:
        return Refused(why=Refusal.REFERENCE, message=str(error))
    except Exception as error:  # noqa: BLE001 # the boundary, as in `_answer`
        return _broken(error)


def _inspect(inspection: Inspection) -> Message:
    """Returns what is weak about the reference, or why that can't be told."""
    try:
        return Inspected(weaknesses=inspect(inspection.reference))
    except InvalidReference as error:
        return Refused(why=Refusal.REFERENCE, message=str(error))
    except Exception as error:  # noqa: BLE001 # the boundary, as in `_answer`
        return _broken(error)


def _answer(pipeline: Pipeline, job: Job, sandbox: str) -> Message:
    """Returns the report, which also says what sandbox it comes from, or why there is none."""
    try:
        report = pipeline.evaluate(job.submission, job.reference, job.config)
        versions = report.versions | {"sandbox": sandbox}
        return Finished(report=Report.model_validate(report.model_copy(update={"versions": versions}).model_dump()))
    except InvalidReference as error:
        return Refused(why=Refusal.REFERENCE, message=str(error))
    except (UnknownTarget, UnknownDevice) as error:
        return Refused(why=Refusal.CONFIG, message=str(error))
    except (SandboxesError, CompilerMissing) as error:
        return Refused(why=Refusal.INFRASTRUCTURE, message=str(error))
    except Exception as error:  # noqa: BLE001 # the boundary: a bug of ours loses one evaluation, not the worker
        return _broken(error)


def _broken(error: Exception) -> Refused:
    last = traceback.extract_tb(error.__traceback__)[-1]
    words = "".join(traceback.format_exception_only(error)).strip()
    return Refused(why=Refusal.INFRASTRUCTURE, message=f"{words[:1000]} (in {last.name}, line {last.lineno})")


def _send(connection: "Connection[bytes, bytes]", message: Message) -> None:
    connection.send_bytes(message.model_dump_json().encode())


if __name__ == "__main__":
    bound_memory()
    _send(_connection := Connection(int(sys.argv[1])), StageBegan(stage=Stage.EXTRACT))  # ready
    serve(_connection, sys.argv[2], CompileCache(Path(os.environ["TRITON_CACHE_DIR"])))
