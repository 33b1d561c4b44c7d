"""What a device has to do: replay a trace on given data, and say where the time goes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from sandboxes.compilation import CompiledKernel
from sandboxes.contracts import Profile, Target, Trace
from sandboxes.dataflow import Dataflow
from sandboxes.reference import LiveReference
from sandboxes.replay import LaunchFunction
from sandboxes.truth import Home, Trial

Around = Callable[[LaunchFunction], LaunchFunction]
"""Wraps what runs a launch, to look at its arguments before and after, or to change them."""

Choice = Mapping[int, int]
"""For each launch (by node index) the variant to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A validated trace with everything that is needed to run it."""

    trace: Trace
    flow: Dataflow
    constants: Mapping[str, torch.Tensor]
    """Data by `Constant.key`; never written to."""
    kernels: Mapping[tuple[int, int], CompiledKernel]
    """Compiled variants by (node, variant); empty where only correctness is asked for."""
    target: Target | None = None
    """What they are compiled for."""
    hollow: bool = False
    """There is no data, only shapes: to be priced, never judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One replay: what came out, and what the device noted on the way."""

    output: Any
    """A tensor or nested tuples and lists of tensors and plain values."""
    inputs: list[Any]
    """The inputs afterwards."""
    changed_weights: tuple[str, ...] = ()
    """Keys of parameters that are not what they were before."""
    in_any_order: frozenset[str] = frozenset()
    """Kernels whose programs ran in a random order because they can tell the order."""
    notes: Any = None
    """Private to the device, for its own `profile`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """What a candidate is timed against: the reference at the bench case."""

    reference: LiveReference
    graph: Trace
    """Its `forward`, recorded in the same form."""
    trial: Trial
    """How inputs are drawn and weights are built."""


CompileInOrder = Callable[[Mapping[int, Sequence[int]]], Program]
"""Compiles the variants of each launch in the order given, as many as are worth it."""


class Device(Protocol):
    """A place where programs run.

    Raises (all methods):
        MalformedTrace: The trace contradicts itself.
        TTIRError: A kernel faults, is unsupported or takes too long (see `sandboxes.ttir.errors`).
    """

    @property
    def home(self) -> Home | None:
        """Where outputs stay, in memory that kernels reach; None if they are on the CPU, where each access is checked.

        A truth must not be there before the candidate has run.
        """
        ...

    def choose(
        self,
        program: Program,
        inputs: Callable[[], Sequence[Any]],
        compile_in_order: CompileInOrder,
        target: Target,
        deadline_s: float,
    ) -> tuple[Program, Choice]:
        """Has variants compiled, most promising first, and chooses the fastest of each launch.

        Draws inputs only if there is something to choose.
        """
        ...

    def run(
        self,
        program: Program,
        inputs: Sequence[Any],
        choice: Choice,
        deadline_s: float,
        seed: int,
        around: Around | None = None,
    ) -> Run:
        """Replays on `inputs` (consumed: they may change, but for a `home`, where they are copied to)
        until `deadline_s` on `time.monotonic`'s clock.

        `seed` draws what kernels must not rely on, such as the order of programs; the candidate does not know it.

        `around` is what every launch goes through.

        Of a hollow program only a few programs of each launch run, on memory full of zeros; there is no output.

        The addresses of a compiled program's launches are looked at for their prices, unless it runs inside `around`:
        then nobody asks for a profile.
        """
        ...

    def profile(self, program: Program, choice: Choice, run: Run, rival: Rival, target: Target) -> Profile:
        """Prices or times the program of which `run` is a replay, and the reference next to it."""
        ...
