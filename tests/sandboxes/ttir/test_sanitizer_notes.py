"""How much memory a launch is given never decides whether its races are found: notes follow what it touches."""

import pytest
import torch

from sandboxes.ttir import ExecutionOptions, Race, Unwritten, execute
from sandboxes.ttir.sanitizer import room
from tests.sandboxes.ttir.test_sanitizer_races import CHUNKS, F32, module


def options(chunk: int = 2**20) -> ExecutionOptions:
    return ExecutionOptions(chunk_elements=chunk, unwritten=Unwritten())


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("start", [0, 300, 99_000])
def test_a_race_in_a_small_part_of_a_large_allocation_is_found(
    monkeypatch: pytest.MonkeyPatch, start: int, chunk: int
) -> None:
    monkeypatch.setattr("sandboxes.ttir.sanitizer.watch.MAX_NOTE_BYTES", 2**14)
    x = torch.arange(100_000.0)[start:]
    program = module("shift_in_place", F32, "i32", BLOCK=8)
    with pytest.raises(Race) as caught:
        execute(program, (113, 1, 1), [x, 900], options=options(chunk))
    assert caught.value.kind == "race of a store and a load"
    assert caught.value.offset % 8 == 0
    execute(program, (1, 1, 1), [x, 8], options=options(chunk))


def test_a_race_in_an_allocation_larger_than_the_limit_of_notes_is_found() -> None:
    x = torch.empty(24 * 2**20)
    x[:900] = 1.0
    x[:900] = torch.arange(900.0)
    with pytest.raises(Race):
        execute(module("shift_in_place", F32, "i32", BLOCK=8), (113, 1, 1), [x, 900], options=options(64))


@pytest.mark.parametrize("chunk", CHUNKS)
def test_races_between_elements_far_apart_are_found_page_by_page(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr("sandboxes.ttir.sanitizer.watch.MAX_NOTE_BYTES", 2**18)
    monkeypatch.setattr(room, "SMALL", 0)
    x = torch.arange(1_000_000.0)
    program = module("shift_at_indices", "*i64", F32, "i32", BLOCK=8)
    index = torch.arange(40) * 25_000 + 7
    with pytest.raises(Race) as caught:
        execute(program, (5, 1, 1), [index, x, 40], options=options(chunk))
    assert caught.value.kind == "race of a store and a load"
    assert caught.value.offset in index[8::8].tolist()


@pytest.mark.parametrize("chunk", CHUNKS)
def test_programs_that_keep_apart_far_apart_are_innocent(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr("sandboxes.ttir.sanitizer.watch.MAX_NOTE_BYTES", 2**18)
    monkeypatch.setattr(room, "SMALL", 0)
    program = module("scatter", "*i64", F32, "i32", BLOCK=8)
    index = (torch.randperm(4000, generator=torch.Generator().manual_seed(0))[:40]) * 250
    out = torch.zeros(1_000_000)
    execute(program, (5, 1, 1), [index, out, 40], options=options(chunk))
    index[33] = index[2]
    with pytest.raises(Race) as caught:
        execute(program, (5, 1, 1), [index, out, 40], options=options(chunk))
    assert caught.value.offset == int(index[2])


def test_beyond_the_limit_what_was_touched_first_is_still_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandboxes.ttir.sanitizer.watch.MAX_NOTE_BYTES", 16 * room.PAGE * 4)
    program = module("scatter", "*i64", F32, "i32", BLOCK=8)
    index, out = torch.arange(40) * 1000, torch.zeros(1_000_000)
    index[39] = index[2]
    with pytest.raises(Race):
        execute(program, (5, 1, 1), [index, out, 40], options=options(1))
    index = torch.arange(40) * 1000
    index[39] = index[30]
    execute(program, (5, 1, 1), [index, out, 40], options=options(1))


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    ("name", "signature", "values"),
    [("shift_beside_bytes", (F32, "i32"), [33]), ("store_own_id_then_bytes", (F32,), [])],
)
def test_an_access_through_another_element_size_hides_no_race(
    name: str, signature: tuple[str, ...], values: list[int], chunk: int
) -> None:
    x = torch.arange(40.0)
    with pytest.raises(Race) as caught:
        execute(module(name, *signature, BLOCK=8), (4, 1, 1), [x, *values], options=options(chunk))
    assert caught.value.limit == 40
    assert 0 <= caught.value.offset < 33
