"""One look at a traced candidate on the GPU, for a profiler that has started this process.

    python -I -m sandboxes.devices.cuda.sections.replaying FOLDER --limit-s SECONDS

It reads what to run from a folder (`Folder`), compiles and warms up, and then launches the bench case once between
`cudaProfilerStart` and `cudaProfilerStop`, on random inputs of its own: that is all that tools are to see. The
candidate's Python does not run here, nor anything of it that was compiled elsewhere. What was launched, in order, is
written into the folder, and so is the reason if there is nothing to look at.
"""

import argparse
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch

from sandboxes.bundle import job_digest, unpack
from sandboxes.compilation import CompileFailure
from sandboxes.compile_helper import CompileHelper
from sandboxes.contracts import AtenCall, Finding, Launch, Report, Target
from sandboxes.devices.cuda.arena import Arena
from sandboxes.devices.cuda.device import CudaDevice
from sandboxes.devices.cuda.errors import GpuError
from sandboxes.devices.cuda.gpu import Gpu
from sandboxes.devices.cuda.opening import open_gpu
from sandboxes.devices.cuda.running import forward, launcher, lay_out, load, needed_bytes
from sandboxes.devices.cuda.sections.folder import Assignment, Folder, Step, Told
from sandboxes.devices.cuda.sections.section import Tool
from sandboxes.devices.cuda.turn import turn
from sandboxes.devices.device import Choice, Program
from sandboxes.errors import BrokenBundle, SandboxesError
from sandboxes.evaluation import Verified
from sandboxes.faults import Fault
from sandboxes.gate import Evidence, Measured
from sandboxes.operators import operator
from sandboxes.pipeline import Pipeline
from sandboxes.rehearsal import compile_all
from sandboxes.replay import OutOfTime, Values

WARM_UPS: Final = 3
"""Runs before the one that is looked at."""
PROTON_RUNS: Final = 5
"""Runs that Proton sums up; it replays nothing by itself."""
SCOPE: Final = "kernelgym.node."
"""How Proton's scopes begin; a node's number follows."""

Scope = Callable[[int], AbstractContextManager[Any]]


class ProtonRefused(Exception):
    """Proton is not here, or can't look."""


class Judged:
    """A gate that lets everything pass: what comes here has been judged."""

    def examine(self, evidence: Evidence) -> Sequence[Finding]:
        """Finds nothing."""
        return ()

    def conclude(self, measured: Measured) -> Sequence[Finding]:
        """Finds nothing."""
        return ()


def replay_in(folder: Folder, windows: "Windows | None" = None) -> None:
    """Does what a folder asks for, and says in it how that ended.

    Args:
        folder: The assignment's.
        windows: What opens a tool's eyes; None: the tool's own.

    Raises:
        BrokenBundle: The folder holds no assignment.
    """
    assignment, bundle = folder.assignment()
    try:
        folder.tell(_replayed(assignment, bundle, windows or Windows(folder)))
    except (SandboxesError, Fault, GpuError, CompileFailure, OutOfTime, ProtonRefused) as error:
        folder.tell(Told(failure=" ".join(str(error).split())[:1000] or type(error).__name__))


