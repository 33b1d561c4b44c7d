"""A measured profile: the device's word on time, the executor's on work, and nothing for kernels that do nothing."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import torch

from sandboxes.compilation import CompiledKernel
from sandboxes.contracts import (
    Bound,
    Launch,
    Measurement,
    NodeProfile,
    Precision,
    Profile,
    ProfileSource,
    Resources,
    Target,
    TensorRef,
    TimingFlag,
    Trace,
    Variant,
)
from sandboxes.dataflow import analyse
from sandboxes.devices.cuda.errors import TimesDisagree
from sandboxes.devices.cuda.gpu import Mark
from sandboxes.devices.cuda.profiles.ceilings import Ceilings
from sandboxes.devices.cuda.profiles.profiling import RUNS, measured_profile
from sandboxes.devices.cuda.timing.measured import Measured
from sandboxes.devices.device import Program
from sandboxes.devices.launching import Launched, launch
from sandboxes.hardware.targets import get_target
from tests.sandboxes.devices.cuda.profiles.profiler import FACTS, ProfiledGpu, Shown
from tests.sandboxes.test_dataflow import A, B, X, call, graph

H200 = get_target("h200")
SIZE = 128

ADD = """module { tt.func public @gemm(%p: !tt.ptr<f32>) {
  %c1 = arith.constant 1.0 : f32
  %id = tt.get_program_id x : i32
  %q = tt.addptr %p, %id : !tt.ptr<f32>, i32
  %v = tt.load %q : !tt.ptr<f32>
  %w = arith.addf %v, %c1 : f32
  tt.store %q, %w : !tt.ptr<f32>
  tt.return } }"""
"""Adds one to every element; its name is a library's."""

RESOURCES = Resources(
    registers=16, spill_bytes=0, shared_bytes=0, threads=32, occupancy=0.5, limited_by="blocks"
)  # fmt: skip


def add(value: TensorRef, programs: int = SIZE) -> Launch:
    variant = Variant(config="", ttir=ADD, grid=(programs, 1, 1), args=(value,), num_warps=1, num_stages=1)
    return Launch(kernel="gemm", variants=(variant,), line=7)


RELU, EMPTY, OWN, DECOY = call("relu.default", X, to=A), call("empty_like.default", X, to=B), add(A), add(B)
TRACE = graph(RELU, EMPTY, OWN, DECOY, output=A)
"""An operator, an allocation, a kernel of the candidate's own, and one whose result nobody uses."""
OPERATOR, _, KERNEL, USELESS = range(4)


def program_of(trace: Trace) -> Program:
    kernel = CompiledKernel(name="gemm", resources=RESOURCES, machine_code=b"", assembly="")
    launches = [index for index, node in enumerate(trace.nodes) if isinstance(node, Launch)]
    return Program(trace=trace, flow=analyse(trace), constants={}, kernels={(index, 0): kernel for index in launches})


def counted(trace: Trace) -> dict[int, Launched]:
    """What the executor counts of every launch."""
    values = {number: torch.zeros(4, 32) for number in range(5)}
    until = time.monotonic() + 60
    return {
        index: launch(index, node, 0, values, until, count=True)
        for index, node in enumerate(trace.nodes)
        if isinstance(node, Launch)
    }


def measured(time_us: float = 20.0, floor_us: float = 1.0, flags: Sequence[TimingFlag] = ()) -> Measured:
    measurement = Measurement(
        rounds=50, time_interval_us=(0.99 * time_us, 1.01 * time_us), spread=0.01, measured_time_us=time_us,
        floor_us=floor_us, host_time_us=time_us + 8, flags=tuple(flags),
    )  # fmt: skip
    paid_us = max(time_us, floor_us)
    return Measured(
        time_us=paid_us, reference_time_us=30.0, compiled_reference_time_us=15.0,
        speedup_interval=(29.0 / paid_us, 31.0 / paid_us), measurement=measurement,
    )  # fmt: skip


def profile(
    *shown: Sequence[Shown],
    trace: Trace = TRACE,
    times: Measured | None = None,
    launched: Mapping[int, Launched] | None = None,
    ceilings: Ceilings | None = None,
    simulated: bool = False,
    actual: Target | None = None,
) -> Profile:
    def replay(mark: Mark) -> None:
        for index in range(len(trace.nodes)):
            with mark(index):
                pass

    gpu = ProfiledGpu(shown, facts=replace(FACTS, simulated=simulated))
    choice = {index: 0 for index, node in enumerate(trace.nodes) if isinstance(node, Launch)}
    return measured_profile(
        gpu, program_of(trace), choice, replay, launched=counted(trace) if launched is None else launched,
        reference=graph(RELU, output=A), target=H200, precision=Precision.TF32, measured=times or measured(),
        ceilings=ceilings, actual=actual,
    )  # fmt: skip


