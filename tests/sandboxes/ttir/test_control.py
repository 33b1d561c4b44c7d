"""Programs that disagree run as if each were alone."""

import pytest
import torch

from sandboxes.ttir import DeviceAssertion, ExecutionOptions, ExecutionTimeout, TTIRSyntaxError, execute
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import fixture
from tests.sandboxes.ttir.text import launch

NESTED = """module { tt.func public @k(%p: !tt.ptr<i32>) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c3 = arith.constant 3 : i32
  %id = tt.get_program_id x : i32
  %total = scf.for %i = %c0 to %id step %c1 iter_args(%s = %c0) -> (i32) : i32 {
    %bound = arith.remsi %i, %c3 : i32
    %odd = arith.cmpi eq, %bound, %c1 : i32
    %next = scf.if %odd -> (i32) {
      %inner = scf.for %j = %c0 to %id step %c1 iter_args(%t = %s) -> (i32) : i32 {
        %u = arith.addi %t, %j : i32
        scf.yield %u : i32
      }
      scf.yield %inner : i32
    } else {
      %v = arith.addi %s, %i : i32
      scf.yield %v : i32
    }
    scf.yield %next : i32
  }
  %q = tt.addptr %p, %id : !tt.ptr<i32>, i32
  tt.store %q, %total : !tt.ptr<i32>
  tt.return } }"""

EARLY = """module { tt.func public @k(%p: !tt.ptr<i32>, %n: i32) {
    %c1 = arith.constant 1 : i32
    %c2 = arith.constant 2 : i32
    %id = tt.get_program_id x : i32
    %late = arith.cmpi sge, %id, %n : i32
    cf.cond_br %late, ^bb1, ^bb2
  ^bb1:
    cf.br ^bb4(%c1 : i32)
  ^bb2:
    %r = arith.remsi %id, %c2 : i32
    %even = arith.cmpi ne, %r, %c1 : i32
    cf.cond_br %even, ^bb3, ^bb4(%id : i32)
  ^bb3:
    tt.return
  ^bb4(%v: i32):
    %q = tt.addptr %p, %id : !tt.ptr<i32>, i32
    tt.store %q, %v : !tt.ptr<i32>
    tt.return
  } }"""

SHUFFLED = """module { tt.func public @k(%p: !tt.ptr<i32>, %n: i32) {
    %c1 = arith.constant 1 : i32
    %c2 = arith.constant 2 : i32
    %id = tt.get_program_id x : i32
    %late = arith.cmpi sge, %id, %n : i32
    cf.cond_br %late, ^bb3, ^bb2
  ^bb1:
    tt.return
  ^bb2:
    %r = arith.remsi %id, %c2 : i32
    %even = arith.cmpi ne, %r, %c1 : i32
    cf.cond_br %even, ^bb1, ^bb3
  ^bb3:
    %q = tt.addptr %p, %id : !tt.ptr<i32>, i32
    tt.store %q, %c1 : !tt.ptr<i32>
    cf.br ^bb1
  } }"""

CIRCLE = """module { tt.func public @k(%p: !tt.ptr<i32>) {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %id = tt.get_program_id x : i32
    %q = tt.addptr %p, %id : !tt.ptr<i32>, i32
    cf.br ^bb1(%c0, %c0 : i32, i32)
  ^bb1(%i: i32, %s: i32):
    %square = arith.muli %i, %i : i32
    %more = arith.cmpi slt, %i, %id : i32
    cf.cond_br %more, ^bb2, ^bb3
  ^bb2:
    %t = arith.addi %s, %square : i32
    %j = arith.addi %i, %c1 : i32
    cf.br ^bb1(%j, %t : i32, i32)
  ^bb3:
    %u = arith.addi %s, %square : i32
    tt.store %q, %u : !tt.ptr<i32>
    tt.return
  } }"""

COUNTING = """module { tt.func public @k(%p: !tt.ptr<i32>) {
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %r = scf.while (%i = %c0) : (i64) -> i64 {
    %more = arith.cmpi sge, %i, %c0 : i64
    scf.condition(%more) %i : i64
  } do {
  ^bb0(%i: i64):
    %j = arith.addi %i, %c1 : i64
    scf.yield %j : i64
  }
  tt.return } }"""


def test_nested_loops_and_branches_with_bounds_that_differ() -> None:
    out = torch.zeros(17, dtype=torch.int32)
    launch(NESTED, (17, 1, 1), out)
    expected = []
    for program in range(17):
        total = 0
        for i in range(program):
            total += sum(range(program)) if i % 3 == 1 else i
        expected.append(total)
    assert out.tolist() == expected


def test_branches_that_meet_again_carry_each_programs_value() -> None:
    out = torch.full((10,), -1, dtype=torch.int32)
    launch(EARLY, (10, 1, 1), out, 6)
    assert out.tolist() == [-1, 1, -1, 3, -1, 5, 1, 1, 1, 1]


def test_blocks_may_stand_in_any_order() -> None:
    out = torch.zeros(8, dtype=torch.int32)
    launch(SHUFFLED, (8, 1, 1), out, 4)
    assert out.tolist() == [0, 1, 0, 1, 1, 1, 1, 1]


