"""Programs that agree are executed together: what a launch costs is counted in batched steps, not in seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch

from sandboxes.ttir import Module, execute, parse
from sandboxes.ttir.engine import execution
from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.preparation import prepare
from tests.sandboxes.ttir import waiting
from tests.sandboxes.ttir.frontend import ttir_of
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import fixture


@contextmanager
def counted(module: Module, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Inside it launches of ``module`` append the number of programs of each batched step."""
    plan = prepare(module)
    batches: list[int] = []

    def counting(run: Callable[[Machine, Step], None]) -> Callable[[Machine, Step], None]:
        def count(machine: Machine, step: Step) -> None:
            batches.append(machine.frame.size)
            run(machine, step)

        return count

    for step in plan.steps:
        step.run = counting(step.run)
    with monkeypatch.context() as patch:
        patch.setattr(execution, "prepared", lambda _: plan)
        yield batches


def test_a_thousand_programs_that_agree_cost_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    module = fixture("add_relu")
    with counted(module, monkeypatch) as batches:
        x = torch.randn(128 * 1000)
        execute(module, (1000, 1, 1), [x, x, torch.zeros_like(x), x.numel()])
        many = len(batches)
        execute(module, (1, 1, 1), [x, x, torch.zeros_like(x), x.numel()])
    assert set(batches[:many]) == {1000}
    assert many == len(batches) - many


def _persistent(programs: int, tiles: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    module = parse(ttir_of(waiting.persistent, ("*fp32", "*fp32", "i32"), BLOCK=16))
    x, out = torch.randn(tiles * 16), torch.zeros(tiles * 16)
    with counted(module, monkeypatch) as batches:
        execute(module, (programs, 1, 1), [x, out, tiles])
    assert torch.equal(out, x * 2)
    return batches


def test_a_persistent_kernel_costs_its_longest_program(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = len(_persistent(1, 8, monkeypatch))
    together = len(_persistent(100, 7 * 100 + 37, monkeypatch))
    assert together <= longest + 5


def test_causal_attention_costs_its_longest_row_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    module, launch = fixture("attention"), LAUNCHES["attention"]()
    with counted(module, monkeypatch) as batches:
        execute(module, launch.grid, launch.args)
        together, last = len(batches), (launch.grid[0] - 1, 0)
        alone = LAUNCHES["attention"]()
        options = execution.ExecutionOptions(programs=[last[0]])
        execute(module, launch.grid, alone.args, options=options)
    assert together <= (len(batches) - together) * 1.1


def test_thousands_of_loops_that_each_end_elsewhere_cost_the_longest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """module { tt.func public @k(%p: !tt.ptr<i32>) {
      %c0 = arith.constant 0 : i32
      %c1 = arith.constant 1 : i32
      %id = tt.get_program_id x : i32
      %r:2 = scf.while (%i = %c0, %s = %c0) : (i32, i32) -> (i32, i32) {
        %more = arith.cmpi slt, %i, %id : i32
        scf.condition(%more) %i, %s : i32, i32
      } do {
      ^bb0(%i: i32, %s: i32):
        %t = arith.addi %s, %i : i32
        %j = arith.addi %i, %c1 : i32
        scf.yield %j, %t : i32, i32
      }
      %q = tt.addptr %p, %id : !tt.ptr<i32>, i32
      tt.store %q, %r#1 : !tt.ptr<i32>
      tt.return } }"""
    module, programs = parse(text), 2000
    out = torch.zeros(programs, dtype=torch.int32)
    with counted(module, monkeypatch) as batches:
        execute(module, (programs, 1, 1), [out])
    assert out.tolist() == [n * (n - 1) // 2 for n in range(programs)]
    assert len(batches) <= 3 * programs + 10
