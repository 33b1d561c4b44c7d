"""A worker process: holds inputs, truths and compilers, and evaluates one job after the other.

Started as `python -I -m kernelgym.evaluators.worker FD SANDBOX`, with `--truths FOLDER`, `--gpu NAME` and, for a spare
one, `--warm gpu,sandbox`; or told the same as a fork of `kernelgym.evaluators.cradle`. It never imports a candidate;
that happens in the sandbox it owns. If a candidate's kernels bring down the compiler or the executor, or spoil the GPU
for it, only this process goes with them.
"""

import argparse
import gc
import os
import resource
import select
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from kernelgym.evaluators.compile_cache import CompileCache
from kernelgym.evaluators.messages import (
    ASSIGNMENT,
    MAX_FRAME_BYTES,
    Assignment,
    Described,
    Finished,
    Handed,
    Inquiry,
    Inspected,
    Inspection,
    Job,
    Message,
    Preparation,
    Ready,
    Refusal,
    Refused,
    Replaying,
    Sheltered,
    Spoiled,
    StageBegan,
    Tracing,
    TurnChanged,
)
from kernelgym.evaluators.same_target import OtherTarget, check_same_target
from rewards.hacks import gate
from sandboxes.bundle import MAX_BUNDLE_BYTES, Bundle, job_digest, pack, unpack
from sandboxes.contracts import EvalConfig, Report, Stage
from sandboxes.description import describe
from sandboxes.devices.cuda.errors import NoGpu
from sandboxes.devices.cuda.opening import AUTO, fits, open_gpu
from sandboxes.errors import InvalidReference, SandboxesError
from sandboxes.hardware.targets import TARGETS, BadTarget, UnknownTarget
from sandboxes.inspection import inspect
from sandboxes.isolation.factory import create_sandbox, describe_sandbox
from sandboxes.isolation.footprint import readable_paths
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.protection import Protection
from sandboxes.journal import versions
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


