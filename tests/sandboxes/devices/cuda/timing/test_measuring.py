"""A candidate and its reference, timed on a simulated GPU: every timed run has to be right."""

import ctypes
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from sandboxes.contracts import Outcome, Precision, Reference, Target, TimingFlag
from sandboxes.devices.cuda.arena import Arena
from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.gpu import DeviceEvent, Mark, Prepared, Sample
from sandboxes.devices.cuda.running import load, needed_bytes
from sandboxes.devices.cuda.simulated.clock import Noise
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu
from sandboxes.devices.cuda.timing import sides
from sandboxes.devices.cuda.timing.freshness import Values
from sandboxes.devices.cuda.timing.measured import Measured
from sandboxes.devices.cuda.timing.measuring import measure
from sandboxes.devices.cuda.timing.sides import make_pair
from sandboxes.devices.device import Program, Rival
from sandboxes.devices.launching import Launched
from sandboxes.distributions import Distribution
from sandboxes.faults import Fault
from sandboxes.hardware.targets import get_target
from sandboxes.reference import LiveReference
from sandboxes.reference_trace import trace_reference
from sandboxes.truth import Trial
from tests.sandboxes.devices.cuda.programs import CONFIG, QuickGpu, program
from tests.sandboxes.devices.cuda.timing.test_floor import TINY, counted
from tests.tracer import Tracer, candidate, forward, spec

DOUBLING = """
import torch
from torch import nn
class Model(nn.Module):
    def forward(self, x):
        return x * 2
def get_init_inputs():
    return []
def get_inputs(n=100):
    return [torch.randn(n)]
"""
TARGET = get_target(CONFIG.target)


def rival(source: str = DOUBLING) -> Rival:
    reference = LiveReference(Reference(id="test/reference", source=source))
    bench = reference.cases[-1]
    trial = Trial(
        case=bench, weight_seed=0, distribution=Distribution.UNIT, seed=0, precision=Precision.FP32, once=True
    )
    return Rival(reference=reference, graph=trace_reference(reference, bench), trial=trial)


def timed(
    program: Program,
    against: Rival | None = None,
    gpu: SimulatedGpu | None = None,
    launched: Mapping[int, Launched] | None = None,
    target: Target = TARGET,
) -> Measured:
    """Measures until the interval is narrow, or 200 rounds have been taken: time passes when it is looked at."""
    gpu = gpu or QuickGpu()
    return measure(
        gpu,
        program,
        {},
        load(gpu, program, {}, TARGET),
        rival=against or rival(),
        config=CONFIG,
        target=target,
        launched=launched or {},
        clock=partial(next, itertools.count(0.0, CONFIG.measure_timeout_s / 1000)),
    )


class Tampered:
    """Implements `Prepared`: something happens before some runs."""

    captured = True

    def __init__(self, prepared: Prepared, before: Callable[[], None]) -> None:
        self._prepared = prepared
        self._before = before

    def run(self) -> None:
        self._prepared.run()

    def time(self) -> Sample:
        found = self._prepared.time()
        self._before()
        return found


class TamperingGpu(QuickGpu):
    """Does something after each timed run of the first work that is prepared: the candidate's."""

    def __init__(self, after: Callable[[int], None]) -> None:
        super().__init__()
        self.after = after
        self.runs = 0
        self.owner: Any = None

    def prepare(self, work: Callable[[], object], *, capture: bool = True) -> Any:
        prepared = super().prepare(work, capture=capture)
        name = getattr(getattr(work, "__self__", None), "_work", None)
        if getattr(getattr(name, "func", None), "__name__", "") != "forward":
            return prepared

        def count() -> None:
            self.runs += 1
            self.owner = work.__self__  # type: ignore[attr-defined] # of `Place`
            self.after(self.runs)

        return Tampered(prepared, count)


@pytest.fixture(scope="module")
def doubled(tracer: Tracer) -> Program:
    return program(tracer, forward("return scale(x)"), spec(100))


def test_a_right_program_is_timed_and_every_run_is_compared(doubled: Program) -> None:
    found = timed(doubled)
    assert found.samples is not None
    assert found.measurement.simulated
    assert found.measurement.rounds == found.samples.number >= 16
    assert found.speedup_interval is not None
    low, high = found.speedup_interval
    assert low <= found.reference_time_us / found.time_us <= high
    assert found.measurement.flags == ()


def test_an_answer_that_is_wrong_in_the_nth_run_is_found(doubled: Program) -> None:
    gpu = TamperingGpu(lambda number: None)
    gpu.after = lambda number: gpu.owner.output.mul_(1.5) if number == 23 else None
    with pytest.raises(Fault, match="wrong in run 23 of those that are timed") as caught:
        timed(doubled, gpu=gpu)
    assert caught.value.outcome is Outcome.INCORRECT


