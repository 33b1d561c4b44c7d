"""The whole way of a measured profile, on a simulated GPU: run, counted, timed in turns, each node seen."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kernelgym.reports.wording import provenance
from sandboxes.contracts import Profile, ProfileSource
from sandboxes.devices.cuda.gpu import DeviceEvent, Mark
from sandboxes.devices.cuda.profiles.profiling import RUNS
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu, SimulatedKernel
from sandboxes.devices.device import Rival
from sandboxes.hardware.targets import get_target
from sandboxes.reference_trace import trace_reference
from tests.sandboxes.devices.cuda.programs import CONFIG, QuickGpu, Trialled
from tests.tracer import Tracer, forward

pytestmark = pytest.mark.slow


class WatchingGpu(QuickGpu):
    """Notes of each launch whether its output was poisoned, as far as it is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.poisoned: list[bool] = []
        self._looks = False

    def launch(self, kernel: SimulatedKernel, grid: tuple[int, int, int], args: Sequence[Any]) -> None:
        if self._looks:
            self.poisoned.append(bool(args[1].isnan().all()))
        super().launch(kernel, grid, args)

    def observe(self, work: Callable[[Mark], object]) -> list[DeviceEvent]:
        self._looks = True
        try:
            return super().observe(work)
        finally:
            self._looks = False


def profiled(tracer: Tracer, source: str, gpu: SimulatedGpu | None = None) -> Profile:
    tried = Trialled(tracer, source, gpu=gpu)
    tried.check()
    graph = trace_reference(tried.reference, tried.bench.case)
    rival = Rival(reference=tried.reference, graph=graph, trial=tried.bench)
    _, run = tried.court.check_bench(tried.program, tried.bench, {})
    choice = {node: 0 for node, _ in tried.program.kernels}
    return tried.device.profile(tried.program, choice, run, rival, get_target(CONFIG.target))


@pytest.fixture(scope="module")
def found(tracer: Tracer) -> Profile:
    """Of a candidate that doubles with its own kernel, adds zero with PyTorch, and has a kernel that nobody needs."""
    return profiled(tracer, forward("scale(x * 3)", "return scale(x) + 0.0"))


def test_a_program_does_not_find_what_it_left_behind_while_it_is_watched(tracer: Tracer) -> None:
    gpu = WatchingGpu()
    profiled(tracer, forward("return scale(x)"), gpu)
    assert gpu.poisoned == [True] * RUNS


def test_times_are_simulated_and_say_so(found: Profile) -> None:
    assert found.source is ProfileSource.MODELLED
    assert provenance(found) == "simulated for NVIDIA H200"


def test_the_parts_add_up_and_the_useless_kernel_is_in_no_share(found: Profile) -> None:
    assert sum(node.time_us for node in found.nodes) == pytest.approx(found.time_us)
    own = [node for node in found.nodes if node.custom]
    assert [node.live for node in own] == [False, True]
    live_us = sum(node.time_us for node in found.nodes if node.live)
    assert found.coverage == pytest.approx(own[1].time_us / live_us)
    assert 0 < found.coverage < 1


def test_work_is_counted_and_every_launch_was_seen(found: Profile) -> None:
    assert found.measurement is not None
    assert found.measurement.busy_us
    assert found.measurement.other_us, "the cache was emptied before"
    assert all(node.bytes for node in found.nodes)
    assert found.measurement.modelled_nodes_us.keys() == {node.node for node in found.nodes}
    assert found.measurement.modelled_time_us