class Workshop:
    """What a worker works with: one pipeline, and a sandbox as soon as a candidate has to be traced.

    Args:
        connection: To the parent.
        sandbox_kind: Of the sandbox.
        truths: Folder in which the workers of a machine keep truths; used only where the sandbox hides it.
        gpu: Which GPU is opened when a candidate needs one.
    """

    def __init__(
        self, connection: "Connection[bytes, bytes]", sandbox_kind: str, truths: Path | None = None, gpu: str = AUTO
    ) -> None:
        self._truths = truths
        self._connection = connection
        self._sandbox_kind = sandbox_kind
        self._sandbox: ForkingSandbox | None = None
        self._words = ""
        self._gpu = gpu
        self._pipeline = Pipeline(
            None,
            gate,
            on_stage=lambda stage: _send(connection, StageBegan(stage=stage)),
            gpu=partial(open_gpu, gpu),
            on_turn=lambda turn: _send(connection, TurnChanged(turn=turn)),
        )
        gc.collect()
        gc.freeze()  # torch's half a million objects need not be looked through again and again

    def do(self, task: Assignment, bundle: bytes) -> "Message | tuple[Handed, bytes]":
        """Returns the answer to a task, or to half a one, and never raises.

        Without a sandbox it refuses what needs one, and tries again at the next: somebody may install what is missing.
        """
        try:
            match task:
                case Inquiry():
                    return Described(description=describe(task.reference))
                case Inspection():
                    return Inspected(weaknesses=inspect(task.reference))
                case Preparation():
                    return self._prepare(task.config)
                case Replaying():
                    self._prepare_truths()
                    return self._replay(task.job, bundle)
            if self._sandbox is None and (refused := self._open_sandbox()) is not None:
                return refused
            self._prepare_truths()
            return self._trace(task.job) if isinstance(task, Tracing) else self._evaluate(task)
        except InvalidReference as error:
            return Refused(why=Refusal.REFERENCE, message=str(error))
        except (UnknownTarget, BadTarget, OtherTarget, UnknownDevice) as error:
            return Refused(why=Refusal.CONFIG, message=str(error))
        except NoGpu as error:  # who measures what others have traced has had one
            why = Refusal.INFRASTRUCTURE if isinstance(task, Replaying) else Refusal.DEVICE
            return Refused(why=why, message=str(error))
        except SandboxesError as error:
            return Refused(why=Refusal.INFRASTRUCTURE, message=str(error))
        except Exception as error:  # noqa: BLE001 # the boundary: a bug of ours loses one evaluation, not the worker
            return _broken(error)

    @property
    def spoiled(self) -> str | None:
        """Why this process can't use its GPU any more; None as long as it can."""
        return self._pipeline.spoiled

    def warm_up(self, parts: Sequence[str]) -> None:
        """Makes ready what the next candidate needs, before there is one.

        Args:
            parts: `gpu`, `sandbox`, or both.

        Raises:
            NoGpu, GpuLost: There is no GPU that can be used.
            SandboxUnavailable, SandboxBroken: The sandbox does not start.
        """
        if "gpu" in parts:
            self._pipeline.open_gpu()
        if "sandbox" in parts and self._open_sandbox() is None and self._sandbox is not None:
            self._sandbox.warm_up()

    def close(self) -> None:
        """Ends the sandbox, and gives the GPU back."""
        self._pipeline.close()
        if self._sandbox is not None:
            self._sandbox.close()

    def _prepare(self, config: EvalConfig | None) -> Ready:
        facts = self._pipeline.open_gpu(config)
        return Ready(
            title=facts.title,
            uuid=facts.uuid,
            arch=facts.arch,
            versions=facts.versions,
            simulated=facts.simulated,
            targets=tuple(name for name, target in TARGETS.items() if fits(facts, target)),
        )

    def _evaluate(self, job: Job) -> Finished:
        check_same_target(job)
        return _finished(self._pipeline.evaluate(job.submission, job.reference, job.config), self._words)

    def _trace(self, job: Job) -> "Message | tuple[Handed, bytes]":
        check_same_target(job)
        found = self._pipeline.trace(job.submission, job.reference, job.config)
        if isinstance(found, Report):
            return _finished(found, self._words)
        timings_s = found.evaluation.journal.timings_s
        digest = job_digest(job.submission, job.reference, job.config)
        header = Bundle(job=digest, versions=versions(), sandbox=self._words, timings_s=timings_s)
        packed = pack(header, found.answer)
        if len(packed) > MAX_BUNDLE_BYTES:
            if job.config.device != "cpu":
                words = (
                    f"{len(packed) / 2**20:.0f} MiB of constants and traces would have to be sent to a GPU elsewhere, "
                    f"{MAX_BUNDLE_BYTES / 2**20:.0f} are allowed; evaluate it on the GPU's machine, where nothing is "
                    "sent (kernelgym serve --gpu auto, or the evaluator local), or with smaller weights"
                )
                return Refused(why=Refusal.TOO_LONG, message=words)
            return _finished(self._pipeline.replay(found), self._words)
        return Handed(timings_s=timings_s), packed

    def _replay(self, job: Job, raw: bytes) -> Finished:
        check_same_target(job)
        bundle, answer = unpack(raw, job_digest(job.submission, job.reference, job.config))
        found = self._pipeline.resume(job.submission, job.reference, job.config, answer, bundle.timings_s)
        report = found if isinstance(found, Report) else self._pipeline.replay(found)
        return _finished(report, bundle.sandbox)

    def _prepare_truths(self) -> None:
        """Has truths kept, once it is known that no candidate of such a sandbox sees them; else they are not."""
        folder, self._truths = self._truths, None
        if folder is None:
            return
        sandbox = self._sandbox or _create(self._sandbox_kind)
        if isinstance(sandbox, Refused):  # the others of this machine trace in none, either
            return
        try:
            sandbox.warm_up()
            hidden = Protection.HIDDEN_FILES in sandbox.protections
        except SandboxesError:
            return
        finally:
            if sandbox is not self._sandbox:
                sandbox.close()
        if hidden and not any(folder.resolve().is_relative_to(path) for path in readable_paths()):
            self._pipeline.keep_truths(folder)

    def _open_sandbox(self) -> Refused | None:
        """Opens the sandbox; returns why there is none."""
        sandbox = _create(self._sandbox_kind)
        if isinstance(sandbox, Refused):
            return sandbox
        self._sandbox = self._pipeline.sandbox = sandbox
        self._words = describe_sandbox(sandbox)
        sandbox.on_ready = partial(_announce, self._connection, sandbox, self._words)
        return None


