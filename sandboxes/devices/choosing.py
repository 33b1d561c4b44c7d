"""Chooses a variant of every launch by the hardware model, before and after some of them are compiled.

All variants are looked at without running them. What nobody can look at is judged by a few programs, and then all
variants of that launch are, so that none has an advantage. Nothing is paid for a choice: what was chosen is priced
again, at programs that the candidate can't know.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import torch

from sandboxes.contracts import Launch, Resources, Target, Variant, references
from sandboxes.devices.launching import bound_arguments, launch, storage_sizes
from sandboxes.devices.looking import Looker
from sandboxes.hardware.code.code import Code
from sandboxes.hardware.executed import work_of_counters
from sandboxes.hardware.gathering.launch import facts_of, unread
from sandboxes.hardware.pricing import price_launch
from sandboxes.hardware.traffic.examining import WORK, Examination
from sandboxes.hardware.work import Work
from sandboxes.replay import LaunchFunction, Values
from sandboxes.ttir import Counters, Module, parse

LOOKING_WORK: Final = WORK // 4
"""For the addresses of one variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What a few programs of a variant do."""

    module: Module
    variant: Variant
    work: Work
    counters: Counters
    scale: float
    examination: Examination | None

    def time_us(self, target: Target, resources: Resources, code: Code | None, *, compiled: bool) -> float:
        """Returns how long it takes with what the compiler made of it, or may make of it."""
        facts = facts_of(
            self.module, self.work, self.counters, self.scale, self.variant, resources, target, code, self.examination
        )
        if self.examination is None:
            facts = replace(facts, accesses=())
        if compiled and code is None:
            facts = unread(facts, target)
        return price_launch(target, facts).time_us


class Choosing:
    """Knows what the variants of a program's launches do.

    Args:
        target: The GPU.
        deadline_s: On `time.monotonic`'s clock.
        hollow: Whether tensors hold no values that mean anything.
        copied: Returns a tensor that a sample may write to.
    """

    def __init__(
        self, target: Target, deadline_s: float, *, hollow: bool, copied: Callable[[torch.Tensor], torch.Tensor]
    ) -> None:
        self._target = target
        self._deadline_s = deadline_s
        self._copied = copied
        self._looker = Looker(target, seed=0, hollow=hollow, work=LOOKING_WORK)
        self._sampled: dict[tuple[int, int], Sampled] = {}

    def sampling(self) -> LaunchFunction:
        """Returns what looks at all variants of a launch, and does not run it."""

        def sample(index: int, node: Launch, values: Values) -> None:
            if len(node.variants) > 1:
                found = {number: self._look(index, node, number, values) for number in range(len(node.variants))}
                for number, looked in found.items():
                    complete = looked if all(found.values()) else None
                    self._sampled[index, number] = complete or self._run(index, node, number, values)

        return sample

    def promise(self, index: int, number: int) -> float:
        """Returns how long a variant may take that is not compiled yet; 0 if there is nothing to choose from."""
        found = self._sampled.get((index, number))
        return (
            0.0
            if found is None
            else found.time_us(self._target, assumed(found.variant, self._target), None, compiled=False)
        )

    def time_us(self, index: int, number: int, resources: Resources, code: Code | None) -> float:
        """Returns how long a compiled variant takes."""
        return self._sampled[index, number].time_us(self._target, resources, code, compiled=True)

    def _look(self, index: int, node: Launch, number: int, values: Values) -> Sampled | None:
        variant = node.variants[number]
        module, args = parse(variant.ttir), bound_arguments(index, node, number, values)
        examination = self._looker.examined(module, variant, args, assumed(variant, self._target), None)
        if examination is None:
            return None
        work = work_of_counters(examination.counters, sizes=storage_sizes(module, args))
        return Sampled(
            module=module,
            variant=variant,
            work=work,
            counters=examination.counters,
            scale=1.0,
            examination=examination,
        )

    def _run(self, index: int, node: Launch, number: int, values: Values) -> Sampled:
        """Returns what a few programs do that are run; their addresses are taken to be as good as can be."""
        variant = node.variants[number]
        copies = {id_: self._copied(values[id_]) for id_ in set(references(variant.args))}
        launched = launch(index, node, number, copies, self._deadline_s, count=True, sample=True)
        return Sampled(
            module=parse(variant.ttir),
            variant=variant,
            work=launched.work,
            counters=launched.execution.counters,
            scale=launched.scale,
            examination=None,
        )


def assumed(variant: Variant, target: Target) -> Resources:
    """Returns what a kernel may need that is not compiled yet: a quarter of the registers, no shared memory."""
    return Resources(
        registers=64,
        spill_bytes=0,
        shared_bytes=0,
        threads=min(variant.num_warps * target.warp_size, target.threads_per_block),
        occupancy=1.0,
        limited_by="nothing",
    )
