"""What counts as work that is left to PyTorch depends on what the problem is about."""

import pytest

from sandboxes.contracts import ArgumentSequence, AtenCall, ScalarRef, TensorRef
from sandboxes.dataflow import analyse
from sandboxes.delegation import computing_calls, delegated_calls, is_fill
from tests.rewards.hacks.shown import reference_graph

PLAIN = reference_graph("torch.relu(x)")
MOVING = reference_graph("x.t().contiguous()")
LOOKING_UP = reference_graph("x[torch.arange(3)]")


@pytest.mark.parametrize(
    ("answer", "fills"),
    [
        ("torch.zeros_like(x)", True),
        ("torch.full((4,), 2.5)", True),
        ("torch.arange(4)", True),
        ("torch.empty_like(x).fill_(1.0)", True),
        ("torch.empty_like(x).fill_(x.sum())", False),
        ("torch.empty_like(x).copy_(x)", False),
        ("x.t().contiguous()", False),
    ],
)
def test_a_fill_is_with_numbers_that_are_known_before(answer: str, fills: bool) -> None:
    calls = [node for node in reference_graph(f"({answer}) * 2").nodes if isinstance(node, AtenCall)]
    made = [node for node in calls if not node.operator.startswith(("aten::empty", "aten::detach", "aten::mul"))]
    assert is_fill(made[-1]) is fills


def test_a_fill_with_a_number_that_is_read_back_spreads_what_was_computed() -> None:
    size = ArgumentSequence(kind="list", items=(4,))
    full = AtenCall(operator="aten::full.default", args=(size, 1.0), kwargs={}, results=(TensorRef(id=1),), line=1)
    assert is_fill(full)
    assert not is_fill(full.model_copy(update={"args": (size, ScalarRef(id=0))}))


def names(calls: list[tuple[int, AtenCall]]) -> list[str]:
    return [call.operator.partition("::")[2].partition(".")[0] for _, call in calls]


@pytest.mark.parametrize(
    ("answer", "computing", "moving", "looking_up"),
    [
        ("torch.relu(x)", ["relu"], ["relu"], ["relu"]),
        ("x.t().contiguous()", [], ["clone"], []),
        ("torch.cat((x, x))", [], ["cat"], []),
        ("nn.functional.pad(x, (0, 3))", [], ["constant_pad_nd"], []),
        ("x.half().view(-1)", [], ["_to_copy"], []),
        ("x.index_select(0, torch.arange(2))", [], [], ["index_select"]),
        ("x[torch.arange(2)]", [], [], ["index"]),
        ("torch.zeros_like(x)", [], [], []),
        ("x * torch.ones(4, 1)", ["mul"], ["mul"], ["mul"]),
        ("(x * 2, torch.relu(x))[1]", ["relu"], ["relu"], ["relu"]),
    ],
)
def test_computing_is_work_and_moving_where_the_reference_does_so(
    answer: str, computing: list[str], moving: list[str], looking_up: list[str]
) -> None:
    trace = reference_graph(answer)
    flow = analyse(trace)
    assert names(computing_calls(trace, flow)) == names(delegated_calls(trace, flow, PLAIN)) == computing
    assert names(delegated_calls(trace, flow, MOVING)) == moving
    assert names(delegated_calls(trace, flow, LOOKING_UP)) == looking_up