class Windows:
    """Opens and closes a tool's eyes.

    Args:
        folder: Where Proton leaves what it saw.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @contextmanager
    def ncu(self) -> Iterator[None]:
        """Inside it Nsight Compute looks."""
        torch.cuda.profiler.start()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            torch.cuda.profiler.stop()  # type: ignore[no-untyped-call]

    @contextmanager
    def proton(self) -> Iterator[Scope]:
        """Inside it Proton looks; what is launched inside a scope is a node's.

        Raises:
            ProtonRefused: It can't.
        """
        try:
            import triton.profiler as proton  # noqa: PLC0415 - some builds of Triton have none

            session = proton.start(str(self._folder.proton), context="shadow", data="tree", backend="cupti")
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            raise ProtonRefused(f"Proton can't look at this GPU: {error}") from error
        if session is None:
            raise ProtonRefused("Proton is switched off (TRITON_PROTON_DISABLE); unset that")
        try:
            yield lambda node: proton.scope(f"{SCOPE}{node}")
        finally:
            proton.finalize(session, "hatchet")


def _replayed(assignment: Assignment, bundle: bytes, windows: Windows) -> Told:
    """Runs the program under the eyes of a tool; returns what it launched."""
    helper = CompileHelper()  # before there is a context, which no fork may have
    try:
        gpu, verified = _opened(assignment, bundle)
        config, target = assignment.config, verified.evaluation.target
        program = compile_all(verified, helper.precompile)
        with turn(None if gpu.facts.simulated else gpu.facts.uuid):
            inputs = _inputs(verified)
            deadline_s = time.monotonic() + config.compile_timeout_s + config.replay_timeout_s
            program, choice = CudaDevice(gpu, config).choose(
                program, lambda: inputs, lambda order: program, target, deadline_s
            )
            with gpu.faults(), gpu.precision(config.precision):
                looked = Looked(gpu, program, choice, inputs, target)
                return Told(steps=_look(gpu, looked, assignment.tool, windows), device=gpu.facts.title)
    finally:
        helper.close()


def _opened(assignment: Assignment, bundle: bytes) -> tuple[Gpu, Verified]:
    """Opens the GPU and verifies the candidate once more.

    Raises:
        BrokenBundle: The bundle is of something else, or damaged.
        NoGpu, GpuLost: There is no GPU for it.
        Fault: The trace is not in order.
    """
    submission, reference, config = assignment.submission, assignment.reference, assignment.config
    _, answer = unpack(bundle, job_digest(submission, reference, config))
    opened: list[Gpu] = []

    def opener() -> Gpu:
        opened.append(open_gpu(assignment.gpu))
        return opened[0]

    found = Pipeline(None, Judged(), gpu=opener).resume(submission, reference, config, answer, {})
    if isinstance(found, Report):
        why = found.diagnostics[0].message if found.diagnostics else str(found.outcome)
        raise BrokenBundle(f"what was traced can't be taken up again: {why}")
    if not opened:
        raise BrokenBundle(f"sections look at a GPU, and the device is {config.device!r}")
    return opened[0], found


def _inputs(verified: Verified) -> list[Any]:
    """Returns random inputs of the bench case."""
    evaluation = verified.evaluation
    reference = evaluation.reference
    if evaluation.bench.hollow:
        raise BrokenBundle(f"the bench case {evaluation.bench.name} is too large to run; there is nothing to look at")
    return reference.draw(evaluation.bench, reference.distributions[0], secrets.randbits(31))


class Looked:
    """A program that is laid out and can be run again and again, on the same memory; its launches are written down.

    What a run changes in place, the next one finds changed.

    Args:
        gpu: Where; the caller is inside of its `faults` and `precision`.
        program: What, compiled.
        choice: The variants to run.
        inputs: Values, wherever they are.
        target: What to compile for.
    """

    def __init__(self, gpu: Gpu, program: Program, choice: Choice, inputs: Sequence[Any], target: Target) -> None:
        self._gpu = gpu
        self._program = program
        self._choice = choice
        self._launch = launcher(gpu, load(gpu, program, choice, target), choice)
        self._laid = lay_out(
            program, inputs, Arena(gpu, needed_bytes(program, inputs, guarded=False)).slot(0), guarded=False
        )
        self._steps: list[Step] = []

    def run(self, scope: Scope | None = None) -> tuple[Step, ...]:
        """Runs it, without waiting for it; returns what may have launched kernels, in order.

        Args:
            scope: What each node is inside of.
        """
        self._steps = []
        forward(self._gpu, self._program, self._laid, self._launched, mark=partial(self._around, scope))
        return tuple(self._steps)

    def _launched(self, index: int, node: Launch, values: Values) -> None:
        self._launch(index, node, values)
        number = self._choice.get(index, 0)
        if all(node.variants[number].grid):
            self._steps.append(Step(node=index, kernel=self._program.kernels[index, number].name))

    @contextmanager
    def _around(self, scope: Scope | None, index: int) -> Iterator[None]:
        node = self._program.trace.nodes[index]
        if isinstance(node, AtenCall) and _may_launch(node):
            self._steps.append(Step(node=index, kernel=None))
        with scope(index) if scope is not None else nullcontext():
            yield


def _look(gpu: Gpu, looked: Looked, tool: Tool, windows: Windows) -> tuple[Step, ...]:
    """Warms up, and runs a program under the eyes of a tool."""
    for _ in range(WARM_UPS):
        looked.run()
        gpu.synchronize()
    if tool is Tool.NCU:
        with windows.ncu():
            steps = looked.run()
            gpu.synchronize()
        return steps
    with windows.proton() as scope:
        for _ in range(PROTON_RUNS):
            steps = looked.run(scope)
            gpu.synchronize()
    return steps


def _may_launch(call: AtenCall) -> bool:
    """True if an operator is neither a view nor an allocation."""
    op = operator(call.operator)
    return bool(op.written) or (op.fresh and not op.allocates)


def main() -> None:
    """Replays what a folder holds; ends when its time is up, also if the driver does not come back."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit-s", type=int, required=True)
    options = parser.parse_args()
    signal.alarm(options.limit_s)
    folder = Folder(options.folder)
    replay_in(folder)
    told = folder.told()
    if told is not None and told.failure is not None:
        sys.exit(told.failure)


if __name__ == "__main__":
    main()
