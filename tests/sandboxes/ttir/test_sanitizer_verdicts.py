"""Whether programs race is decided by what they do, not by how the executor orders them: random ones, events known."""

from typing import Any

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandboxes.ttir import ExecutionOptions, Race, Unwritten, execute
from tests.sandboxes.ttir.test_sanitizer_races import I32, module

Step = tuple[int, int, int]
"""Action (0 nothing, 1 store, 2 load), first element and value."""

ELEMENTS = 2
STORE, LOAD = 1, 2
REST: Step = (0, 0, 0)


def races(programs: list[list[Step]], memory: list[int], width: int) -> bool:
    """The documented rules, on the list of all events."""
    return any(_races_at(element, programs, memory[element], width) for element in range(len(memory)))


def _races_at(element: int, programs: list[list[Step]], before: int, width: int) -> bool:
    stored: dict[int, list[int]] = {}
    strangers: set[int] = set()
    owners: set[int] = set()
    for program, steps in enumerate(programs):
        for action, first, value in steps:
            if not first <= element < first + width:
                continue
            if action == STORE:
                stored.setdefault(program, []).append(value)
            elif action == LOAD:
                (owners if program in stored else strangers).add(program)
    values = {value for of in stored.values() for value in of}
    disagree = len({of[-1] for of in stored.values()}) > 1
    stranger = values - {before} and any(p != q for p in strangers for q in stored)
    return bool(disagree or stranger or (owners and len(stored) > 1 and len(values) > 1))


def accused(programs: list[list[Step]], memory: list[int], width: int, chunk: int) -> bool:
    steps = len(programs[0])
    script = torch.tensor(programs, dtype=torch.int32).flatten()
    seen = torch.zeros(len(programs) * steps * width, dtype=torch.int32)
    args: list[Any] = [torch.tensor(memory, dtype=torch.int32), script, seen, steps]
    options = ExecutionOptions(chunk_elements=chunk * width, unwritten=Unwritten())
    try:
        execute(module("play", I32, I32, I32, "i32", WIDTH=width), (len(programs), 1, 1), args, options=options)
    except Race:
        return True
    return False


@st.composite
def launches(draw: st.DrawFn) -> tuple[list[list[Step]], list[int], int]:
    width = draw(st.sampled_from([1, 2]))
    steps = draw(st.integers(1, 5))
    step = st.tuples(st.sampled_from([0, STORE, STORE, LOAD]), st.integers(0, ELEMENTS - 1), st.integers(1, 2))
    count = draw(st.integers(2, 4))
    programs = [draw(st.lists(step, min_size=steps, max_size=steps)) for _ in range(count)]
    for program in range(1, count):
        if draw(st.booleans()):  # the same work twice
            programs[program] = programs[program - 1]
    return programs, [draw(st.integers(1, 2)) for _ in range(ELEMENTS + width - 1)], width


@settings(max_examples=100, deadline=None)
@given(launches())
@example(([[(STORE, 0, 1), (LOAD, 0, 0), (STORE, 0, 2)]] * 3, [2, 2], 1))
@example(([[(STORE, 0, 1), (STORE, 0, 2), REST, (LOAD, 0, 0)], [(STORE, 0, 1), REST, (STORE, 0, 2), REST]], [2, 2], 1))
@example(([[(LOAD, 0, 0), (STORE, 0, 1)], [(STORE, 0, 1), REST], [REST, REST]], [2, 2], 1))
def test_a_verdict_follows_from_all_events_in_chunks_of_any_size(
    launch: tuple[list[list[Step]], list[int], int],
) -> None:
    programs, memory, width = launch
    expected = races(programs, memory, width)
    found = {chunk: accused(programs, memory, width, chunk) for chunk in (1, 2, 3, 2**20)}
    assert found == dict.fromkeys(found, expected)
