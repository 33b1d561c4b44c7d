"""Whatever a text holds, observing it ends in time, in little memory, and in a documented error or a log."""

import random
import time
from typing import Any

import pytest
import torch

from sandboxes.ttir import EndlessLoop, ExecutionTimeout, TooMuchMemory, TTIRError, UnsupportedOperation, parse
from sandboxes.ttir.addresses import recording
from sandboxes.ttir.addresses.log import AddressLog
from sandboxes.ttir.addresses.observing import observe
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import fixture_names, fixture_text

MOST = 2**26
"""Elements: a tenth of a second or so."""
LIMIT_S = 5.0
"""What that may take on a busy machine, of the processor's time."""


def watched(*lines: str, grid: int = 1, most: int = MOST) -> AddressLog:
    """Observes a kernel of these lines, whose argument ``%p`` has 8 numbers."""
    text = "\n".join(["module {", "tt.func public @k(%p: !tt.ptr<i32>) {", *lines, "tt.return", "}", "}"])
    return observe(parse(text), (grid, 1, 1), [torch.zeros(8).int()], range(grid), most=most)


NUMBERS = ["%zero = arith.constant 0 : i32", "%one = arith.constant 1 : i32", "%many = arith.constant 2147483647 : i32"]


def nested(depth: int, *body: str) -> list[str]:
    """Loops of two milliards of iterations inside of each other."""
    start = [f"scf.for %i{level} = %zero to %many step %one : i32 {{" for level in range(depth)]
    return [*NUMBERS, *start, *body, *["}"] * depth]


STORE = "tt.store %p, %one : !tt.ptr<i32>"


@pytest.mark.parametrize("depth", [1, 2])
def test_loops_of_milliards_of_iterations_cost_nothing_and_count_in_full(depth: int) -> None:
    log = watched(*nested(depth, STORE))
    assert log.counters.memory[0].executions == (2**31 - 1) ** depth
    assert log.computed < MOST / 4


def test_loops_in_loops_in_loops_end_in_time() -> None:
    started = time.thread_time()
    with pytest.raises(ExecutionTimeout):
        watched(*nested(12, STORE))
    assert time.thread_time() - started < LIMIT_S


def test_a_loop_that_can_not_be_foretold_ends_in_time() -> None:
    lines = [
        *NUMBERS,
        "%r = scf.for %i = %zero to %many step %one iter_args(%a = %one) -> (i32) : i32 {",
        "%b = arith.muli %a, %a : i32",
        "%q = tt.addptr %p, %b : !tt.ptr<i32>, i32",
        "tt.store %q, %one : !tt.ptr<i32>",
        "scf.yield %b : i32",
        "}",
    ]
    started = time.thread_time()
    with pytest.raises(ExecutionTimeout, match="in the loop"):
        watched(*lines)
    assert time.thread_time() - started < LIMIT_S


def test_an_endless_loop_is_one() -> None:
    with pytest.raises(EndlessLoop):
        watched(
            "%true = arith.constant true", "scf.while : () -> () {", "scf.condition(%true)", "} do {", "scf.yield", "}"
        )


def test_a_loop_without_a_step_is_no_loop() -> None:
    with pytest.raises(UnsupportedOperation):
        watched(*NUMBERS, "scf.for %i = %zero to %many step %zero : i32 {", STORE, "}")


def test_a_program_that_does_not_fit_is_refused() -> None:
    lines = ["%r = tt.make_range {end = 1048576 : i32, start = 0 : i32} : tensor<1048576xi32>"]
    lines += ["%x0 = arith.muli %r, %r : tensor<1048576xi32>"]
    lines += [f"%x{i} = arith.muli %x{i - 1}, %r : tensor<1048576xi32>" for i in range(1, 400)]
    lines += [f"%y{i} = arith.addi %x{i}, %x{400 - i} : tensor<1048576xi32>" for i in range(1, 400)]
    lines += ["%b = tt.splat %p : !tt.ptr<i32> -> tensor<1048576x!tt.ptr<i32>>"]
    for i in range(1, 400):
        lines += [
            f"%q{i} = tt.addptr %b, %y{i} : tensor<1048576x!tt.ptr<i32>>, tensor<1048576xi32>",
            f"tt.store %q{i}, %r : tensor<1048576x!tt.ptr<i32>>",
        ]
    started = time.thread_time()
    with pytest.raises(TooMuchMemory):
        watched(*lines)
    assert time.thread_time() - started < 5


@pytest.mark.parametrize(("limit", "value"), [("MAX_ACCESSES", 10), ("MAX_LOG_BYTES", 100)])
def test_a_log_has_an_end(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(recording, limit, value)
    stores = []
    for i in range(20):
        stores += [f"%q{i} = tt.addptr %p, %one : !tt.ptr<i32>, i32", f"tt.store %q{i}, %one : !tt.ptr<i32>"]
    with pytest.raises(ExecutionTimeout, match=r"10 accesses|MiB of addresses"):
        watched(*NUMBERS, *stores)


def mangled(text: str, draw: random.Random) -> str:
    """The text with some of its lines gone, doubled or exchanged, and some of its words."""
    lines = text.splitlines()
    for _ in range(draw.randint(1, 3)):
        a, b = draw.randrange(len(lines)), draw.randrange(len(lines))
        match draw.randrange(4):
            case 0:
                del lines[a]
            case 1:
                lines.insert(b, lines[a])
            case 2:
                lines[a], lines[b] = lines[b], lines[a]
            case _:
                words, others = lines[a].split(" "), lines[b].split(" ")
                words[draw.randrange(len(words))] = draw.choice(others)
                lines[a] = " ".join(words)
    return "\n".join(lines)


def survives(seed: int) -> bool:
    """Observes a mangled fixture; whether there is a log."""
    draw = random.Random(seed)
    name = draw.choice(sorted(set(fixture_names()) & set(LAUNCHES)))
    case = LAUNCHES[name]()
    args: list[Any] = case.args
    try:
        observe(parse(mangled(fixture_text(name), draw)), case.grid, args, range(1), most=MOST)
    except TTIRError:
        return False
    return True


def test_a_mangled_kernel_has_a_log_or_a_documented_error() -> None:
    found = [survives(seed) for seed in range(60)]
    assert any(found)
    assert not all(found)


@pytest.mark.slow
def test_any_mangled_kernel_has_a_log_or_a_documented_error() -> None:
    assert len({survives(seed) for seed in range(100, 400)}) == 2