def nodes(found: Profile) -> dict[int, NodeProfile]:
    return {node.node: node for node in found.nodes}


HONEST: list[Shown] = [(OPERATOR, 6.0), (KERNEL, 2.0), (USELESS, 2.0)]


def test_nodes_have_their_share_of_the_measured_whole() -> None:
    found = profile(HONEST)
    assert {index: node.time_us for index, node in nodes(found).items()} == {OPERATOR: 12, KERNEL: 4, USELESS: 4}
    assert found.time_us == 20
    assert found.measurement is not None
    assert found.measurement.busy_us == 10, "the rest is gaps"


def test_whose_it_is_and_where_it_was_measured_is_said() -> None:
    found = profile(HONEST)
    assert (found.source, found.device) == (ProfileSource.MEASURED, "NVIDIA H200")
    assert (found.reference_time_us, found.compiled_reference_time_us) == (30, 15)
    assert found.speedup == 1.5


def test_a_kernel_whose_result_nobody_uses_gains_no_coverage() -> None:
    for decoy_us in (0.1, 2.0, 1000.0):
        assert profile([(OPERATOR, 6.0), (KERNEL, 2.0), (USELESS, decoy_us)]).coverage == pytest.approx(0.25)


def test_a_kernel_that_launches_nothing_gains_no_coverage() -> None:
    trace = graph(RELU, add(A, programs=0), output=A)
    found = profile([(0, 6.0)], trace=trace)
    assert found.coverage == 0
    assert found.measurement is not None
    assert TimingFlag.NOT_ATTRIBUTED not in found.measurement.flags


def test_the_profilers_and_our_own_work_cost_a_candidate_nothing() -> None:
    own = graph(EMPTY.model_copy(update={"results": (A,)}), add(A), output=A)
    found = profile([(None, 500.0), (len(own.nodes), 300.0), (1, 2.0), (None, 100.0)], trace=own)
    assert found.coverage == 1.0
    assert nodes(found)[1].time_us == 20
    assert found.measurement is not None
    assert found.measurement.other_us == 900


def test_each_run_starts_on_a_cold_cache_and_that_is_nobodys() -> None:
    gpu = ProfiledGpu([HONEST])
    trace = TRACE
    measured_profile(
        gpu, program_of(trace), {KERNEL: 0, USELESS: 0}, lambda mark: None, launched=counted(trace),
        reference=graph(RELU, output=A), target=H200, precision=Precision.TF32, measured=measured(),
    )  # fmt: skip
    nobody = len(trace.nodes)
    assert gpu.marks == [[nobody + run * (nobody + 1) for run in range(RUNS)]]


def test_a_run_that_something_disturbed_does_not_count() -> None:
    disturbed: list[Shown] = [(OPERATOR, 600.0), (KERNEL, 2.0), (USELESS, 2.0)]
    assert profile(disturbed, HONEST) == profile(HONEST)


@pytest.mark.parametrize("reference_us", [0.1, 30.0, 3000.0])
def test_what_is_left_to_pytorch_depends_neither_on_gaps_nor_on_noise(reference_us: float) -> None:
    found = [
        profile(shown, times=replace(measured(), reference_time_us=reference_us))
        for shown in (HONEST, [(OPERATOR, 600.0), (KERNEL, 2.0), (USELESS, 2.0)], [])
    ]
    assert {each.replaced for each in found} == {0.0}, "the operator is the reference's own"


def test_a_kernel_that_nobody_can_count_or_see_gets_no_gaps_of_a_program_that_the_host_launches() -> None:
    found = profile([], launched={}, times=measured(flags=[TimingFlag.NOT_CAPTURED]))
    assert found.coverage == 0
    assert profile([], launched={}).coverage > 0


def test_work_is_what_the_executor_counts_and_the_roofline_what_this_gpu_reaches() -> None:
    found = nodes(profile(HONEST, times=measured(1e-3), ceilings=Ceilings(dram_gb_per_s=2400.0)))[KERNEL]
    assert (found.bytes, found.flops) == (2 * 4 * SIZE, SIZE)
    sheet = nodes(profile(HONEST, times=measured(1e-3)))[KERNEL]
    assert found.roofline_fraction is not None
    assert sheet.roofline_fraction is not None
    assert 0 < sheet.roofline_fraction < 1
    assert found.roofline_fraction == pytest.approx(2 * sheet.roofline_fraction)
    assert found.resources == RESOURCES


