"""From a program that was judged on a GPU to its profile: counted on the CPU, timed on the GPU."""

import time

import pytest
import torch

from sandboxes.contracts import EvalConfig, Profile
from sandboxes.devices.cuda import counting
from sandboxes.devices.cuda.arena import Arena
from sandboxes.devices.cuda.counting import Counting
from sandboxes.devices.cuda.device import CudaDevice
from sandboxes.devices.cuda.running import forward, launcher, lay_out, load, needed_bytes
from sandboxes.devices.device import Rival
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.work import Work
from sandboxes.reference_trace import trace_reference
from sandboxes.trials import Court
from sandboxes.truth_cache import TruthCache
from tests.sandboxes.devices.cuda.programs import CONFIG, QuickGpu, Trialled, compile_all, program
from tests.tracer import Tracer, candidate, spec
from tests.tracer import forward as forwards

TARGET = get_target(CONFIG.target)

GATHERED = candidate(
    """
    @triton.jit
    def gather_kernel(x_ptr, at_ptr, y_ptr, n, BLOCK: tl.constexpr):
        i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        at = tl.load(at_ptr + i, mask=i < n)
        tl.store(y_ptr + i, tl.load(x_ptr + at, mask=i < n), mask=i < n)


    class ModelNew(nn.Module):
        def forward(self, x, at):
            y = torch.empty_like(x)
            gather_kernel[(triton.cdiv(x.numel(), 1024),)](x, at, y, x.numel(), BLOCK=1024)
            return y
    """
)


def counted(tracer: Tracer, count: int = 1024) -> Work:
    """The work of a gather far apart, as it is counted next to a GPU."""
    gathers = compile_all(program(tracer, GATHERED, spec(count), spec(count, dtype="int64")))
    gpu = QuickGpu()
    inputs = [torch.ones(count), torch.arange(count) * 8 % count]
    choice = dict(gathers.kernels.keys())
    counts = Counting(gathers, choice, time.monotonic() + 60, seed=1)
    slot = Arena(gpu, needed_bytes(gathers, inputs, guarded=False)).slot(0)
    laid = lay_out(gathers, inputs, slot, guarded=False)
    forward(gpu, gathers, laid, counts.around(launcher(gpu, load(gpu, gathers, choice, TARGET), choice)))
    return next(iter(counts.launched().values())).work


def test_what_depends_on_numbers_is_counted_on_the_numbers_that_are_there(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = counted(tracer)
    monkeypatch.setattr(counting, "MOST_COPIED_BYTES", 0)
    assert counted(tracer).requested_bytes == seen.requested_bytes
    assert counted(tracer).read_bytes < seen.read_bytes  # without numbers all indices are the same


def test_a_launch_that_can_not_be_counted_is_left_out(tracer: Tracer) -> None:
    doubled = compile_all(program(tracer, forwards("return scale(x)"), spec(100)))
    for deadline_s, known in ((float("inf"), 1), (0.0, 0)):
        assert len(Counting(doubled, dict(doubled.kernels.keys()), deadline_s, seed=1).launched()) == known


def profiled(tracer: Tracer, gpu: QuickGpu) -> Profile:
    trialled = Trialled(tracer, forwards("return scale(x)"), gpu=gpu)
    config = EvalConfig(precision=CONFIG.precision, measure_timeout_s=0.2)
    device = CudaDevice(gpu, config)
    court = Court(trialled.reference, TruthCache(), device, trialled.submission, config)
    compiled, choice = court.choose(trialled.program, trialled.bench, lambda order: trialled.program, TARGET)
    _, run = court.check_bench(compiled, trialled.bench, choice)
    rival = Rival(
        reference=trialled.reference,
        graph=trace_reference(trialled.reference, trialled.bench.case),
        trial=trialled.bench,
    )
    return court.profile(compiled, trialled.bench, choice, run, rival, TARGET)


def test_the_bench_case_is_profiled_where_it_ran(tracer: Tracer) -> None:
    profile = profiled(tracer, QuickGpu())
    assert profile.source == "modelled"
    assert "simulated" in profile.device
    assert profile.time_us > 0
    assert profile.reference_time_us > 0
    assert profile.measurement is not None
    assert profile.measurement.rounds > 1
    assert [(node.name, node.custom) for node in profile.nodes] == [("scale_kernel", True)]
    assert (profile.nodes[0].bytes or 0) >= 8000