def serve(connection: "Connection[bytes, bytes]", workshop: Workshop, cache: CompileCache) -> None:
    """Does what it is told until the other side hangs up, or its GPU is spoiled."""
    try:
        for task, bundle in _tasks(connection):
            answer = workshop.do(task, bundle)
            if not isinstance(task, Inquiry | Inspection | Preparation):
                cache.job_done()  # before the answer: after it another worker may use the folder
            if workshop.spoiled is not None:
                _send(connection, Spoiled(why=workshop.spoiled))
            if isinstance(answer, tuple):
                message, raw = answer
                _send(connection, message)
                connection.send_bytes(raw)
            else:
                _send(connection, answer)
    finally:
        workshop.close()


def _announce(connection: "Connection[bytes, bytes]", sandbox: ForkingSandbox, words: str) -> None:
    _send(connection, Sheltered(sandbox=words, gaps=sandbox.gaps))


def _tasks(connection: "Connection[bytes, bytes]") -> Iterator[tuple[Assignment, bytes]]:
    """Yields what to do, and the bundle that came with it; empty if none did."""
    while True:
        try:
            task = ASSIGNMENT.validate_json(connection.recv_bytes(MAX_FRAME_BYTES))
            bundle = connection.recv_bytes(MAX_FRAME_BYTES) if isinstance(task, Replaying) else b""
        except EOFError:
            return
        yield task, bundle


def _create(sandbox_kind: str) -> ForkingSandbox | Refused:
    """Returns the sandbox, or why there is none: never the fault of who asks, who does not choose it."""
    try:
        return create_sandbox(sandbox_kind, ENTRY)
    except (SandboxesError, ValueError) as error:
        return Refused(why=Refusal.INFRASTRUCTURE, message=str(error))


def end_with(parent: int) -> None:
    """Ends this process as soon as `parent` does, whatever it is doing: nobody is left to read the answer.

    By looking and not by a signal of the kernel's, which comes when the *thread* that started this process ends.
    """

    def watch() -> None:
        with suppress(OSError):  # it has ended
            select.select([os.pidfd_open(parent)], [], [])
        os._exit(1)

    threading.Thread(target=watch, name="kernelgym-parent", daemon=True).start()


def _finished(report: Report, sandbox: str) -> Finished:
    """Returns the report with the sandbox that it comes from, validated once more."""
    versions = report.versions | {"sandbox": sandbox}
    return Finished(report=Report.model_validate(report.model_copy(update={"versions": versions}).model_dump()))


def _broken(error: Exception) -> Refused:
    last = traceback.extract_tb(error.__traceback__)[-1]
    words = "".join(traceback.format_exception_only(error)).strip()
    return Refused(why=Refusal.INFRASTRUCTURE, message=f"{words[:1000]} (in {last.name}, line {last.lineno})")


def _send(connection: "Connection[bytes, bytes]", message: Message) -> None:
    connection.send_bytes(message.model_dump_json().encode())


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns what a worker was told; None: by the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("descriptor", type=int)
    parser.add_argument("sandbox")
    parser.add_argument("--truths", type=Path)
    parser.add_argument("--gpu", default=AUTO)
    parser.add_argument("--warm", default="")
    return parser.parse_args(arguments)


def work(told: argparse.Namespace, parent: int) -> None:
    """Works until nobody is left to work for.

    Args:
        told: See `read_arguments`.
        parent: The process it works for.
    """
    bound_memory()
    end_with(parent)
    connection: Connection[bytes, bytes] = Connection(told.descriptor)
    if told.warm:
        workshop = Workshop(connection, told.sandbox, told.truths, told.gpu)
        workshop.warm_up(told.warm.split(","))
        _send(connection, StageBegan(stage=Stage.EXTRACT))  # ready
    else:
        _send(connection, StageBegan(stage=Stage.EXTRACT))  # ready, but for what it makes while the task comes
        workshop = Workshop(connection, told.sandbox, told.truths, told.gpu)
    serve(connection, workshop, CompileCache(Path(os.environ["TRITON_CACHE_DIR"])))


def main() -> None:
    """Works until nobody is left to work for."""
    work(read_arguments(), os.getppid())


if __name__ == "__main__":
    main()