def test_answers_that_are_slightly_wrong_whenever_they_are_timed_are_found(doubled: Program) -> None:
    gpu = TamperingGpu(lambda number: gpu.owner.output.mul_(1.0001))
    with pytest.raises(Fault, match=r"no element is far off|elements are wrong") as caught:
        timed(doubled, gpu=gpu)
    assert caught.value.outcome is Outcome.INCORRECT


def test_a_program_that_changes_the_values_which_others_are_made_of_is_found(
    doubled: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Values] = []
    monkeypatch.setattr(sides, "Values", lambda *args, **options: made.append(Values(*args, **options)) or made[-1])

    gpu = TamperingGpu(lambda number: None)

    def forge(number: int) -> None:
        if number == 1:
            gpu.owner.output.zero_()  # which is right for zeros
            for base in made[-1]._bases:
                base[0].zero_()

    gpu.after = forge
    with pytest.raises(Fault, match="elements are wrong"):
        timed(doubled, gpu=gpu)


def test_an_answer_that_is_kept_from_the_run_before_is_found(doubled: Program) -> None:
    kept: list[torch.Tensor] = []

    def again(number: int) -> None:
        kept.append(gpu.owner.output.clone())
        if number > 5:
            gpu.owner.output.copy_(kept[0])

    gpu = TamperingGpu(again)
    with pytest.raises(Fault, match="wrong in run 6 "):
        timed(doubled, gpu=gpu)


def test_a_program_that_keeps_its_answer_in_a_constant_is_found_out(tracer: Tracer) -> None:
    keeping = candidate(
        """
        @triton.jit
        def once_kernel(x_ptr, kept_ptr, y_ptr, n, BLOCK: tl.constexpr):
            i = tl.arange(0, BLOCK)
            kept = tl.load(kept_ptr + i, mask=i < n)
            fresh = tl.load(x_ptr + i, mask=i < n) * 2
            first = tl.load(kept_ptr) == 0
            answer = tl.where(first, fresh, kept)
            tl.store(kept_ptr + i, answer, mask=i < n)
            tl.store(y_ptr + i, answer, mask=i < n)


        class ModelNew(nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("kept", torch.zeros(100))

            def forward(self, x):
                y = torch.empty_like(x)
                once_kernel[(1,)](x, self.kept, y, 100, BLOCK=128)
                return y
        """
    )
    found = timed(program(tracer, keeping, spec(100)))  # what it keeps is gone before the next run: it is honest work
    assert found.measurement.rounds >= 16


def test_a_program_that_keeps_its_answer_between_the_elements_of_a_tensor_does_not_find_it_again(
    tracer: Tracer,
) -> None:
    keeping = candidate(
        """
        @triton.jit
        def once_kernel(x_ptr, kept_ptr, y_ptr, n, BLOCK: tl.constexpr):
            i = tl.arange(0, BLOCK)
            kept = tl.load(kept_ptr + 1 + i, mask=i < n)
            fresh = tl.load(x_ptr + i, mask=i < n) * 2
            first = tl.load(kept_ptr + 1)
            answer = tl.where(first != first, fresh, kept)
            tl.store(kept_ptr + 1 + i, answer, mask=i < n)
            tl.store(y_ptr + i, answer, mask=i < n)


        class ModelNew(nn.Module):
            def forward(self, x):
                y = torch.empty_like(x)
                once_kernel[(1,)](x, x.new_empty_strided((2,), (200,)), y, 100, BLOCK=128)
                return y
        """
    )
    assert timed(program(tracer, keeping, spec(100))).measurement.rounds >= 16  # it is poisoned again: honest work


def test_a_store_beyond_a_tensor_in_a_timed_run_is_found(doubled: Program) -> None:
    def beyond(number: int) -> None:
        if number == 9:
            tensor = gpu.owner.output
            behind = tensor.untyped_storage().data_ptr() + tensor.untyped_storage().nbytes()
            ctypes.memset(behind, 0xA5, 8)

    gpu = TamperingGpu(beyond)
    with pytest.raises(GpuError) as caught:
        timed(doubled, gpu=gpu)
    assert caught.value.fault is GpuFault.GUARD


def test_with_little_memory_there_are_fewer_slots(doubled: Program) -> None:
    needed = Arena(QuickGpu(), needed_bytes(doubled, [torch.zeros(100)], guarded=False)).slot_bytes

    def slots(memory_bytes: int) -> int:
        gpu = QuickGpu(memory_bytes=memory_bytes)
        return make_pair(gpu, doubled, {}, load(gpu, doubled, {}, TARGET), rival(), Precision.FP32).slots

    assert slots(needed * 200) == 6
    assert slots(needed * 3 + 1) == 3
    assert slots(needed * 2 + 1) == 2
    assert slots(needed) == 1
    with pytest.raises(GpuError) as caught:
        slots(needed - 1)
    assert caught.value.fault is GpuFault.OUT_OF_MEMORY