def test_a_node_near_a_ceiling_is_bound_by_it_and_one_lost_in_gaps_by_latency() -> None:
    fast = profile([(OPERATOR, 1e-4), (KERNEL, 2.5e-4), (USELESS, 1e-4)], times=measured(4.5e-4, floor_us=0))
    assert nodes(fast)[KERNEL].bound is Bound.DRAM
    assert nodes(profile([(OPERATOR, 1.0), (KERNEL, 2.0), (USELESS, 2.0)]))[KERNEL].bound is Bound.LAUNCH


def test_what_cannot_be_counted_is_unknown_and_not_nothing() -> None:
    launched = counted(TRACE)
    found = profile(HONEST, launched={USELESS: launched[USELESS]})
    kernel = nodes(found)[KERNEL]
    assert (kernel.bytes, kernel.flops, kernel.roofline_fraction) == (None, None, None)
    assert kernel.bound is Bound.UNKNOWN
    assert kernel.time_us == 4
    assert kernel.resources == RESOURCES
    assert found.coverage == pytest.approx(0.25)
    assert found.measurement is not None
    assert found.measurement.modelled_time_us is None
    assert KERNEL not in found.measurement.modelled_nodes_us


def test_what_the_model_says_stands_beside_what_was_measured() -> None:
    found = profile(HONEST).measurement
    assert found is not None
    assert found.modelled_nodes_us.keys() == {OPERATOR, KERNEL, USELESS}
    assert found.modelled_time_us == pytest.approx(sum(found.modelled_nodes_us.values()))
    assert found.modelled_reference_time_us


@pytest.mark.parametrize("shown", [[], [(OPERATOR, 6.0), (USELESS, 2.0)], [(None, 8.0)]])
def test_without_a_profiler_that_sees_every_launch_the_parts_are_the_models_and_that_is_said(
    shown: list[Shown],
) -> None:
    found = profile(shown)
    assert found.measurement is not None
    assert found.measurement.flags == (TimingFlag.NOT_ATTRIBUTED,)
    assert found.measurement.busy_us is None
    assert found.time_us == 20
    assert sum(node.time_us for node in found.nodes) == pytest.approx(20)
    assert 0 < found.coverage < 1


def test_a_time_below_the_floor_is_the_floor_in_all_its_parts() -> None:
    found = profile(HONEST, times=measured(1.0, floor_us=10.0, flags=[TimingFlag.BELOW_FLOOR]))
    assert found.time_us == 10
    assert sum(node.time_us for node in found.nodes) == pytest.approx(10)
    assert found.speedup == 3


def test_an_operator_that_the_model_takes_for_free_is_seen_if_it_keeps_the_device_busy() -> None:
    found = profile([*HONEST, (1, 10.0)])
    assert nodes(found)[1].name == "aten::empty_like"
    assert nodes(found)[1].fills
    assert nodes(found)[1].time_us == 10


def test_clocks_that_contradict_each_other_are_our_fault_and_no_profile() -> None:
    with pytest.raises(TimesDisagree, match="NVIDIA H200"):
        profile(HONEST, times=measured(flags=[TimingFlag.DISAGREEING]))


def test_times_of_a_simulated_gpu_are_never_called_measured() -> None:
    found = profile(HONEST, simulated=True)
    assert found.source is ProfileSource.MODELLED
    assert found.measurement is not None
    assert found.measurement.simulated


def test_a_program_that_does_nothing_on_the_device_has_a_profile() -> None:
    found = profile([], trace=graph(EMPTY.model_copy(update={"results": (A,)}), output=A))
    assert found.coverage == 0
    assert found.nodes == ()


def test_ceilings_that_are_not_believed_are_told() -> None:
    found = profile(
        HONEST, ceilings=Ceilings(tflops={"fp16": 700.0}, doubts=("dram_gb_per_s: 12 measured",))
    ).measurement
    assert found is not None
    assert found.ceilings == {"fp16": 700.0}
    assert found.doubts == ("dram_gb_per_s: 12 measured",)


def test_rooflines_are_those_of_the_gpu_that_is_there_and_verdicts_those_of_the_target() -> None:
    half = H200.model_copy(update={"dram_gb_per_s": H200.dram_gb_per_s / 2, "l2_gb_per_s": H200.l2_gb_per_s / 2})
    whole, part = (profile(HONEST, times=measured(1e-3), actual=each) for each in (None, half))
    fractions = [nodes(found)[KERNEL].roofline_fraction for found in (whole, part)]
    assert fractions[1] == pytest.approx(2 * (fractions[0] or 0.0))
    assert part.roofline_us > whole.roofline_us
    assert part.replaced == whole.replaced
