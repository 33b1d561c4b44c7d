"""One candidate on the same values by the CPU executor and by a GPU, output next to output.

The GPU judges alone here: nothing that the CPU found keeps a program from it, so that two opinions can be compared.
Only programs that the CPU knows to stay within their tensors are run, since others would take this process along.
"""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import torch

from rewards.hacks import gate
from sandboxes.contracts import CaseKind, EvalConfig, Reference, Report, Submission
from sandboxes.devices.cpu import CpuDevice
from sandboxes.devices.cuda.device import CudaDevice
from sandboxes.devices.cuda.opening import open_gpu
from sandboxes.devices.device import Device, Program
from sandboxes.isolation import ProcessSandbox
from sandboxes.judge import compare, plan_trials
from sandboxes.nested import clone, labelled
from sandboxes.pipeline import Pipeline
from sandboxes.tracing.service import ENTRY
from sandboxes.truth import Trial, Truth, compute_truth

PATIENCE_S: Final = 60.0
"""For one case on one device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinions:
    """What both devices think of one candidate at its check cases."""

    cases: int
    """Trials that both ran; 0 if it could not be traced."""
    right_on_cpu: bool
    right_on_gpu: bool
    difference: float
    """Largest difference between their outputs, in tolerances of the judge; infinite where equality is asked for."""

    @property
    def agree(self) -> bool:
        """True if both say the same and, where that is that it is right, their outputs are alike."""
        return self.right_on_cpu == self.right_on_gpu and (not self.right_on_cpu or self.difference <= 1.0)


class SideBySide:
    """Runs candidates on both devices, in this process; a context manager.

    Args:
        gpu: What `open_gpu` takes.
        target: The GPU's.
    """

    def __init__(self, gpu: str, target: str) -> None:
        self._config = EvalConfig(target=target, replay_timeout_s=PATIENCE_S)
        self._sandbox = ProcessSandbox(ENTRY)
        self._pipeline = Pipeline(self._sandbox, gate)
        self._cpu: Device = CpuDevice(self._config.precision)
        self._opened = open_gpu(gpu)
        self._gpu: Device = CudaDevice(self._opened, self._config.model_copy(update={"device": "cuda"}))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()
        self._sandbox.close()

    def compare(self, submission: Submission, reference: Reference, seed: int = 11) -> Opinions:
        """Returns what both devices think of a candidate, on values drawn from `seed`."""
        verified = self._pipeline.trace(submission, reference, self._config)
        if isinstance(verified, Report):
            return Opinions(cases=0, right_on_cpu=False, right_on_gpu=False, difference=0.0)
        live = verified.evaluation.reference
        right = {"cpu": True, "gpu": True}
        difference, cases = 0.0, 0
        for trial in plan_trials(live, self._config, seed):
            program = verified.programs.get((trial.case.name, trial.weight_seed))
            if program is None or trial.case.kind is not CaseKind.CHECK:
                continue
            drawn = live.draw(trial.case, trial.distribution, trial.seed)
            on_cpu = _run(self._cpu, program, drawn, trial)
            on_gpu = _run(self._gpu, program, drawn, trial)
            truth = compute_truth(live, trial)  # afterwards, as the judge does
            right["cpu"] &= compare(truth, *on_cpu, explained=False).passed
            right["gpu"] &= compare(truth, *on_gpu, explained=False).passed
            difference = max(difference, _difference(truth, on_cpu[0], on_gpu[0]))
            cases += 1
        return Opinions(cases=cases, right_on_cpu=right["cpu"], right_on_gpu=right["gpu"], difference=difference)


def _run(device: Device, program: Program, drawn: list[Any], trial: Trial) -> tuple[Any, list[Any], tuple[str, ...]]:
    """Returns output, inputs afterwards and changed weights, in the host's memory."""
    run = device.run(program, [clone(item) for item in drawn], {}, time.monotonic() + PATIENCE_S, trial.seed)
    return _on_host(run.output), [_on_host(item) for item in run.inputs], run.changed_weights


def _on_host(value: Any) -> Any:
    """Returns a copy of nested tensors that no later run overwrites."""
    if isinstance(value, (tuple, list)):
        return type(value)(_on_host(item) for item in value)
    return value.detach().to("cpu", copy=True) if isinstance(value, torch.Tensor) else value


def _difference(truth: Truth, first: Any, second: Any) -> float:
    """Returns the largest difference between two outputs in tolerances."""
    largest = 0.0
    pairs = zip(labelled(first), labelled(second), truth.outputs, strict=False)
    for (_, mine), (_, theirs), expected in pairs:
        if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
            return float("inf")
        if not mine.numel():
            continue
        if not mine.dtype.is_floating_point:
            largest = max(largest, 0.0 if torch.equal(mine, theirs) else float("inf"))
            continue
        a, b = mine.double(), theirs.double()
        off = torch.where((a == b) | (a.isnan() & b.isnan()) | expected.value.isnan(), 0.0, (a - b).abs())
        worst = float(torch.nan_to_num(off, nan=float("inf")).max())
        if worst:
            largest = max(largest, worst / expected.tolerance if expected.tolerance else float("inf"))
    return largest
