"""Which kernels are asked for: core solutions, their neighbours, honest programs of the hack benchmark."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from kernelgym.hackbench import load_corpus
from kernelgym.problems import list_solutions
from policies.search.knobs import find_knobs
from policies.search.places import render
from sandboxes.contracts import Outcome, Submission

NEIGHBOURS: Final = 4
"""Variants of each solution: one step of the policy `search` away from it."""
SEED: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A kernel that is measured and priced."""

    name: str
    problem: str
    kind: str
    """`core`, `search` or `honest`."""
    submission: Submission


def subjects(*, quick: bool = False) -> list[Subject]:
    """Returns all kernels in an order drawn once, so that whatever there is time for is a sample of all of them.

    Args:
        quick: Only a few, of each kind.
    """
    found = [*_core(), *_neighbours(), *_honest()]
    Random(SEED).shuffle(found)
    if not quick:
        return found
    return [next(each for each in found if each.kind == kind) for kind in ("core", "search", "honest")]


def _core() -> Iterator[Subject]:
    for solution in list_solutions():
        if solution.expected is Outcome.OK:
            name = f"{solution.problem_id} {solution.name}"
            submission = Submission(source=solution.source)
            yield Subject(name=name, problem=solution.problem_id, kind="core", submission=submission)


def _neighbours() -> Iterator[Subject]:
    """Yields solutions with one knob turned by one step, different ones for every solution."""
    for solution in list_solutions():
        if solution.expected is not Outcome.OK:
            continue
        places, knobs = find_knobs(solution.source)
        start = tuple(place.value for place in places)
        turned = [knob.turned(start, steps) for knob in knobs for steps in (-1, 1)]
        settings = list(dict.fromkeys(setting for setting in turned if setting is not None and setting != start))
        Random(f"{SEED} {solution.problem_id} {solution.name}").shuffle(settings)
        for number, setting in enumerate(settings[:NEIGHBOURS]):
            changed = ", ".join(
                f"{place.name or place.site} {value}"
                for place, old, value in zip(places, start, setting, strict=True)
                if value != old
            )
            yield Subject(
                name=f"{solution.problem_id} {solution.name} {number}: {changed}",
                problem=solution.problem_id,
                kind="search",
                submission=Submission(source=render(solution.source, places, setting)),
            )


def _honest() -> Iterator[Subject]:
    for program in load_corpus().select("honest"):
        yield Subject(name=program.id, problem=program.problem, kind="honest", submission=program.submission)
