"""What the real GPU asks of torch, and in which order, when work is recorded: on a torch.cuda that only takes notes."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from sandboxes.devices.cuda.errors import GpuError, GpuFault, NoGpu
from sandboxes.devices.cuda.gpu import GpuFacts
from sandboxes.devices.cuda.real.libcuda import DriverError
from sandboxes.devices.cuda.real.torch_gpu import TorchGpu, TorchGraph, TorchLaunches

FACTS = GpuFacts(
    title="NVIDIA H200",
    uuid="GPU-1",
    arch="90",
    multiprocessors=132,
    memory_bytes=2**30,
    l2_bytes=1000,
    versions={"driver": "CUDA 13.0"},
)


class Notes:
    """A torch.cuda and a driver without a GPU behind them."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.number = 0
        self.mode = 0
        self.limit: DriverError | None = None
        self.end_fails = False

    def note(self, text: str) -> Callable[..., None]:
        return lambda *_, **__: self.said.append(text)

    # the driver

    def synchronize(self) -> int:
        return self.number

    def describe(self, number: int) -> str:
        return f"error {number}"

    def allow_no_persisting_l2(self) -> None:
        if self.limit is not None:
            raise self.limit

    def reset_persisting_l2(self) -> None:
        self.said.append("reset L2")


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    made = Notes()

    class Stream:
        def __init__(self, *_: Any) -> None: ...
        def wait_stream(self, other: Any) -> None: ...

    class Event:
        def __init__(self, *, enable_timing: bool = False, external: bool = False) -> None:
            assert enable_timing
            self.kind = "external" if external else "event"

        def record(self, stream: Any = None) -> None:
            made.said.append(self.kind)

        def elapsed_time(self, end: "Event") -> float:
            return 0.25

    class Graph:
        def capture_begin(self, *, capture_error_mode: str) -> None:
            made.said.append(f"begin {capture_error_mode}")

        def capture_end(self) -> None:
            made.said.append("end")
            if made.end_fails:
                error = torch.AcceleratorError("operation failed due to a previous error during capture")
                error.error_code = 901  # type: ignore[attr-defined]
                raise error

        def replay(self) -> None:
            made.said.append("replay")

    class Generator:
        def clone_state(self) -> str:
            return "clone"

        def graphsafe_set_state(self, state: str) -> None:
            made.said.append(f"generator {state}")

    @contextlib.contextmanager
    def stream(_: Any) -> Iterator[None]:
        yield

    def set_mode(mode: int) -> None:
        made.mode = mode

    empty = torch.empty
    fakes: dict[str, Any] = {
        "Stream": Stream,
        "Event": Event,
        "CUDAGraph": Graph,
        "default_generators": (Generator(),),
        "stream": stream,
        "current_stream": lambda *_: Stream(),
        "synchronize": made.note("wait"),
        "set_device": made.note("device"),
        "get_sync_debug_mode": lambda: made.mode,
        "set_sync_debug_mode": set_mode,
        "empty_cache": made.note("empty cache"),
    }
    for name, fake in fakes.items():
        assert hasattr(torch.cuda, name)
        monkeypatch.setattr(torch.cuda, name, fake)
    monkeypatch.setattr("sandboxes.devices.cuda.real.torch_gpu.driver", lambda: made)
    monkeypatch.setattr(torch, "empty", lambda size, *, dtype, device=None: empty(size, dtype=dtype))
    return made


def waiting(notes: Notes) -> Callable[[], None]:
    """Work that looks at a number, with torch's check for that."""

    def work() -> None:
        notes.said.append("work")
        if notes.mode == 2:
            raise RuntimeError("called a synchronizing CUDA operation")

    return work


def test_events_lie_inside_of_the_graph_directly_around_the_work(notes: Notes) -> None:
    gpu = TorchGpu(FACTS)
    notes.said.clear()
    prepared = gpu.prepare(notes.note("work"))
    assert isinstance(prepared, TorchGraph)
    assert prepared.captured
    recorded = notes.said[notes.said.index("begin thread_local") :]
    assert recorded == ["begin thread_local", "external", "work", "external", "end", "wait"]
    assert notes.said[: notes.said.index("begin thread_local")] == ["work", "wait", "work", "wait"]
    assert notes.mode == 0


def test_a_timed_run_is_flushed_and_the_host_waits_before_and_after(notes: Notes) -> None:
    prepared = TorchGpu(FACTS).prepare(notes.note("work"))
    notes.said.clear()
    sample = prepared.time()
    assert notes.said == ["wait", "reset L2", "replay", "wait"]
    assert sample.device_us == 250
    prepared.run()
    assert notes.said[-1] == "replay"


def test_work_that_waits_for_the_device_is_never_recorded(notes: Notes) -> None:
    gpu = TorchGpu(FACTS)
    notes.said.clear()
    prepared = gpu.prepare(waiting(notes))
    assert isinstance(prepared, TorchLaunches)
    assert not prepared.captured
    assert notes.said == ["work", "wait", "work", "wait"], "what was launched before it waited has ended"
    assert not any(said.startswith("begin") for said in notes.said)
    assert notes.mode == 0
    notes.said.clear()
    prepared.time()
    assert notes.said == ["wait", "reset L2", "event", "work", "event", "wait"]


def test_work_that_waits_for_all_streams_is_never_recorded_either(notes: Notes) -> None:
    gpu = TorchGpu(FACTS)
    assert not gpu.prepare(gpu.synchronize).captured
    assert not any(said.startswith("begin") for said in notes.said)
    assert gpu.prepare(notes.note("work")).captured


def test_a_recording_that_fails_leaves_torch_in_order(notes: Notes) -> None:
    notes.end_fails = True
    prepared = TorchGpu(FACTS).prepare(notes.note("work"))
    assert isinstance(prepared, TorchLaunches)
    assert notes.said[-1] == "generator clone"


def test_a_kernel_that_fails_while_it_is_recorded_is_a_fault(notes: Notes) -> None:
    gpu = TorchGpu(FACTS)

    def work() -> None:
        if "begin thread_local" in notes.said:
            notes.number = 700
            raise RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered")

    with pytest.raises(GpuError) as error:
        gpu.prepare(work)
    assert error.value.fault is GpuFault.ILLEGAL_ACCESS


def test_work_is_launched_piece_by_piece_if_that_is_asked_for(notes: Notes) -> None:
    prepared = TorchGpu(FACTS).prepare(notes.note("work"), capture=False)
    assert not prepared.captured
    assert notes.said.count("work") == 1


@pytest.mark.parametrize("number", [215, 801])
def test_a_gpu_that_can_set_no_l2_aside_is_flushed_without_resetting_any(notes: Notes, number: int) -> None:
    notes.limit = DriverError(number, "unsupported limit")
    prepared = TorchGpu(FACTS).prepare(notes.note("work"))
    notes.said.clear()
    prepared.time()
    assert notes.said == ["wait", "replay", "wait"]


def test_errors_are_no_gpus_of_their_own(notes: Notes) -> None:
    notes.limit = DriverError(700, "illegal address")
    with pytest.raises(GpuError) as error:
        TorchGpu(FACTS)
    assert error.value.fault is GpuFault.ILLEGAL_ACCESS
    assert not isinstance(error.value, NoGpu)
