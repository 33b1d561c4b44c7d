"""What a device has to do: replay a trace on given data, and say where the time goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from sandboxes.compilation import CompiledKernel
from sandboxes.contracts import Profile, Trace
from sandboxes.dataflow import Dataflow

Kernels = Mapping[tuple[int, int], CompiledKernel]
"""Compiled variants of a trace by (node, variant); a variant that does not fit the target is missing."""


@dataclass(frozen=True, slots=True)
class Run:
    """One replay: what came out, and what the device noted on the way."""

    output: Any
    """A tensor or nested tuples and lists of tensors and plain values."""
    inputs: list[Any]
    """The inputs afterwards."""
    notes: Any = None
    """Private to the device, for its own `profile`."""


class Device(Protocol):
    """A place where traces are replayed.

    Raises (both methods):
        MalformedTrace: The trace contradicts itself.
        TTIRError: The candidate's kernel faults, is unsupported or takes too long; see `sandboxes.ttir.errors`.
    """

    @property
    def name(self) -> str:
        """`cpu` or `cuda`."""
        ...

    def run(
        self, trace: Trace, inputs: Sequence[Any], constants: Mapping[str, torch.Tensor], chosen: Mapping[int, int]
    ) -> Run:
        """Replays `trace` on `inputs` (consumed: they may change), launching variant `chosen[node]` of each launch."""
        ...

    def profile(self, trace: Trace, flow: Dataflow, kernels: Kernels, chosen: Mapping[int, int], run: Run) -> Profile:
        """Prices or times the bench case of which `run` is a replay."""
        ...
