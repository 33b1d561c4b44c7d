"""Which autotuned variant of a launch is the fastest: all that compile are measured, in the program itself.

Each runs on the values that the program has there, and never on what another one has stored. All are measured in turns,
so that slow and fast times of the GPU hit them alike.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

import torch

from sandboxes.contracts import Descriptor, Launch, TensorRef, TensorSpec, Trace
from sandboxes.dataflow import launch_access
from sandboxes.devices.cuda.arena import Slot
from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.gpu import Gpu, Prepared
from sandboxes.devices.cuda.running import Loaded
from sandboxes.devices.launching import bound_arguments
from sandboxes.replay import Values

SAMPLES: Final = 5
"""Times that each variant is measured."""

Signature = tuple[object, ...]


@dataclass(slots=True, kw_only=True)
class Chooser:
    """Chooses while a program runs: its `launch` is what launches go through.

    Args:
        gpu: Where to measure.
        trace: The program's.
        loaded: All variants that compile, by (node, variant); each launch has one at least.
        slot: Whose guards are looked at after each variant.
        deadline_s: On `time.monotonic`'s clock. What is not measured by then is not chosen, unless nothing is.
    """

    gpu: Gpu
    trace: Trace
    loaded: Loaded
    slot: Slot
    deadline_s: float
    choice: dict[int, int] = field(default_factory=dict)
    """By node, as far as the program has come."""
    measured: int = 0
    """Variants that were measured."""
    _known: dict[Signature, int] = field(default_factory=dict)

    def launch(self, index: int, node: Launch, values: Values) -> None:
        """Measures a launch's variants, and goes on with the fastest.

        Raises:
            GpuError: A variant fails, in a way that is not just too large for the GPU, or all are too large.
        """
        numbers = [number for number in range(len(node.variants)) if (index, number) in self.loaded]
        kept = _Kept.of(node, numbers, values)
        try:
            self.choice[index] = self._fastest(index, node, numbers, values, kept)
            self._work(index, node, self.choice[index], values)()
            self.gpu.synchronize()
            self.slot.check()
        except GpuError as error:
            raise GpuError(error.fault, error.detail, index) from error

    def _fastest(self, index: int, node: Launch, numbers: Sequence[int], values: Values, kept: "_Kept") -> int:
        if len(numbers) == 1:
            return numbers[0]
        signature = _signature(node, numbers, self.trace.values)
        if signature not in self._known:
            samples = self._sampled(index, node, numbers, values, kept)
            self.measured += len(samples)
            self._known[signature] = min(samples, key=lambda number: median(samples[number]), default=numbers[0])
        return self._known[signature]

    def _sampled(
        self, index: int, node: Launch, numbers: Sequence[int], values: Values, kept: "_Kept"
    ) -> dict[int, list[float]]:
        """Returns device times by variant, in microseconds; memory is as before."""
        prepared: dict[int, Prepared] = {}
        too_large: list[GpuError] = []
        for number in numbers:
            if time.monotonic() > self.deadline_s:
                break
            try:
                prepared[number] = self.gpu.prepare(self._work(index, node, number, values))
                self.gpu.synchronize()
            except GpuError as error:
                if error.fault is not GpuFault.OUT_OF_RESOURCES:
                    raise
                too_large.append(error)
                continue
            finally:
                kept.restore()
            self.slot.check()
        if not prepared and too_large:
            raise too_large[0]
        samples: dict[int, list[float]] = {}
        for turn in range(SAMPLES):
            for number in list(prepared) if turn % 2 == 0 else reversed(list(prepared)):
                if time.monotonic() > self.deadline_s and turn:
                    break  # with one sample of each at least
                samples.setdefault(number, []).append(prepared[number].time().device_us)
                kept.restore()
        return {number: samples[number] for number in sorted(samples)}

    def _work(self, index: int, node: Launch, number: int, values: Values) -> Any:
        args = bound_arguments(index, node, number, values)
        kernel, grid = self.loaded[index, number], node.variants[number].grid
        return lambda: self.gpu.launch(kernel, grid, args)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a launch may change, as it was before."""

    before: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    """Whole storages and their copies."""

    @classmethod
    def of(cls, node: Launch, numbers: Sequence[int], values: Values) -> "_Kept":
        """Copies what any of several variants writes to; nothing if there is only one."""
        storages: dict[int, torch.Tensor] = {}
        for number in numbers if len(numbers) > 1 else ():
            for argument, _, is_written in launch_access(node.variants[number]):
                if is_written:
                    tensor = values[argument.id]
                    whole = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(tensor.untyped_storage())
                    storages[whole.data_ptr()] = whole
        return cls(tuple((whole, whole.clone()) for whole in storages.values()))

    def restore(self) -> None:
        """Puts everything back."""
        for whole, copy in self.before:
            whole.copy_(copy)


def _signature(node: Launch, numbers: Sequence[int], specs: Sequence[TensorSpec]) -> Signature:
    """Returns what decides how long each variant of a launch takes, but for the numbers in memory."""
    return tuple(
        (
            variant.ttir,
            variant.grid,
            variant.num_warps,
            variant.num_stages,
            variant.num_ctas,
            variant.maxnreg,
            *(_argument_signature(argument, specs) for argument in variant.args),
        )
        for variant in (node.variants[number] for number in numbers)
    ) + tuple(numbers)


def _argument_signature(argument: object, specs: Sequence[TensorSpec]) -> object:
    if isinstance(argument, TensorRef):
        return specs[argument.id]
    if isinstance(argument, Descriptor):
        return (specs[argument.base.id], argument.shape, argument.strides, argument.block_shape, argument.padding)
    return argument
