"""Times are sane: they fit the bytes that are moved, start with a cold cache, and three clocks agree."""

import statistics

import pytest
import torch

from sandboxes.devices.cuda.gpu import Gpu, Prepared
from sandboxes.devices.cuda.profiles.ceilings import ceilings_of
from sandboxes.hardware.targets import get_target
from tests.gpu.conftest import Bench
from tests.gpu.kernels import Launcher, floats

SAMPLES = 15


@pytest.fixture(scope="module")
def launcher(gpu: Gpu, bench: Bench) -> Launcher:
    return Launcher(gpu, get_target(bench.target))


def median_us(prepared: Prepared, samples: int = SAMPLES) -> float:
    """The median of a few timed runs, after a few that warm up."""
    for _ in range(3):
        prepared.time()
    return statistics.median(prepared.time().device_us for _ in range(samples))


def test_a_copy_of_known_size_takes_what_the_measured_bandwidth_says(
    gpu: Gpu, launcher: Launcher, bench: Bench
) -> None:
    count = bench.few(simulated=1 << 22, real=8 * gpu.facts.l2_bytes // 4)
    source, sink = floats(gpu, count), floats(gpu, count)
    target = ceilings_of(gpu, get_target(bench.target)).applied(get_target(bench.target))
    taken_us = median_us(gpu.prepare(lambda: launcher.copy(source, sink)))
    expected_us = 8 * count / (target.dram_gb_per_s * 1e3)
    assert taken_us == pytest.approx(expected_us, rel=0.1, abs=bench.few(simulated=4, real=0))


def test_time_is_in_proportion_to_work_that_only_waits_for_itself(gpu: Gpu, launcher: Launcher, bench: Bench) -> None:
    sink = floats(gpu, 1)
    steps = bench.few(simulated=2_000, real=200_000)
    once = median_us(gpu.prepare(lambda: launcher.spin(sink, steps)))
    thrice = median_us(gpu.prepare(lambda: launcher.spin(sink, 3 * steps)))
    empty = median_us(gpu.prepare(lambda: launcher.spin(sink, 0)))
    assert thrice >= once
    if not gpu.facts.simulated:  # whose model prices no chains of operations
        assert thrice - empty == pytest.approx(3 * (once - empty), rel=0.05)


def test_a_kernel_that_sleeps_for_so_many_cycles_takes_that_long(gpu: Gpu) -> None:
    if gpu.facts.simulated:
        pytest.skip("a simulated GPU has no clock of its own that a kernel could read")
    cycles = 2_000_000
    prepared = gpu.prepare(lambda: torch.cuda._sleep(cycles))
    taken_us = median_us(prepared)
    clocks = gpu.clocks()
    if clocks is None:
        pytest.skip("NVML is not installed, so the clock is not known (pip install nvidia-ml-py)")
    assert taken_us == pytest.approx(cycles / clocks.sm_mhz, rel=0.1)


def test_a_timed_run_begins_with_a_cold_cache(gpu: Gpu, launcher: Launcher) -> None:
    """A second pass over what fits into the cache is much quicker than the first one."""
    count = gpu.facts.l2_bytes // 8 // 4
    source, sink = floats(gpu, count), floats(gpu, 1024)

    def read() -> torch.Tensor:
        return torch.sum(source)

    def twice() -> None:
        read()
        read()

    once_us, twice_us = median_us(gpu.prepare(read)), median_us(gpu.prepare(twice))
    assert twice_us > once_us
    if not gpu.facts.simulated:  # whose model knows no cache between kernels
        assert twice_us - once_us < 0.8 * once_us
    assert sink.numel() == 1024


def test_what_a_kernel_asks_the_cache_to_keep_is_gone_before_the_next_timed_run(gpu: Gpu, launcher: Launcher) -> None:
    count = gpu.facts.l2_bytes // 16 // 4
    source, sink = floats(gpu, count), floats(gpu, count)
    usual = median_us(gpu.prepare(lambda: launcher.copy(source, sink)))
    kept = median_us(gpu.prepare(lambda: launcher.keep(source, sink)))
    assert kept > 0.9 * usual


def test_events_the_profiler_and_the_host_tell_the_same_time(gpu: Gpu, launcher: Launcher, bench: Bench) -> None:
    count = bench.few(simulated=1 << 20, real=8 * gpu.facts.l2_bytes // 4)
    source, sink = floats(gpu, count), floats(gpu, count)
    prepared = gpu.prepare(lambda: launcher.copy(source, sink))
    assert prepared.captured
    taken_us = median_us(prepared)
    sample = prepared.time()
    assert sample.host_us >= 0.98 * sample.device_us
    assert sample.host_us < sample.device_us + 1000.0

    def work(mark: object) -> None:
        with mark(7):  # type: ignore[operator]
            launcher.copy(source, sink)

    seen = [event for event in gpu.observe(work) if event.node == 7]
    assert [event.kind for event in seen] == ["kernel"]
    assert seen[0].duration_us == pytest.approx(taken_us, rel=0.15, abs=3.0)


def test_a_graph_is_no_slower_than_the_same_kernels_one_by_one(gpu: Gpu, launcher: Launcher) -> None:
    source, sink = floats(gpu, 1024), floats(gpu, 1024)

    def many() -> None:
        for _ in range(20):
            launcher.copy(source, sink)

    graph, loose = gpu.prepare(many), gpu.prepare(many, capture=False)
    assert graph.captured
    assert not loose.captured
    assert median_us(graph) < 1.1 * median_us(loose)


def test_a_graph_is_no_graph_if_the_host_looks_at_numbers_on_the_way(gpu: Gpu) -> None:
    source = floats(gpu, 1024)
    prepared = gpu.prepare(lambda: source * source.sum().item())
    assert not prepared.captured
    assert prepared.time().device_us > 0


def test_clocks_are_read_and_never_changed(gpu: Gpu) -> None:
    clocks = gpu.clocks()
    if clocks is None:
        pytest.skip("NVML is not installed (pip install nvidia-ml-py)")
    assert 0 < clocks.sm_mhz <= 1.02 * clocks.most_sm_mhz
    again = gpu.clocks()
    assert again is not None
    assert again.most_sm_mhz == clocks.most_sm_mhz
