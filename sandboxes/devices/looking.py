"""Looks at the addresses of launches, at each that is alike only once."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import torch

from sandboxes.contracts import Resources, Target, Variant
from sandboxes.hardware.code.code import Code
from sandboxes.hardware.facts import LaunchFacts
from sandboxes.hardware.gathering.launch import facts_of, unread
from sandboxes.hardware.traffic.examining import WORK, Examination, NotExamined, examine
from sandboxes.hardware.work import Work
from sandboxes.ttir import Counters, DescriptorArgument, Module
from sandboxes.ttir.addresses.dependence import decides

LEAST_WORK: Final = 2**24
"""Elements that looking at any launch takes, however few its programs compute: 40 ms go into its accesses."""
PROGRAM_WORK: Final = 2**33
"""Elements for all launches of a program, 20 s or so; a candidate may have thousands, each of another kind."""
MOST: Final = 256
"""Launches that are remembered."""


class Looker:
    """Finds out which memory launches access, at programs that the candidate can't know.

    Args:
        target: The GPU.
        seed: The judge's; draws which programs are looked at.
        hollow: Whether tensors hold no values that mean anything.
        work: Elements to compute for one launch, see `examine`.
    """

    def __init__(self, target: Target, seed: int, *, hollow: bool = False, work: int = WORK) -> None:
        self.target = target
        self._seed = seed
        self.hollow = hollow
        self._work = work
        self._left = PROGRAM_WORK
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
        found = self._anew(module, variant, args, resources, code)
        if found is not None and not found.dependent_share and len(self._known) < MOST:
            self._known[key] = found
        return found

    def _anew(
        self, module: Module, variant: Variant, args: Sequence[Any], resources: Resources, code: Code | None
    ) -> Examination | None:
        if self._left < LEAST_WORK:
            return None
        work = min(self._work, self._left)
        try:
            found = examine(
                module,
                variant.grid,
                args,
                code,
                resources,
                self.target,
                seed=self._seed,
                hollow=self.hollow,
                work=work,
            )
        except NotExamined:
            self._left -= work
            return None
        self._left -= max(LEAST_WORK, found.computed)
        return found


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
        """See `facts_of`; of compiled code that can't be read, units and pipelining are taken to be the worst."""
        target = self.looker.target
        facts = facts_of(module, work, counters, scale, variant, self.resources, target, self.code, examination)
        if self.looker.hollow and decides(module):
            facts = replace(facts, guessed=True, undecided=True)
        return facts if self.code is not None else unread(facts, target)


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
