"""The whole way of a measured profile, on a simulated GPU: run, counted, timed in turns, each node seen."""

import pytest

from kernelgym.reports.wording import provenance
from sandboxes.contracts import Profile, ProfileSource
from sandboxes.devices.device import Rival
from sandboxes.hardware.targets import get_target
from sandboxes.reference_trace import trace_reference
from tests.sandboxes.devices.cuda.programs import CONFIG, Trialled
from tests.tracer import Tracer, forward


@pytest.fixture(scope="module")
def found(tracer: Tracer) -> Profile:
    """Of a candidate that doubles with its own kernel, adds zero with PyTorch, and has a kernel that nobody needs."""
    tried = Trialled(tracer, forward("scale(x * 3)", "return scale(x) + 0.0"))
    tried.check()
    graph = trace_reference(tried.reference, tried.bench.case)
    rival = Rival(reference=tried.reference, graph=graph, trial=tried.bench)
    _, run = tried.court.check_bench(tried.program, tried.bench, {})
    choice = {node: 0 for node, _ in tried.program.kernels}
    return tried.device.profile(tried.program, choice, run, rival, get_target(CONFIG.target))


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