def test_a_reference_that_changes_its_own_state_or_its_inputs_is_put_back(tracer: Tracer) -> None:
    counting = DOUBLING.replace(
        "    def forward(self, x):\n        return x * 2",
        """    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.ones(()))
    def forward(self, x):
        self.calls.mul_(2)
        return x.add_(x) * (self.calls / 2)""",
    )
    in_place = program(tracer, forward("x.add_(x)", "return scale(x, 1.0)"), spec(100))
    assert timed(in_place, rival(counting)).measurement.rounds >= 16
    with pytest.raises(Fault, match="input 0 after forward"):
        timed(program(tracer, forward("return scale(x)"), spec(100)), rival(counting))


def test_positions_are_compared_exactly(tracer: Tracer) -> None:
    sorting = DOUBLING.replace("return x * 2", "return x.argsort()")
    assert timed(program(tracer, forward("return x.argsort()"), spec(100)), rival(sorting)).measurement.rounds >= 16
    with pytest.raises(Fault, match="elements are wrong"):
        timed(program(tracer, forward("return x.abs().argsort()"), spec(100)), rival(sorting))


def test_who_reads_a_number_back_does_not_slow_the_reference_down(tracer: Tracer, doubled: Program) -> None:
    long = rival(DOUBLING.replace("return x * 2", "return x" + " * 2 / 2" * 10 + " * 2"))
    reading = timed(program(tracer, forward("return scale(x, x.max().item() * 0.0 + 2.0)"), spec(100)), long)
    plain = timed(doubled, long)
    assert TimingFlag.NOT_CAPTURED in reading.measurement.flags
    assert reading.reference_time_us == pytest.approx(plain.reference_time_us, rel=0.05)


@pytest.mark.slow
def test_a_noisy_gpu_gives_an_interval_around_what_a_quiet_one_says(doubled: Program) -> None:
    class NoisyGpu(QuickGpu):
        def __init__(self) -> None:
            SimulatedGpu.__init__(self, noise=replace(Noise(), cold=0.0, resolution_us=0.032), seed=3)

    truth = timed(doubled)
    found = timed(doubled, gpu=NoisyGpu())
    assert found.speedup_interval is not None
    assert found.speedup_interval[0] <= truth.reference_time_us / truth.time_us <= found.speedup_interval[1]
    assert np.isfinite(found.measurement.spread)


@pytest.mark.parametrize("odd_looks", [1, 2])
def test_clocks_that_disagree_are_looked_at_once_more(doubled: Program, odd_looks: int) -> None:
    class OddGpu(QuickGpu):
        looks = 0

        def observe(self, work: Callable[[Mark], object]) -> list[DeviceEvent]:
            self.looks += 1
            long = DeviceEvent(name="k", kind="kernel", start_us=0.0, duration_us=1e6, node=None)
            return [long] if self.looks <= odd_looks else super().observe(work)

    flags = timed(doubled, gpu=OddGpu()).measurement.flags
    assert flags == (() if odd_looks == 1 else (TimingFlag.DISAGREEING,))


def test_what_is_faster_than_the_floor_is_measured_again_and_paid_as_the_floor(doubled: Program) -> None:
    class CountingGpu(QuickGpu):
        prepared = 0

        def prepare(self, work: Callable[[], object], *, capture: bool = True) -> Prepared:
            self.prepared += 1
            return super().prepare(work, capture=capture)

    slow = TINY.model_copy(update={"dram_gb_per_s": 0.01})
    honest, gpu = CountingGpu(), CountingGpu()
    plain = timed(doubled, gpu=honest)
    found = timed(doubled, gpu=gpu, launched=counted(doubled, torch.ones(100)), target=slow)
    assert TimingFlag.BELOW_FLOOR in found.measurement.flags
    assert found.time_us == found.measurement.floor_us > found.measurement.measured_time_us
    assert found.reference_time_us == pytest.approx(plain.reference_time_us)
    assert found.speedup_interval is not None
    assert found.speedup_interval[1] < 0.2
    assert gpu.prepared >= 2 * (honest.prepared - 2)


def test_with_room_for_one_set_of_addresses_it_is_timed_and_that_is_flagged(doubled: Program) -> None:
    needed = Arena(QuickGpu(), needed_bytes(doubled, [torch.zeros(100)], guarded=False)).slot_bytes
    found = timed(doubled, gpu=QuickGpu(memory_bytes=needed))
    assert TimingFlag.ONE_PLACE in found.measurement.flags
    assert found.time_us > 0
    assert TimingFlag.ONE_PLACE not in timed(doubled).measurement.flags
