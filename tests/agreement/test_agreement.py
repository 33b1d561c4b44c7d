"""The executor and Triton's interpreter agree on random kernels, and a wrong executor is found out."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest
import torch
import triton
from hypothesis import HealthCheck, given, settings

from sandboxes.ttir import ExecutionOptions, TTIRError, parse, table
from tests.agreement import differential
from tests.agreement.campaign import Summary, campaign, disagreement
from tests.agreement.case import Case
from tests.agreement.choices import Choices, replayed, seeded, shrunk
from tests.agreement.comparison import differing
from tests.agreement.differential import Difference, differences, executor
from tests.agreement.generator import build, cases
from tests.agreement.interpreter import Interpreter, InterpreterFailure
from tests.agreement.kinds import Rule

AGREES = pytest.mark.skipif(
    tuple(map(int, triton.__version__.split(".")[:2])) < (3, 9),
    reason=f"Triton {triton.__version__}'s interpreter is wrong in places (fused products, NaN, histograms)",
)
"""The interpreter is the second engine: where it is wrong by itself, a difference says nothing about the executor."""


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    with Interpreter() as process:
        yield process


def _last(summaries: Iterator[Summary]) -> Summary:
    return deque(summaries, maxlen=1)[0]


def _report(summary: Summary) -> str:
    return "\n".join(f"case {f.number}: {f.message}\n{f.case!r}" for f in summary.findings)


@AGREES
def test_both_engines_agree_on_random_kernels(interpreter: Interpreter) -> None:
    summary = _last(campaign(7, range(40), interpreter))
    assert not summary.findings, _report(summary)
    assert len(summary.operations) > 100


@AGREES
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_both_engines_agree_on_hundreds_of_random_kernels(interpreter: Interpreter) -> None:
    summary = _last(campaign(1, range(500), interpreter))
    assert not summary.findings, _report(summary)


@AGREES
@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(case=cases())
def test_both_engines_agree_on_what_hypothesis_draws(interpreter: Interpreter, case: Case) -> None:
    assert disagreement(case, interpreter) == ""


def _broken(name: str) -> tuple[dict[str, Callable[..., torch.Tensor]], Callable[..., torch.Tensor]]:
    """The table that holds an operation, and a version of it that is wrong for some of the operands."""
    functions = table.DENSE if name in table.DENSE else table.LAZY
    right = functions[name]

    def wrong(step: object, *operands: torch.Tensor) -> torch.Tensor:
        result = right(step, *operands)
        if not isinstance(result, torch.Tensor) or result.dtype == torch.bool:
            return result
        return torch.where(result == result.reshape(-1)[-1], result + 1, result)

    return functions, wrong


def _wrong_value(interpreter: Interpreter, kind: str) -> Difference | None:
    """The first value that differs in kernels with a kind of operation.

    A kernel that the wrong operation sends into a loop without end, or out of bounds, does not count.
    """
    brief = partial(executor, options=ExecutionOptions(max_operations=20_000))
    candidates = (build(seeded(3, number)) for number in range(100))
    for case in candidates:
        if any(known.startswith(kind) for known in case.operations):
            with suppress(TTIRError):
                for difference in differences(case, interpreter, brief):
                    return difference
    return None


@AGREES
@pytest.mark.parametrize(
    ("name", "kind"),
    [("arith.mulf", "* float"), ("arith.subi", "- int"), ("tt.gather", "gather"), ("arith.shrsi", ">> int")],
)
def test_a_subtly_wrong_operation_is_found(
    name: str, kind: str, interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions, wrong = _broken(name)
    assert _wrong_value(interpreter, kind) is None
    monkeypatch.setitem(functions, name, wrong)
    monkeypatch.setattr(differential, "parse", parse.__wrapped__)  # a plan keeps the functions it was made with
    assert _wrong_value(interpreter, kind) is not None


def test_a_failing_kernel_is_made_small() -> None:
    def has_loop(decisions: list[int]) -> bool:
        return "for range" in build(replayed(decisions)).operations

    made = next(made for made in map(_decisions, range(99)) if has_loop(made) and len(made) > 100)
    small = shrunk(made, has_loop, attempts=2000)
    assert has_loop(small)
    assert len(small) < len(made) / 4


def _decisions(number: int) -> list[int]:
    choices: Choices = seeded(0, number)
    build(choices)
    return choices.made


def test_a_case_follows_from_seed_and_number_alone() -> None:
    first, again = build(seeded(5, 11)), build(seeded(5, 11))
    assert first.source == again.source
    for one, other in zip(first.arguments, again.arguments, strict=True):
        assert repr(one) == repr(other)


def test_an_interpreter_that_refuses_or_dies_is_reported_and_replaced(interpreter: Interpreter) -> None:
    source = "import triton\nimport triton.language as tl\n@triton.jit\ndef kernel():\n    {}\n"
    refused = Case(source.format("tl.nonsense()"), (), (1, 1, 1), {})
    with pytest.raises(InterpreterFailure, match="nonsense"):
        interpreter.run(refused)
    with pytest.raises(InterpreterFailure, match="died"):
        interpreter.run(Case("import os\nos._exit(3)\n", (), (1, 1, 1), {}))
    assert disagreement(build(seeded(5, 11)), interpreter) == ""


def test_floats_are_compared_bit_for_bit_unless_a_rule_says_otherwise() -> None:
    x = torch.tensor([1.0, 0.0, float("nan"), float("inf"), 1.0])
    y = torch.tensor([1.0, -0.0, float("nan"), float("inf"), 1.0 + 2**-22])
    assert differing(x, y).tolist() == [False, True, False, False, True]
    assert differing(x, y, Rule(ulps=2)).tolist() == [False, False, False, False, False]
    assert differing(x, y, Rule(ulps=1)).tolist() == [False, False, False, False, True]
    scaled = Rule(factor=2.0**-23, scale="s")
    assert differing(x, y, scaled, torch.tensor([1.0, 1, 1, 1, 2])).tolist() == [False] * 5
    assert differing(x, y, scaled, torch.tensor([1.0, 1, 1, 1, 1])).tolist() == [False] * 4 + [True]
    assert bool(differing(torch.tensor([float("nan")]), torch.tensor([1.0]), Rule(ulps=9)).all())
