"""A GPU whose profiler says what a test wants it to say."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from sandboxes.contracts import Clocks, Precision, Target, Variant
from sandboxes.devices.cuda.gpu import DeviceEvent, GpuFacts, Mark, Prepared, Sample

FACTS = GpuFacts(
    title="NVIDIA H200",
    uuid="GPU-1",
    arch="90",
    multiprocessors=132,
    memory_bytes=2**37,
    l2_bytes=2**10,
    versions={"driver": "580.65", "cuda": "13.0", "torch": "2.13.0", "triton": "3.9.0"},
)

Shown = tuple[int | None, float]
"""Who has the device, and for how long."""


class ProfiledGpu:
    """Implements as much of `Gpu` as profiles and ceilings need.

    Args:
        shown: What the profiler sees of each run, one after the other; the last of them again and again.
        device_us: What each piece of prepared work takes, in the order in which it is prepared.
        facts: What it is.
    """

    def __init__(
        self, shown: Sequence[Sequence[Shown]] = ((),), device_us: Sequence[float] = (), facts: GpuFacts = FACTS
    ) -> None:
        self.facts = facts
        self.device = torch.device("meta")
        self.prepared = 0
        self.precisions: list[Precision] = []
        self._shown = list(shown)
        self._device_us = list(device_us)
        self.marks: list[list[int]] = []

    def memory(self, size: int) -> torch.Tensor:
        return torch.empty(size, dtype=torch.uint8, device="meta")

    def load(self, variant: Variant, target: Target) -> Any:
        raise NotImplementedError

    def launch(self, kernel: Any, grid: tuple[int, int, int], args: Sequence[Any]) -> None:
        raise NotImplementedError

    def synchronize(self) -> None:
        pass

    def prepare(self, work: Callable[[], object], *, capture: bool = True) -> Prepared:
        work()
        self.prepared += 1
        return TimedWork(self._device_us[self.prepared - 1])

    def observe(self, work: Callable[[Mark], object]) -> list[DeviceEvent]:
        marks: list[int] = []

        @contextmanager
        def mark(index: int) -> Iterator[None]:
            marks.append(index)
            yield

        work(mark)
        self.marks.append(marks)
        stride = marks[0] + 1  # a run begins with the mark that is nobody's, the highest
        events, start_us = [], 0.0
        for run, first in enumerate(mark - marks[0] for mark in marks if mark % stride == marks[0]):
            for node, duration_us in self._shown[min(run, len(self._shown) - 1)]:
                events.append(
                    DeviceEvent(
                        name="k",
                        kind="kernel",
                        start_us=start_us,
                        duration_us=duration_us,
                        node=None if node is None else first + node,
                    )
                )
                start_us += duration_us + 1.0
        return events

    def faults(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def precision(self, precision: Precision) -> Iterator[None]:
        self.precisions.append(precision)
        yield

    def clocks(self) -> Clocks | None:
        return None

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


class TimedWork:
    """Implements `Prepared`."""

    captured = True

    def __init__(self, device_us: float) -> None:
        self._device_us = device_us

    def run(self) -> None:
        pass

    def time(self) -> Sample:
        return Sample(device_us=self._device_us, host_us=self._device_us + 5)
