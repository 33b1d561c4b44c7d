"""What the device did and for which node, as torch's profiler (Kineto over CUPTI) tells it.

Only what ran on the device counts, never the time of the host around it. Each node's launches are inside a range
(`record_function`). A device event has the number of the call of CUDA that launched it (its correlation id, made by
CUPTI for whatever launches: torch, cuBLAS or Triton); which range that call began in says which node it belongs to.
Where the call is not shown, the operator of torch stands in that the event is linked to; Kineto links no range, so what
Triton launches is linked to nothing. Names of kernels are not looked at: a candidate chooses them.
"""

import contextlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from sandboxes.devices.cuda.gpu import DeviceEvent, Mark

RANGE: Final = "kernelgym.node."
"""How the ranges' names begin. They have no say in what a kernel's name may be: ranges are told by where they ran."""


CALL: Final = "cu"
"""How the names of CUDA's calls begin (`cudaLaunchKernel`, `cuLaunchKernelEx`). Operators have a namespace before."""


@dataclass(frozen=True, slots=True)
class _Range:
    start_ns: int
    end_ns: int
    node: int


def profiled_events(work: Callable[[Mark], object]) -> list[DeviceEvent]:
    """Does work under the profiler; returns what the device did, in order of time."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], acc_events=True) as profiler:
        work(mark)
        torch.cuda.synchronize()
    inner: Any = profiler.profiler
    return device_events(inner.kineto_results.events())


@contextlib.contextmanager
def mark(node: int) -> Iterator[None]:
    """What is launched inside belongs to `node`."""
    with record_function(f"{RANGE}{node}"):
        yield


def device_events(events: Iterable[Any]) -> list[DeviceEvent]:
    """Returns what the device did, with the node of each.

    Args:
        events: Of Kineto, of host and device.
    """
    everything = list(events)
    host = [event for event in everything if event.device_type() == DeviceType.CPU]
    # Kineto numbers operators, CUPTI numbers calls: the same number means two things
    calls = {event.correlation_id(): event.start_ns() for event in host if _is_call(event)}
    operators = {event.correlation_id(): event.start_ns() for event in host if not _is_call(event)}
    ranges = sorted(
        (
            _Range(event.start_ns(), event.start_ns() + event.duration_ns(), int(event.name()[len(RANGE) :]))
            for event in host
            if event.is_user_annotation() and event.name().startswith(RANGE)
        ),
        key=lambda item: item.start_ns,
    )
    found = []
    for event in everything:
        if event.device_type() != DeviceType.CUDA or event.is_user_annotation():
            continue
        launched_ns = calls.get(event.correlation_id(), operators.get(event.linked_correlation_id()))
        found.append(
            DeviceEvent(
                name=event.name(),
                kind=_kind(event.name()),
                start_us=event.start_ns() / 1e3,
                duration_us=event.duration_ns() / 1e3,
                node=None if launched_ns is None else _node(ranges, launched_ns),
            )
        )
    return sorted(found, key=lambda event: event.start_us)


def _is_call(event: Any) -> bool:
    """True for a call of CUDA's runtime or driver, among events of the host."""
    return event.name().startswith(CALL) and not event.is_user_annotation()


def _node(ranges: list[_Range], at_ns: int) -> int | None:
    """Returns the node of the innermost range around a moment; ranges are nested or apart."""
    last = bisect_right(ranges, at_ns, key=lambda item: item.start_ns)
    return next((item.node for item in reversed(ranges[:last]) if at_ns <= item.end_ns), None)


def _kind(name: str) -> str:
    """Returns what a device event is, by how CUPTI's copies and fills are called."""
    if name.startswith("Memcpy "):
        return "memcpy"
    return "memset" if name.startswith("Memset ") else "kernel"


def timing_event(*, external: bool = False) -> Any:
    """Returns an event that knows when it was recorded.

    Args:
        external: It becomes a node of a graph that is being recorded, and can be read each time the graph has run.
    """
    return torch.cuda.Event(enable_timing=True, external=external)  # type: ignore[no-untyped-call]
