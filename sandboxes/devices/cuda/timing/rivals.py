"""The reference under `torch.compile`: how much faster than eager it is, measured once and kept.

Compiling takes seconds to a minute, which must not be part of every evaluation. What is kept is a ratio: eager times of
this evaluation divided by it are the compiled reference's, at today's clocks. It depends on the reference, its case,
precision, this GPU and all versions; all of them are in the key.
"""

import json
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

import torch

from sandboxes.contracts import Precision
from sandboxes.contracts.config import COMPILE_REFERENCE_S
from sandboxes.devices.cuda.errors import GpuError, GpuLost
from sandboxes.devices.cuda.gpu import Gpu, GpuFacts, Prepared, Sample
from sandboxes.devices.cuda.timing.sampling import Limits, Sampler
from sandboxes.devices.device import Rival
from sandboxes.shelf import Keeper, Kind

MEASURE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Compiled:
    """What is known of the compiled reference."""

    ratio: float | None
    """Time of the eager reference over its time; None if there is none."""
    reason: str = ""
    """Why there is none."""


class CompileTimeout(BaseException):
    """Compiling takes too long; no `Exception`, since compilers catch those."""


class PlainSide:
    """Implements `Side` for trusted work whose inputs may stay as they are.

    Args:
        prepared: The work on each slot.
    """

    def __init__(self, prepared: Sequence[Prepared]) -> None:
        self._prepared = prepared
        self._slot = 0

    def refresh(self, slot: int) -> None:
        """Goes to other addresses."""
        self._slot = slot

    def time(self) -> Sample:
        """Runs once."""
        return self._prepared[self._slot].time()

    def verify(self) -> None:
        """Nothing: it is trusted."""


def compiled_reference(
    gpu: Gpu,
    rival: Rival,
    precision: Precision,
    model: torch.nn.Module,
    inputs: Sequence[list[Any]],
    eager: Sequence[Prepared],
    *,
    shelf: Keeper | None,
    measures: bool,
) -> Compiled:
    """Returns how much faster the reference is under `torch.compile`, from the shelf or measured.

    Args:
        gpu: Where.
        rival: The reference.
        precision: Of both.
        model: Its module, on the device.
        inputs: On each slot.
        eager: The eager reference there.
        shelf: Where ratios are kept; None keeps none.
        measures: Compile and measure what is not on the shelf.
    """
    key = _key(gpu.facts, rival, precision)
    if shelf is not None and (kept := _read(shelf.get(Kind.TIMING, key))) is not None:
        return kept
    if not measures:
        return Compiled(None, "not measured yet; ask for it with `compiled_reference`")
    if gpu.facts.simulated:
        return Compiled(None, "a simulated GPU can't tell what compiled code takes")
    if not eager[0].captured:
        return Compiled(None, "the reference is no CUDA graph, so that the host's time would be compared")
    found = _measured(gpu, precision, model, inputs, eager)
    if shelf is not None:
        shelf.put(Kind.TIMING, key, json.dumps({"ratio": found.ratio, "reason": found.reason}).encode())
    return found


def _measured(
    gpu: Gpu, precision: Precision, model: torch.nn.Module, inputs: Sequence[list[Any]], eager: Sequence[Prepared]
) -> Compiled:
    try:
        with gpu.precision(precision), torch.no_grad(), _within(COMPILE_REFERENCE_S):
            compiled = torch.compile(model, fullgraph=False, dynamic=False)
            prepared = [gpu.prepare(_call(compiled, each, gpu.device)) for each in inputs]
    except CompileTimeout:
        return Compiled(None, f"torch.compile takes longer than {COMPILE_REFERENCE_S:g} s")
    except (GpuError, GpuLost):
        raise
    except Exception as error:  # noqa: BLE001 # the boundary to torch's compiler, which raises whatever its parts do
        words = next(iter(str(error).splitlines()), "")
        return Compiled(None, f"torch.compile fails: {type(error).__name__}: {words[:200]}")
    if not prepared[0].captured:
        return Compiled(None, "the compiled reference is no CUDA graph")
    samples = Sampler(
        PlainSide(prepared),
        PlainSide(eager),
        Limits(time_s=MEASURE_S),
        slots=len(inputs),
        clock=time.monotonic,
        read_clocks=gpu.clocks,
        draw=random.Random(secrets.randbits(64)),
    ).sample()
    return Compiled(float(samples.estimate.speedup))


def _call(model: Callable[..., Any], inputs: list[Any], device: torch.device) -> Callable[[], Any]:
    """Returns what runs a module; tensors that it makes on the way are on the device."""

    def call() -> Any:
        with device:
            return model(*inputs)

    return call


@contextmanager
def _within(limit_s: float) -> Iterator[None]:
    """Inside it `CompileTimeout` is raised after a while; only the main thread can be interrupted so.

    Raises:
        CompileTimeout: The time is up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(number: int, frame: FrameType | None) -> None:
        raise CompileTimeout

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _key(facts: GpuFacts, rival: Rival, precision: Precision) -> str:
    """Returns everything that the ratio depends on."""
    versions = sorted(facts.versions.items())
    case = rival.trial.case.name
    return json.dumps([rival.reference.digest, case, precision, facts.uuid, facts.title, versions])


def _read(raw: bytes | None) -> Compiled | None:
    """Returns what was kept; None if it is nothing."""
    try:
        found = json.loads(raw or b"")
        ratio = found["ratio"]
        return Compiled(None if ratio is None else float(ratio), str(found["reason"]))
    except (ValueError, LookupError, TypeError):
        return None
