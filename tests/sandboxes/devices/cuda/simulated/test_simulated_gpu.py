"""A simulated GPU behaves as a real one where it matters to those above it: memory, faults, graphs, times."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from sandboxes.compilation import CompileFailure
from sandboxes.contracts import Precision, Variant
from sandboxes.devices.cuda.errors import GpuError, GpuFault, GpuLost
from sandboxes.devices.cuda.simulated.clock import QUIET, Noise, Throttling
from sandboxes.devices.cuda.simulated.simulated_gpu import Incident, SimulatedGpu, SimulatedKernel
from sandboxes.hardware.targets import get_target

H200 = get_target("h200")

ADD = """module { tt.func public @add(%p: !tt.ptr<f32>, %n: i32) {
  %c1 = arith.constant 1.0 : f32
  %id = tt.get_program_id x : i32
  %i = arith.muli %id, %n : i32
  %q = tt.addptr %p, %i : !tt.ptr<f32>, i32
  %v = tt.load %q : !tt.ptr<f32>
  %w = arith.addf %v, %c1 : f32
  tt.store %q, %w : !tt.ptr<f32>
  tt.return } }"""
"""Adds one to every n-th element."""

ASSERT = """module { tt.func public @checks(%p: !tt.ptr<f32>) {
  %c0 = arith.constant 0 : i1
  tt.assert %c0, "never" : i1
  tt.return } }"""

ENDLESS = """module { tt.func public @spins(%p: !tt.ptr<i32>) {
  %true = arith.constant true
  scf.while : () -> () {
    scf.condition(%true)
  } do {
    scf.yield
  }
  tt.return } }"""

PROGRAMS = 64


def variant(ttir: str = ADD) -> Variant:
    return Variant(config="", ttir=ttir, grid=(PROGRAMS, 1, 1), args=(), num_warps=1, num_stages=1)


def gpu(noise: Noise = QUIET, incidents: Sequence[Incident] = (), memory_bytes: int = 2**20) -> SimulatedGpu:
    return SimulatedGpu(noise=noise, incidents=incidents, memory_bytes=memory_bytes)


def floats(block: torch.Tensor, first: int, count: int) -> torch.Tensor:
    """Numbers in a block of memory."""
    return block.view(torch.float32)[first : first + count]


@pytest.fixture(scope="module")
def add() -> SimulatedKernel:
    return gpu().load(variant(), H200)


def test_a_kernel_changes_what_is_next_to_its_tensor_without_a_word_but_nothing_outside_of_the_block(
    add: SimulatedKernel,
) -> None:
    device = gpu()
    block = device.memory(4 * (PROGRAMS + 8)).zero_()
    tensor = floats(block, 8, PROGRAMS - 8)
    device.launch(add, (PROGRAMS, 1, 1), [tensor, 1])
    device.synchronize()
    assert floats(block, 0, 8).tolist() == [0] * 8
    assert floats(block, PROGRAMS, 8).tolist() == [1] * 8  # beyond the tensor, inside the block
    device.launch(add, (PROGRAMS, 1, 1), [tensor, 2])  # the launch itself does not know yet
    for call in (device.synchronize, lambda: device.memory(4), lambda: device.prepare(lambda: None)):
        with pytest.raises(GpuError) as error:
            call()
        assert error.value.fault is GpuFault.ILLEGAL_ACCESS
    with pytest.raises(GpuError), device.faults():
        torch.zeros(3)


def test_memory_is_aligned_and_runs_out_and_comes_back() -> None:
    device = gpu(memory_bytes=4096)
    block = device.memory(4000)
    assert block.data_ptr() % 512 == 0
    assert block.untyped_storage().nbytes() == 4000
    view = block[8:16]
    del block
    with pytest.raises(GpuError, match="97 bytes were asked for, 96 are free") as error:
        device.memory(97)
    assert error.value.fault is GpuFault.OUT_OF_MEMORY
    del view
    assert device.memory(4096).numel() == 4096
    assert device.memory(0).numel() == 0


def test_a_graph_repeats_kernels_and_operators_on_the_same_memory_and_runs_no_python(add: SimulatedKernel) -> None:
    device = gpu()
    x = floats(device.memory(4 * PROGRAMS), 0, PROGRAMS)
    made: list[torch.Tensor] = []

    def work() -> None:
        device.launch(add, (PROGRAMS, 1, 1), [x, 1])
        doubled = (x * 2).view(8, 8)
        doubled[0].add_(1)
        made.append(doubled)

    prepared = device.prepare(work)
    assert prepared.captured
    assert len(made) == 2  # once before, once for the recording
    for value in (3.0, 5.0):
        x.fill_(value)
        prepared.run()
        device.synchronize()
        assert x.tolist() == [value + 1] * PROGRAMS
        assert made[-1].tolist() == [[2 * value + 3] * 8, *[[2 * value + 2] * 8] * 7]
    assert len(made) == 2


@pytest.mark.parametrize(
    "look", [lambda x: x.sum().item(), lambda x: x.nonzero(), lambda x: x[x > 0]], ids=["item", "nonzero", "mask"]
)
def test_work_that_looks_at_numbers_is_no_graph_and_is_launched_piece_by_piece(look: Any) -> None:
    device = gpu()
    x = floats(device.memory(4 * PROGRAMS), 0, PROGRAMS).fill_(1)
    calls: list[Any] = []
    prepared = device.prepare(lambda: calls.append(look(x)))
    assert not prepared.captured
    prepared.run()
    assert len(calls) == 2
    looked = prepared.time()
    assert looked.device_us > device.prepare(lambda: x[torch.tensor([1, 2])]).time().device_us + 10  # it waits


def test_work_that_waits_for_the_device_is_no_graph() -> None:
    device = gpu()
    assert not device.prepare(device.synchronize).captured
    assert device.prepare(lambda: torch.zeros(2)).captured


def test_launching_piece_by_piece_costs_what_the_host_takes(add: SimulatedKernel) -> None:
    device = gpu()
    x = floats(device.memory(4 * PROGRAMS), 0, PROGRAMS).zero_()

    def work() -> None:
        for _ in range(20):
            device.launch(add, (PROGRAMS, 1, 1), [x, 1])

    graph, pieces = device.prepare(work), device.prepare(work, capture=False)
    assert graph.captured
    assert not pieces.captured
    assert pieces.time().host_us > graph.time().host_us + 20


def test_times_are_the_models_with_noise_that_a_seed_repeats(add: SimulatedKernel) -> None:
    def times(noise: Noise, seed: int) -> list[float]:
        device = SimulatedGpu(noise=noise, seed=seed)
        x = floats(device.memory(4 * PROGRAMS), 0, PROGRAMS).zero_()
        prepared = device.prepare(lambda: [device.launch(add, (PROGRAMS, 1, 1), [x, 1]) for _ in range(5)])
        return [prepared.time().device_us for _ in range(12)]

    exact = times(QUIET, 0)
    assert len(set(exact)) == 1
    assert exact[0] > 5 * H200.launch_overhead_us
    noisy = times(Noise(), 1)
    assert noisy == times(Noise(), 1)
    assert noisy != times(Noise(), 2)
    assert len(set(noisy)) > 1
    assert all(time % 0.5 == 0 for time in noisy)  # what events can tell
    assert sorted(noisy)[6] == pytest.approx(exact[0], rel=0.25)


def test_throttling_makes_it_slower_and_its_clocks_say_so() -> None:
    device = gpu(replace(QUIET, throttling=(Throttling(start_s=0.0, end_s=1e-3, factor=2.0),)))
    x = floats(device.memory(4 * 4096), 0, 4096).zero_()
    prepared = device.prepare(lambda: x.add_(1))
    slow = prepared.time().device_us
    assert device.clocks().throttled == ("software power cap",)
    assert device.clocks().sm_mhz == H200.clock_mhz / 2
    for _ in range(100):
        prepared.time()
    assert device.clocks().throttled == ()
    assert slow == pytest.approx(2 * prepared.time().device_us)


def test_its_profiler_tells_the_node_of_each_kernel(add: SimulatedKernel) -> None:
    device = gpu()
    x = floats(device.memory(4 * PROGRAMS), 0, PROGRAMS).zero_()

    def work(mark: Any) -> None:
        with mark(3):
            device.launch(add, (PROGRAMS, 1, 1), [x, 1])
        with mark(4):
            y = x + 1
        y.copy_(x)

    events = device.observe(work)
    assert [(event.name, event.kind, event.node) for event in events] == [
        ("add", "kernel", 3),
        ("aten::add", "kernel", 4),
        ("aten::copy_", "memcpy", None),
    ]
    assert [event.start_us for event in events] == sorted(event.start_us for event in events)
    graph = device.prepare(lambda: work(lambda _: torch.no_grad()))
    assert sum(event.duration_us for event in events) == pytest.approx(graph.time().device_us)


def test_the_policy_holds_for_float32_products_also_in_graphs() -> None:
    device = gpu()
    x = torch.full((1, 1), 1 + 2.0**-12)
    made: list[torch.Tensor] = []
    with device.precision(Precision.TF32):
        graph = device.prepare(lambda: made.append(x @ x))
    with device.precision(Precision.FP32):
        exact = x @ x
    graph.run()
    assert made[-1].item() == 1.0
    assert exact.item() != 1.0


@pytest.mark.parametrize(
    ("ttir", "fault"), [(ASSERT, GpuFault.ASSERTION), (ADD, GpuFault.MISALIGNED)], ids=["assertion", "misaligned"]
)
def test_other_faults_have_their_own_names(ttir: str, fault: GpuFault) -> None:
    device = gpu()
    memory = device.memory(1024)
    aligned = ttir.replace("%p: !tt.ptr<f32>,", "%p: !tt.ptr<f32> {tt.divisibility = 16 : i32},")
    kernel = device.load(variant(aligned), H200)
    args = [floats(memory, 1, 8), 1] if fault is GpuFault.MISALIGNED else [floats(memory, 0, 8)]
    device.launch(kernel, (1, 1, 1), args)
    with pytest.raises(GpuError) as error:
        device.synchronize()
    assert error.value.fault is fault


def test_what_the_compiler_refuses_is_refused() -> None:
    with pytest.raises(CompileFailure):
        gpu().load(variant("module {}"), H200)


@pytest.mark.parametrize(
    ("fault", "error"),
    [(GpuFault.ILLEGAL_ACCESS, GpuError), (GpuFault.LOST, GpuLost), (GpuFault.OUT_OF_MEMORY, GpuError)],
)
def test_incidents_happen_when_they_are_told_to(fault: GpuFault, error: type[Exception], add: SimulatedKernel) -> None:
    device = gpu(incidents=[Incident(after_launches=2, fault=fault)])
    x = floats(device.memory(4 * PROGRAMS), 0, PROGRAMS).zero_()

    def launch_three() -> None:
        for _ in range(3):
            device.launch(add, (1, 1, 1), [x, 1])
        device.synchronize()

    with pytest.raises(error):
        launch_three()
    assert x[0] == 2
    if fault.spoils:
        with pytest.raises(error):
            device.synchronize()
    else:
        launch_three()


def test_a_kernel_that_never_ends_never_ends() -> None:
    device = gpu()
    kernel = device.load(variant(ENDLESS), H200)
    device.launch(kernel, (1, 1, 1), [device.memory(4).view(torch.int32)])  # the launch does not wait
    ended = threading.Event()
    threading.Thread(target=lambda: (device.synchronize(), ended.set()), daemon=True).start()
    assert not ended.wait(0.3)
