"""Which GPU is used: what is missing is said at the start, with what to do about it."""

from dataclasses import replace
from typing import NoReturn

import pytest
import torch

from sandboxes.contracts import Target
from sandboxes.devices.cuda import opening
from sandboxes.devices.cuda.errors import NoGpu
from sandboxes.devices.cuda.lease import GpuLease
from sandboxes.devices.cuda.opening import check_target, find_gpu, open_gpu, probe, probe_clocks, probe_target
from sandboxes.devices.cuda.real.libcuda import Driver, DriverMissing
from sandboxes.devices.cuda.simulated.facts import simulated_facts
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu
from sandboxes.hardware.targets import TARGETS, get_target
from tests.sandboxes.devices.cuda.real.stub import compiled_stub


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Driver:
    return Driver(str(compiled_stub(tmp_path_factory.mktemp("stub"))))


@pytest.fixture
def stubbed(stub: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a driver, and a PyTorch that has CUDA."""
    monkeypatch.setattr(opening, "driver", lambda: stub)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_simulated_gpu_is_there_without_one_and_says_what_it_is() -> None:
    gpu = open_gpu("simulated")
    assert isinstance(gpu, SimulatedGpu)
    assert gpu.facts.title == "NVIDIA H200 (simulated)"
    assert gpu.facts.simulated
    assert find_gpu("simulated:a100").title == "NVIDIA A100-SXM4-80GB (simulated)"
    with pytest.raises(NoGpu, match="CUDA_VISIBLE_DEVICES"):
        open_gpu("cuda:1")


@pytest.mark.skipif(torch.version.cuda is not None, reason="this PyTorch has CUDA")
def test_a_pytorch_without_cuda_is_said_with_what_to_install() -> None:
    with pytest.raises(NoGpu, match=r"built without CUDA; .*pip install.*KERNELGYM_GPU=simulated"):
        open_gpu()
    assert not probe().works
    assert "pip install" in (probe().remedy or "")


def test_a_missing_driver_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Driver:
        raise DriverMissing("libcuda.so.1: cannot open shared object file")

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(opening, "driver", missing)
    with pytest.raises(NoGpu, match=r"driver is not installed here \(libcuda.*; install it.*--gpus all"):
        find_gpu()


@pytest.mark.usefixtures("stubbed")
def test_a_gpu_is_found_without_a_context() -> None:
    facts = find_gpu()
    assert (facts.title, facts.arch, facts.multiprocessors) == ("NVIDIA H200", "90", 132)
    assert facts.uuid == "GPU-f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff"
    assert not facts.simulated
    assert set(facts.versions) == {"driver", "cuda", "torch", "triton"}
    row = probe()
    assert row.works
    assert "NVIDIA H200" in row.detail


@pytest.mark.usefixtures("stubbed")
def test_no_visible_gpu_names_the_setting_that_hides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_DEVICES", "0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    with pytest.raises(NoGpu, match=r"no GPU is visible \(CUDA_VISIBLE_DEVICES='7'.*nvidia-smi -L"):
        find_gpu()


@pytest.mark.usefixtures("stubbed")
def test_an_old_gpu_or_driver_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_MAJOR", "7")
    with pytest.raises(NoGpu, match=r"compute capability 7\.0; 8\.0 or newer"):
        find_gpu()
    monkeypatch.delenv("STUB_MAJOR")
    monkeypatch.setattr(torch.version, "cuda", "14.1")
    with pytest.raises(NoGpu, match=r"knows CUDA 13\.1, .* built for 14\.1: update the driver"):
        find_gpu()


def test_a_target_that_is_another_gpu_is_refused_and_the_right_one_named() -> None:
    h200 = simulated_facts(get_target("h200"))
    check_target(h200, get_target("h200"))
    with pytest.raises(NoGpu, match='use target="h200"'):
        check_target(h200, get_target("h100"))  # the same architecture, another GPU
    with pytest.raises(NoGpu, match='use target="h200"'):
        check_target(h200, get_target("b200"))
    unknown = replace(h200, title="NVIDIA GH200 480GB")
    check_target(unknown, get_target("h200"))  # of the same architecture, and nobody's in particular
    with pytest.raises(NoGpu, match=r"use a target of its architecture \(h200, h100\)"):
        check_target(unknown, get_target("a100"))
    with pytest.raises(NoGpu, match="register a target"):
        check_target(replace(unknown, arch="75"), get_target("a100"))


NVIDIA = [target for target in TARGETS.values() if target.backend == "cuda"]


@pytest.mark.parametrize("target", NVIDIA, ids=[target.name for target in NVIDIA])
def test_every_target_fits_its_own_gpu(target: Target) -> None:
    check_target(simulated_facts(target), target)


def test_a_target_that_describes_the_same_gpu_otherwise_fits_it() -> None:
    h200 = get_target("h200")
    check_target(simulated_facts(h200), h200.model_copy(update={"name": "measured", "dram_gb_per_s": 4300.0}))


def test_a_gpu_of_another_vendor_is_refused_before_any_gpu_is_looked_for() -> None:
    def nobody_asks() -> NoReturn:
        raise AssertionError("no GPU is opened for a target that none can be")

    with pytest.raises(NoGpu, match=r"`mi300x` is AMD Instinct MI300X, and only NVIDIA's .*use device=\"cpu\""):
        GpuLease(nobody_asks).open(get_target("mi300x"))


@pytest.mark.usefixtures("stubbed")
def test_doctors_rows_say_whether_the_gpu_is_the_target_and_its_clocks_can_be_read() -> None:
    assert probe_target(get_target("h200")).works
    other = probe_target(get_target("a100"))
    assert not other.works
    assert other.remedy == 'use target="h200"'
    assert "NVIDIA H200" in other.detail
    clocks = probe_clocks()  # NVML does not know the stub's GPU
    assert not clocks.works
    assert "kernelgym[gpu]" in (clocks.remedy or "")
