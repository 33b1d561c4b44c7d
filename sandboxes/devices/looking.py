"""Looks at the addresses of launches, at each that is alike only once."""

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from sandboxes.contracts import Resources, Target, Variant
from sandboxes.hardware.code.code import Code
from sandboxes.hardware.facts import LaunchFacts
from sandboxes.hardware.gathering import facts_of
from sandboxes.hardware.traffic.examining import Examination, NotExamined, examine
from sandboxes.hardware.work import Work
from sandboxes.ttir import Counters, DescriptorArgument, Module

LAUNCH_SECONDS: Final = 0.5
"""For the addresses of one launch."""
AGAIN: Final = 4.0
"""Times as long, if that was not enough even for a few programs: the machine may be busy."""
PROGRAM_SECONDS: Final = 20.0
"""For all launches of a program; a candidate may have thousands, each of another kind."""
MOST: Final = 256
"""Launches that are remembered."""


class Looker:
    """Finds out which memory launches access, at programs that the candidate can't know.

    Args:
        target: The GPU.
        seed: The judge's; draws which programs are looked at.
        hollow: Whether tensors hold no values that mean anything.
        launch_seconds: For one launch.
    """

    def __init__(
        self, target: Target, seed: int, *, hollow: bool = False, launch_seconds: float = LAUNCH_SECONDS
    ) -> None:
        self.target = target
        self._seed = seed
        self._hollow = hollow
        self._launch_seconds = launch_seconds
        self._left_s = PROGRAM_SECONDS
        self._known: dict[Hashable, Examination] = {}

    def examined(
        self, module: Module, variant: Variant, args: Sequence[Any], resources: Resources, code: Code | None
    ) -> Examination | None:
        """Returns the memory traffic of a launch, None if nothing can be said about it.

        It must not have run yet: what it loads may be what it overwrites.
        """
        key = (variant.ttir, variant.grid, tuple(map(_seen, args)), _sharing(args), resources, code)
        if key in self._known:
            return self._known[key]
        started = time.monotonic()
        found = self._anew(module, variant, args, resources, code)
        self._left_s -= time.monotonic() - started
        if found is not None and not found.dependent_share and len(self._known) < MOST:
            self._known[key] = found
        return found

    def _anew(
        self, module: Module, variant: Variant, args: Sequence[Any], resources: Resources, code: Code | None
    ) -> Examination | None:
        for seconds in (self._launch_seconds, AGAIN * self._launch_seconds):
            limit = min(seconds, self._left_s)
            if limit <= 0:
                return None
            started = time.monotonic()
            try:
                return examine(
                    module,
                    variant.grid,
                    args,
                    code,
                    resources,
                    self.target,
                    seed=self._seed,
                    hollow=self._hollow,
                    max_seconds=limit,
                )
            except NotExamined:
                if time.monotonic() - started < limit / 2:
                    return None  # it can't be looked at, however long
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Who looks at one launch, and what is known of its compiled code."""

    looker: Looker
    resources: Resources
    code: Code | None = None

    def examined(self, module: Module, variant: Variant, args: Sequence[Any]) -> Examination | None:
        """See `Looker.examined`."""
        return self.looker.examined(module, variant, args, self.resources, self.code)

    def facts(
        self,
        module: Module,
        variant: Variant,
        work: Work,
        counters: Counters,
        scale: float,
        examination: Examination | None,
    ) -> LaunchFacts:
        """See `facts_of`."""
        target = self.looker.target
        return facts_of(module, work, counters, scale, variant, self.resources, target, self.code, examination)


def _seen(argument: Any) -> Hashable:
    """Returns what a kernel sees of an argument, without what is in memory."""
    if isinstance(argument, DescriptorArgument):
        return ("descriptor", _seen(argument.base), tuple(argument.shape), tuple(argument.strides))
    if not isinstance(argument, torch.Tensor):
        return (type(argument).__name__, argument)
    return (
        str(argument.dtype),
        argument.storage_offset(),
        tuple(argument.shape),
        tuple(argument.stride()),
        argument.untyped_storage().nbytes(),
    )


def _sharing(args: Sequence[Any]) -> tuple[int, ...]:
    """Returns which arguments share memory, by the position of the first of them."""
    tensors = [argument.base if isinstance(argument, DescriptorArgument) else argument for argument in args]
    places: dict[int, int] = {}
    return tuple(
        places.setdefault(tensor.untyped_storage().data_ptr(), position) if isinstance(tensor, torch.Tensor) else -1
        for position, tensor in enumerate(tensors)
    )
