"""Programs that wait for each other run in the order of their ids; what can't end is found and named."""

import pickle

import pytest
import torch

from sandboxes.ttir import EndlessLoop, ExecutionOptions, ExecutionTimeout, execute, parse
from tests.sandboxes.ttir import waiting
from tests.sandboxes.ttir.frontend import ttir_of
from tests.sandboxes.ttir.text import launch


def _ints(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int32)


def test_a_prefix_sum_that_looks_back_at_the_program_before_is_right() -> None:
    module = parse(ttir_of(waiting.look_back, ("*i32",) * 4 + ("i32",), BLOCK=16))
    x = torch.arange(100, dtype=torch.int32) % 13
    out, partial, ready = torch.zeros(100, dtype=torch.int32), torch.zeros(7).int(), torch.zeros(7).int()
    execute(module, (7, 1, 1), [x, out, partial, ready, 100])
    assert torch.equal(out, x.cumsum(0).int())


@pytest.mark.parametrize("programs", [1, 3, 4, 8])
def test_stream_k_adds_the_shares_of_earlier_programs(programs: int) -> None:
    module = parse(ttir_of(waiting.stream_k, ("*fp32",) * 3 + ("*i32", "i32", "i32"), BLOCK=16))
    tiles, steps = 4, 6
    x = torch.randn(tiles, steps, 16, generator=torch.Generator().manual_seed(0))
    out, partial, ready = torch.zeros(tiles, 16), torch.zeros(programs, 16), torch.zeros(programs).int()
    execute(module, (programs, 1, 1), [x, out, partial, ready, steps, tiles * steps // programs])
    torch.testing.assert_close(out, x.sum(1))


def test_waiting_for_a_later_program_ends_with_the_line_and_the_reason() -> None:
    module = parse(ttir_of(waiting.wait_for_later, ("*i32", "*i32")))
    flags, out = torch.zeros(8).int(), torch.zeros(8).int()
    with pytest.raises(EndlessLoop, match=r"program \(0, 0, 0\) loops for ever at line \d+.*earlier programs only"):
        execute(module, (4, 1, 1), [flags, out])


def test_waiting_for_a_flag_that_the_host_has_set_is_no_waiting() -> None:
    module = parse(ttir_of(waiting.wait_for_later, ("*i32", "*i32")))
    out = torch.zeros(4).int()
    execute(module, (4, 1, 1), [torch.ones(8).int(), out])
    assert out.tolist() == [0, 1, 2, 3]


def test_an_endless_loop_is_found_without_a_time_limit() -> None:
    text = """module { tt.func public @k(%p: !tt.ptr<i32>) {
      %true = arith.constant true
      scf.while : () -> () {
        scf.condition(%true)
      } do {
        scf.yield
      }
      tt.return } }"""
    with pytest.raises(EndlessLoop) as caught:
        launch(text, (4, 1, 1), torch.zeros(1).int())
    assert isinstance(caught.value, ExecutionTimeout)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes


def test_a_loop_that_changes_nothing_but_memory_is_not_endless() -> None:
    text = """module { tt.func public @k(%p: !tt.ptr<i32>, %n: i32) {
      %c1 = arith.constant 1 : i32
      %true = arith.constant true
      scf.while : () -> () {
        %old = tt.atomic_rmw add, acq_rel, gpu, %p, %c1, %true : (!tt.ptr<i32>, i32, i1) -> i32
        %more = arith.cmpi slt, %old, %n : i32
        scf.condition(%more)
      } do {
        scf.yield
      }
      tt.return } }"""
    counter = torch.zeros(1).int()
    launch(text, (3, 1, 1), counter, 500)
    assert counter.item() == 503


def test_the_last_program_sums_what_all_have_left() -> None:
    module = parse(ttir_of(waiting.last_one_sums, ("*fp32",) * 3 + ("*i32",), BLOCK=16))
    x, out = torch.arange(80.0), torch.zeros(1)
    execute(module, (5, 1, 1), [x, out, torch.zeros(5), torch.zeros(1).int()])
    assert out.item() == x.sum().item()


def test_tiles_drawn_from_a_queue_are_each_done_once() -> None:
    module = parse(ttir_of(waiting.work_queue, ("*fp32", "*fp32", "*i32", "i32"), BLOCK=16))
    x, out, ticket = torch.arange(16.0 * 50), torch.zeros(16 * 50), torch.zeros(1).int()
    execute(module, (8, 1, 1), [x, out, ticket, 50])
    assert torch.equal(out, x * 2)
    assert ticket.item() == 58


@pytest.mark.parametrize("elements", [2**20, 1])
def test_calls_in_loops_that_differ_return_early_for_some(elements: int) -> None:
    module = parse(ttir_of(waiting.divergent_calls, ("*i32", "*i32")))
    x = torch.arange(40, dtype=torch.int32) % 29
    out = torch.zeros(40).int()
    execute(module, (40, 1, 1), [x, out], options=ExecutionOptions(chunk_elements=elements))

    def steps(n: int) -> int:
        if n < 1:
            return -1
        count = 0
        while n != 1:
            n, count = (n // 2 if n % 2 == 0 else 3 * n + 1), count + 1
        return count

    expected = []
    for program in range(40):
        total = 0
        for i in range(program % 4):
            total += steps(int(x[program]) - i)
            total -= 1000 if total > 100 else 0
        expected.append(total)
    assert out.tolist() == expected
