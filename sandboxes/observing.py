"""Runs a program again with a kernel's results replaced: does anything depend on what the kernel stores?

Only asked of programs in which ATen operators compute, too. There a kernel can be for show: one that copies what an
operator has computed, or whose results are multiplied by zero. Two questions are put to every live launch, in the check
cases, smallest first, until the kernel is found innocent:

- Does it only hand on what it has loaded, or what was there, or store the same number everywhere, whatever the data? (A
  layer of zeros that is added, or a bound that is never reached, is innocent: other data gives it away.)
- Are the outputs still right if whatever it has stored is replaced, once by random values of the same size and once by
  values a thousand times as large, of random signs? Both are needed: the number that a stable softmax subtracts may be
  any, but not large, and what is multiplied by zero, or is far too small to matter, may be both.

A program may be another at the bench case. Check cases stand for it only if they are wired alike; otherwise the bench
case itself is run again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

import torch

from sandboxes.contracts import Launch, Outcome, references
from sandboxes.dataflow import launch_access
from sandboxes.devices.device import Around, Choice, Program
from sandboxes.faults import Fault
from sandboxes.observations import KernelFacts, Observations, live_positions
from sandboxes.replay import LaunchFunction, MalformedTrace, Values
from sandboxes.tampering import HUGE, copies_of, draw, tamper
from sandboxes.truth import Trial
from sandboxes.ttir import TTIRError

MOST_LAUNCHES: Final = 8
"""Launches that are looked at one by one; if there are more, all launches of a kernel are looked at together."""

LIMIT_S: Final = 20.0
"""Wall time for all runs. By then innocence must have shown, if there was time for both ways of replacing results."""

SAME: Final = 2.0**-16
"""Relative difference up to which a kernel counts as handing on: `x * 1.00001` is no work."""

Tried = tuple[Program, Trial, Choice]
"""A program, the inputs it is run on, and its variants."""


class Run(Protocol):
    """Runs a program with its launches wrapped, in bounded time, and says whether the outputs are right.

    Raises:
        Fault: It can't be run any more.
    """

    def __call__(self, tried: Tried, around: Around, limit_s: float) -> bool:
        """Returns the judge's verdict."""
        ...


def observe(run: Run, tries: Sequence[Tried]) -> Observations:
    """Observes the live launches of a program.

    Args:
        run: Replays and judges.
        tries: Programs of the check cases with their trials, those to begin with first.
    """
    start = time.monotonic()
    deadline = start + LIMIT_S
    program = tries[0][0]
    positions = live_positions(program.trace, program.flow)
    together = len(positions) > MOST_LAUNCHES
    kernels: dict[tuple[str, int | None], KernelFacts] = {}
    for index, (kernel, position) in positions.items():
        key = (kernel, None if together else position)
        facts = KernelFacts(kernel=kernel, position=key[1], line=program.trace.nodes[index].line)
        kernels.setdefault(key, facts)
    kernels = {key: kernels[key] for key in list(kernels)[:MOST_LAUNCHES]}
    handing_on = _find_handing_on(run, tries, frozenset(kernels), start + LIMIT_S / 2)
    observed = [
        _influence(run, tries, replace(facts, hands_on=handing_on.get(key)), deadline) for key, facts in kernels.items()
    ]
    return Observations(kernels=tuple(observed), seconds=time.monotonic() - start)


def wiring(program: Program) -> tuple[object, ...]:
    """Returns what a program does whatever its sizes: its live nodes in order, who hands on to whom, and factors."""
    writers: dict[int, int] = {}
    found: list[object] = []
    for index, (node, flow) in enumerate(zip(program.trace.nodes, program.flow.nodes, strict=True)):
        if index not in program.flow.live:
            continue
        name = node.kernel if isinstance(node, Launch) else node.operator
        arguments = node.variants[0].args if isinstance(node, Launch) else (*node.args, *node.kwargs.values())
        factors = tuple(item for item in arguments if isinstance(item, float))
        found.append((name, factors, frozenset(writers.get(storage, -1) for storage in flow.reads)))
        writers.update(dict.fromkeys(flow.writes, len(found) - 1))
    return tuple(found)


def _find_handing_on(
    run: Run, tries: Sequence[Tried], keys: frozenset[tuple[str, int | None]], deadline: float
) -> dict[tuple[str, int | None], str]:
    """Returns what the launches that only hand on data hand on, in words."""
    suspects: dict[tuple[str, int | None], str] = dict.fromkeys(keys, "")
    for tried in tries:
        if not suspects or time.monotonic() > deadline:
            break
        program, trial, choice = tried
        seen: dict[tuple[str, int | None], str | None] = {}

        def look(
            execute: LaunchFunction, index: int, node: Launch, values: Values, key: tuple[str, int | None]
        ) -> None:
            words = _handed_on(execute, index, node, values, choice, trial.seed)  # noqa: B023 - called in this round
            seen[key] = words if seen.get(key, words) else None  # noqa: B023

        try:
            run(tried, _around(program, frozenset(suspects), look), deadline - time.monotonic())
        except Fault:
            return {}
        suspects = {key: words for key in suspects if (words := seen.get(key))}
    return {key: words for key, words in suspects.items() if words}