def test_branches_in_a_circle_go_round_as_often_as_each_program_asks() -> None:
    out = torch.zeros(6, dtype=torch.int32)
    launch(CIRCLE, (6, 1, 1), out)
    assert out.tolist() == [sum(i * i for i in range(program + 1)) for program in range(6)]


def test_a_branch_to_nowhere_is_a_syntax_error() -> None:
    with pytest.raises(TTIRSyntaxError, match="unknown block"):
        launch(CIRCLE.replace("cf.br ^bb1(%j", "cf.br ^bb7(%j"), (2, 1, 1), torch.zeros(2, dtype=torch.int32))


def test_a_scalar_that_differs_between_programs_chooses_whole_tensors() -> None:
    text = """module { tt.func public @k(%p: !tt.ptr<i32>) {
      %c1 = arith.constant 1 : i32
      %c8 = arith.constant 8 : i32
      %id = tt.get_program_id x : i32
      %odd = arith.andi %id, %c1 : i32
      %is = arith.cmpi eq, %odd, %c1 : i32
      %range = tt.make_range {end = 8 : i32, start = 0 : i32} : tensor<8xi32>
      %twice = arith.addi %range, %range : tensor<8xi32>
      %start = arith.muli %id, %c8 : i32
      %own = tt.splat %start : i32 -> tensor<8xi32>
      %a = arith.addi %range, %own : tensor<8xi32>
      %v = arith.select %is, %a, %twice : tensor<8xi32>
      %q = tt.addptr %p, %start : !tt.ptr<i32>, i32
      %s = tt.splat %q : !tt.ptr<i32> -> tensor<8x!tt.ptr<i32>>
      %t = tt.addptr %s, %range : tensor<8x!tt.ptr<i32>>, tensor<8xi32>
      tt.store %t, %v : tensor<8x!tt.ptr<i32>>
      tt.return } }"""
    out = torch.zeros(8, 8, dtype=torch.int32)
    launch(text, (8, 1, 1), out)
    lanes = torch.arange(8, dtype=torch.int32)
    assert torch.equal(out, torch.stack([lanes + 8 * i if i % 2 else 2 * lanes for i in range(8)]))


@pytest.mark.parametrize("name", ["collatz", "early_exit", "attention"])
def test_programs_together_equal_programs_alone(name: str) -> None:
    together, alone = LAUNCHES[name](), LAUNCHES[name]()
    execute(fixture(name), together.grid, together.args)
    execute(fixture(name), alone.grid, alone.args, options=ExecutionOptions(chunk_elements=1))
    for position in together.expected:
        torch.testing.assert_close(together.args[position], alone.args[position])


def test_an_endless_loop_ends_at_its_time_limit() -> None:
    with pytest.raises(ExecutionTimeout, match=r"still running after 0\.2 s"):
        launch(COUNTING, (4, 1, 1), torch.zeros(1, dtype=torch.int32), max_seconds=0.2)


def test_a_failed_device_assertion_names_the_program() -> None:
    text = """module { tt.func public @k(%p: !tt.ptr<i32>) {
      %c2 = arith.constant 2 : i32
      %id = tt.get_program_id x : i32
      %ok = arith.cmpi slt, %id, %c2 : i32
      tt.assert %ok, "too far" : i1
      tt.return } }"""
    with pytest.raises(DeviceAssertion, match=r"program \(2, 0, 0\).*too far"):
        launch(text, (4, 1, 1), torch.zeros(1, dtype=torch.int32))


def test_a_spin_lock_is_taken_by_one_program_after_the_other() -> None:
    text = """module { tt.func public @k(%lock: !tt.ptr<i32>, %p: !tt.ptr<i32>) {
      %c0 = arith.constant 0 : i32
      %c1 = arith.constant 1 : i32
      %true = arith.constant true
      scf.while : () -> () {
        %old = tt.atomic_cas acq_rel, gpu, %lock, %c0, %c1 : (!tt.ptr<i32>, i32, i32) -> i32
        %busy = arith.cmpi eq, %old, %c1 : i32
        scf.condition(%busy)
      } do {
        scf.yield
      }
      %v = tt.load %p : !tt.ptr<i32>
      %w = arith.addi %v, %c1 : i32
      tt.store %p, %w : !tt.ptr<i32>
      %o = tt.atomic_rmw exch, acq_rel, gpu, %lock, %c0, %true : (!tt.ptr<i32>, i32, i1) -> i32
      tt.return } }"""
    lock, value = torch.zeros(1, dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
    launch(text, (9, 1, 1), lock, value, max_seconds=10)
    assert value.item() == 9


def test_three_dimensional_grids_number_x_fastest() -> None:
    text = """module { tt.func public @k(%p: !tt.ptr<i32>) {
      %x = tt.get_program_id x : i32
      %y = tt.get_program_id y : i32
      %z = tt.get_program_id z : i32
      %nx = tt.get_num_programs x : i32
      %ny = tt.get_num_programs y : i32
      %a = arith.muli %z, %ny : i32
      %b = arith.addi %a, %y : i32
      %c = arith.muli %b, %nx : i32
      %d = arith.addi %c, %x : i32
      %q = tt.addptr %p, %d : !tt.ptr<i32>, i32
      tt.store %q, %d : !tt.ptr<i32>
      tt.return } }"""
    out = torch.zeros(2 * 3 * 4, dtype=torch.int32)
    launch(text, (2, 3, 4), out)
    assert out.tolist() == list(range(24))
