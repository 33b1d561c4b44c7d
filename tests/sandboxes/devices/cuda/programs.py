"""Programs for a simulated GPU: candidates that are traced and verified, kernels that are loaded without a compiler."""

import time
from dataclasses import replace
from typing import Any

import torch

from sandboxes.compilation import CompiledKernel
from sandboxes.contracts import (
    CaseResult,
    EvalConfig,
    Launch,
    Precision,
    Reference,
    Resources,
    Submission,
    Target,
    TensorSpec,
    Variant,
)
from sandboxes.dataflow import analyse
from sandboxes.devices.cuda.device import CudaDevice
from sandboxes.devices.cuda.simulated.clock import QUIET
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu, SimulatedKernel
from sandboxes.devices.device import Choice, Program, Run
from sandboxes.hardware.targets import get_target
from sandboxes.judge import bench_trial, plan_trials
from sandboxes.reference import LiveReference
from sandboxes.trials import Court
from sandboxes.truth_cache import TruthCache
from sandboxes.ttir import parse
from sandboxes.validation import load_constants, validate
from tests.tracer import Tracer, case

CONFIG = EvalConfig(precision=Precision.FP32)


def compiled(variant: Variant) -> CompiledKernel:
    """What a compiler might have made of a variant."""
    resources = Resources(
        registers=32,
        spill_bytes=0,
        shared_bytes=0,
        threads=variant.num_warps * 32,
        occupancy=1.0,
        limited_by="nothing",
    )
    return CompiledKernel(name="kernel", resources=resources, machine_code=b"", assembly="")


class QuickGpu(SimulatedGpu):
    """Loads kernels without compiling them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(noise=QUIET, **options)

    def load(self, variant: Variant, target: Target) -> SimulatedKernel:
        return SimulatedKernel(module=parse(variant.ttir), compiled=compiled(variant), num_stages=variant.num_stages)


def program(tracer: Tracer, source: str, *inputs: TensorSpec) -> Program:
    """A candidate at one case, as it comes out of verification."""
    small = case(*inputs)
    traced = tracer.run(source, cases=[small])
    assert traced.failure is None, traced.failure
    trace = traced.traces[0]
    constants = load_constants(traced.blobs[0, trace.weight_seed]) if traced.blobs else {}
    validate(trace, small, constants)
    return Program(trace=trace, flow=analyse(trace), constants=constants, kernels={})


def compile_all(program: Program) -> Program:
    """The program with all its variants compiled."""
    return replace(
        program,
        kernels={
            (index, number): compiled(variant)
            for index, node in enumerate(program.trace.nodes)
            if isinstance(node, Launch)
            for number, variant in enumerate(node.variants)
        },
    )


def run(program: Program, *inputs: torch.Tensor, choice: Choice | None = None, device: CudaDevice | None = None) -> Run:
    """One judged run."""
    device = device or CudaDevice(QuickGpu(), CONFIG)
    return device.run(program, list(inputs), choice or {}, time.monotonic() + 60, seed=0)


def choose(program: Program, *inputs: torch.Tensor, gpu: SimulatedGpu | None = None, limit_s: float = 60.0) -> Choice:
    """The variants that a GPU prefers."""
    device = CudaDevice(gpu or QuickGpu(), CONFIG)
    target = get_target(CONFIG.target)
    deadline_s = time.monotonic() + limit_s
    return device.choose(program, lambda: list(inputs), lambda order: compile_all(program), target, deadline_s)[1]


REFERENCE = """
import torch
from torch import nn

CHECK_SHAPES = [dict(n=100), dict(n=300)]


class Model(nn.Module):
    def forward(self, x):
        return x * 2


def get_init_inputs():
    return []


def get_inputs(n=1000):
    return [torch.randn(n)]
"""


DOUBLING = Reference(id="test", source=REFERENCE)


class Trialled:
    """A candidate and a reference before a court whose device is a simulated GPU.

    Args:
        tracer: Traces.
        source: The candidate's.
        reference: What it has to match; twice its input by default.
        gpu: Where kernels run.
        config: With what precision.
    """

    def __init__(
        self,
        tracer: Tracer,
        source: str,
        reference: Reference = DOUBLING,
        gpu: SimulatedGpu | None = None,
        config: EvalConfig = CONFIG,
    ) -> None:
        self.reference = LiveReference(reference)
        self.submission = Submission(source=source)
        traced = tracer.run(source, cases=self.reference.cases)
        assert traced.failure is None, traced.failure
        self.programs: dict[tuple[str, int], Program] = {}
        for trace in traced.traces:
            case = next(case for case in self.reference.cases if case.name == trace.case)
            blob = traced.blobs.get((case.module, trace.weight_seed))
            constants = load_constants(blob) if blob is not None and not case.hollow else {}
            self.programs[trace.case, trace.weight_seed] = Program(
                trace=trace, flow=analyse(trace), constants=constants, kernels={}, hollow=case.hollow
            )
        seed = config.weight_seeds[0]
        self.bench = bench_trial(self.reference.cases[-1], config, 5, self.reference.distributions, once=True)
        self.program = compile_all(self.programs[self.bench.case.name, seed])
        self.trials = [replace(trial, once=True) for trial in plan_trials(self.reference, config, 3)]
        self.device = CudaDevice(gpu or QuickGpu(), config)
        self.court = Court(self.reference, TruthCache(), self.device, self.submission, config)

    def check(self) -> list[CaseResult]:
        """Tries the check cases and the bench case."""
        results = self.court.check(self.programs, self.trials, self.program.trace, {})
        return [*results, self.court.check_bench(self.program, self.bench, {})[0]]