def _influence(run: Run, tries: Sequence[Tried], facts: KernelFacts, deadline: float) -> KernelFacts:
    """Returns the facts with whether the outputs depend on what the launch stores."""
    key = (facts.kernel, facts.position)
    runs, largest = 0, 0.0
    for tried in tries:
        program, trial, choice = tried
        for large in (False, True):
            left = deadline - time.monotonic()
            if left <= 0:
                return replace(facts, influences=False if runs > 1 else None, runs=runs, largest=largest)
            generator = torch.Generator().manual_seed(trial.seed + 2 + large)
            written: list[float] = []

            def replace_results(
                execute: LaunchFunction, index: int, node: Launch, values: Values, key: tuple[str, int | None]
            ) -> None:
                tensors = [values[id_] for id_ in _accessed(node, choice.get(index, 0))[1]]  # noqa: B023
                before = [tensor.clone() for tensor in tensors]
                execute(index, node, values)
                for tensor, old in zip(tensors, before, strict=True):
                    written.append(tamper(tensor, old, generator, large=large))  # noqa: B023

            try:
                right = run(tried, _around(program, frozenset({key}), replace_results), left)
            except Fault as fault:
                influences = None if fault.outcome in (Outcome.TIMEOUT, Outcome.UNSUPPORTED) else True
                return replace(facts, influences=influences, runs=runs + 1)
            if not written:
                continue  # this case does not launch it
            runs, largest = runs + 1, max(largest, *written)
            if not right:
                return replace(facts, influences=True, runs=runs)
    return replace(facts, influences=False if runs else None, runs=runs, largest=largest)


Action = Callable[[LaunchFunction, int, Launch, Values, tuple[str, int | None]], None]


def _around(program: Program, keys: frozenset[tuple[str, int | None]], action: Action) -> Around:
    """Returns what does `action` instead of the launches meant by `keys`."""
    positions = live_positions(program.trace, program.flow)

    def around(execute: LaunchFunction) -> LaunchFunction:
        def launch(index: int, node: Launch, values: Values) -> None:
            kernel, position = positions.get(index, ("", None))
            key = next((key for key in ((kernel, position), (kernel, None)) if key in keys), None)
            if key is None:
                execute(index, node, values)
            else:
                action(execute, index, node, values, key)

        return launch

    return around


def _accessed(node: Launch, number: int) -> tuple[list[int], list[int]]:
    """Returns the ids of the values that a launch may read and of those it may write."""
    access = launch_access(node.variants[number])
    read = dict.fromkeys(reference.id for reference, is_read, _ in access if is_read)
    return list(read), list(dict.fromkeys(reference.id for reference, _, is_written in access if is_written))


def _handed_on(
    execute: LaunchFunction, index: int, node: Launch, values: Values, choice: Choice, seed: int
) -> str | None:
    """Runs a launch; returns in words what it hands on, if it does so on these data, others and huge ones."""
    generator = torch.Generator().manual_seed(seed + 1)
    read, written = _accessed(node, choice.get(index, 0))
    words: str | None = None
    said: set[str] = set()
    for scale in (0.0, 1.0, HUGE):
        copies = copies_of(values, references(node.variants[choice.get(index, 0)].args))
        if scale:
            for id_ in read:
                draw(copies[id_], scale, generator)
        before = {id_: copies[id_].clone() for id_ in {*read, *written}}
        try:
            execute(index, node, {**values, **copies})
        except (TTIRError, MalformedTrace):
            words = None  # it can't take other data, so it looks at them
        else:
            words = _words(before, copies, read, written)
        if words is None or len(said | {words}) > 1:
            words = None
            break
        said.add(words)
    execute(index, node, values)
    return words


def _words(before: Values, after: Values, read: Sequence[int], written: Sequence[int]) -> str | None:
    """Says what everything is that was stored, if it is what was loaded or there, or one number."""
    words = None
    for id_ in written:
        if _alike(before[id_], after[id_]):
            words = words or "what was there before"
        elif any(_alike(before[source], after[id_]) for source in read):
            words = "what it has loaded"
        elif after[id_].numel() > 1 and torch.equal(after[id_], after[id_].flatten()[0].expand_as(after[id_])):
            words = f"the number {float(after[id_].flatten()[0]):g} everywhere"
        else:
            return None
    return words


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    """True if two tensors hold the same numbers in the same order, give or take `SAME`."""
    if one.numel() != other.numel() or one.dtype.is_floating_point != other.dtype.is_floating_point:
        return False
    if not one.dtype.is_floating_point:
        return torch.equal(one.flatten(), other.flatten())
    a, b = one.flatten().double(), other.flatten().double()
    return torch.allclose(a, b, rtol=SAME, atol=0.0, equal_nan=True)
