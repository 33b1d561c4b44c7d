"""The compiled reference: measured once, kept as a ratio."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from sandboxes.contracts import Precision
from sandboxes.devices.cuda.gpu import GpuFacts, Sample
from sandboxes.devices.cuda.timing import rivals
from sandboxes.devices.cuda.timing.rivals import Compiled, compiled_reference
from sandboxes.devices.device import Rival
from sandboxes.shelf import Shelf
from tests.sandboxes.devices.cuda.programs import QuickGpu
from tests.sandboxes.devices.cuda.timing.test_measuring import rival


class Fixed:
    """Implements `Prepared`: always takes as long."""

    captured = True

    def __init__(self, time_us: float) -> None:
        self.time_us = time_us

    def run(self) -> None:
        pass

    def time(self) -> Sample:
        return Sample(device_us=self.time_us, host_us=self.time_us + 5)


class RealLookingGpu(QuickGpu):
    """Says of itself that its times are real."""

    driver = "1"

    @property
    def facts(self) -> GpuFacts:
        facts = super().facts
        versions = {**facts.versions, "driver": self.driver}
        return GpuFacts(
            title=facts.title,
            uuid=facts.uuid,
            arch=facts.arch,
            multiprocessors=facts.multiprocessors,
            memory_bytes=facts.memory_bytes,
            l2_bytes=facts.l2_bytes,
            versions=versions,
        )

    def prepare(self, work: Any, *, capture: bool = True) -> Any:
        work()
        return Fixed(40.0)


def ask(gpu: QuickGpu, shelf: Shelf | None, *, measures: bool, against: Rival | None = None) -> Compiled:
    inputs = [[torch.ones(4)], [torch.ones(4)]]
    eager = [Fixed(60.0), Fixed(60.0)]
    model = torch.nn.Identity()
    return compiled_reference(
        gpu, against or rival(), Precision.FP32, model, inputs, eager, shelf=shelf, measures=measures
    )


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []

    def compile_(model: Any, **options: Any) -> Any:
        calls.append(1)
        return model

    monkeypatch.setattr(torch, "compile", compile_)
    return calls


def test_it_is_compiled_once_and_kept(tmp_path: Path, compiles: list[int]) -> None:
    shelf = Shelf(tmp_path / "shelf")
    gpu = RealLookingGpu()
    assert ask(gpu, shelf, measures=False).ratio is None
    assert ask(gpu, shelf, measures=True).ratio == pytest.approx(1.5)
    assert ask(gpu, shelf, measures=False).ratio == pytest.approx(1.5)
    assert ask(gpu, shelf, measures=True).ratio == pytest.approx(1.5)
    assert len(compiles) == 1


def test_another_driver_is_another_question(tmp_path: Path, compiles: list[int]) -> None:
    shelf = Shelf(tmp_path / "shelf")
    gpu = RealLookingGpu()
    ask(gpu, shelf, measures=True)
    gpu.driver = "2"
    assert ask(gpu, shelf, measures=False).ratio is None


def test_that_it_fails_to_compile_is_said_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(model: Any, **options: Any) -> Any:
        raise ValueError("no such backend")

    monkeypatch.setattr(torch, "compile", fail)
    shelf = Shelf(tmp_path / "shelf")
    found = ask(RealLookingGpu(), shelf, measures=True)
    assert found == Compiled(None, "torch.compile fails: ValueError: no such backend")
    assert ask(RealLookingGpu(), shelf, measures=False) == found


def test_compiling_ends_when_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_(model: Any, **options: Any) -> Any:
        try:
            time.sleep(10)
        except Exception:  # noqa: BLE001 # what compilers do
            pytest.fail("a compiler may catch this")

    monkeypatch.setattr(torch, "compile", compile_)
    monkeypatch.setattr(rivals, "COMPILE_REFERENCE_S", 0.05)
    begin = time.monotonic()
    assert "longer than 0.05 s" in ask(RealLookingGpu(), None, measures=True).reason
    assert time.monotonic() - begin < 5
    found: list[Compiled] = []
    monkeypatch.setattr(torch, "compile", lambda model, **options: model)
    thread = threading.Thread(target=lambda: found.append(ask(RealLookingGpu(), None, measures=True)))
    thread.start()
    thread.join()
    assert found[0].ratio == pytest.approx(1.5)


def test_a_simulated_gpu_does_not_tell_what_compiled_code_takes() -> None:
    assert "simulated" in ask(QuickGpu(), None, measures=True).reason
