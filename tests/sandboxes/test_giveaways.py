"""Problems that give their answer away are refused, and problems that ask for little are pointed out."""

import pytest

from sandboxes.contracts import Reference
from sandboxes.errors import InvalidReference
from sandboxes.inspection import inspect
from sandboxes.loading import load_reference

ORDINARY = "torch.softmax(x, dim=-1)"


def reference(
    forward: str, *, draw: str = "torch.randn(rows, 40)", init: str = "pass", shapes: str = "[{'rows': 3}, {'rows': 7}]"
) -> Reference:
    return Reference(
        id="test/reference",
        source=(
            f"import torch\nCHECK_SHAPES = {shapes}\nclass Model(torch.nn.Module):\n"
            f"    def __init__(self):\n        super().__init__()\n        {init}\n"
            f"    def forward(self, x, *rest):\n        return {forward}\n"
            f"def get_init_inputs():\n    return []\ndef get_inputs(rows=16):\n    return [{draw}]\n"
        ),
    )


def rules(forward: str, **settings: str) -> dict[str, str]:
    return {weakness.rule: weakness.severity for weakness in inspect(reference(forward, **settings))}


@pytest.mark.parametrize(
    ("forward", "rule"),
    [
        ("x * 0", "zero_output"),
        ("torch.clamp(x.max(dim=1, keepdim=True).values - x.max(dim=1, keepdim=True).values, min=0)", "zero_output"),
        ("torch.zeros_like(x)", "zero_output"),
        ("torch.ones_like(x) * 3", "known_output"),
        ("(x > -1e9).sum(dim=1)", "known_output"),
        ("torch.sigmoid(x * 1e-9)", "known_output"),
        ("100 + torch.tanh(x) * 1e-4", "known_output"),
        ("torch.dropout(x, 0.5, True)", "random_output"),
        ("torch.log(-1 - x.abs())", "not_finite"),
    ],
)
def test_an_answer_that_is_known_beforehand_is_refused_when_the_problem_is_loaded(forward: str, rule: str) -> None:
    assert rules(forward) == {rule: "refuse"}
    with pytest.raises(InvalidReference, match=r"`test/reference` gives its answer away: .+; .+"):
        load_reference(reference(forward))


@pytest.mark.parametrize(
    ("forward", "rule"),
    [
        ("(x > 0.5).any(dim=1)", "known_output"),
        ("torch.relu(x.amin(dim=1))", "zero_output"),
        ("torch.log(x.amin(dim=1))", "zero_output"),  # not a number
    ],
)
def test_an_answer_that_is_known_at_the_bench_shape_only_is_refused(forward: str, rule: str) -> None:
    wide = "torch.randn(rows, 2000 if rows == 16 else 2)"
    checks = "[{'rows': 40}, {'rows': 70}]"
    assert rules(forward, draw="torch.randn(rows, 2)", shapes=checks) == {}
    assert rules(forward, draw=wide, shapes=checks) == {rule: "refuse"}
    with pytest.raises(InvalidReference, match=r"at `bench rows=16`, which is priced"):
        load_reference(reference(forward, draw=wide, shapes=checks))


@pytest.mark.parametrize(
    "forward",
    [
        ORDINARY,
        "torch.relu(x)",
        "x.sum(dim=1)",
        "x.argmax(dim=1)",
        "(x.mean(dim=1), x.var(dim=1))",
        "x.abs().mean()",
        "x.add_(1)",
        "torch.sigmoid(x)",
        "1 + torch.tanh(x) * 1e-3",
    ],
)
def test_an_ordinary_problem_is_clean_and_loaded(forward: str) -> None:
    assert rules(forward) == {}
    load_reference(reference(forward))


def test_an_input_that_does_not_count_is_pointed_out() -> None:
    both = "torch.randn(rows, 40), torch.randn(rows, 40)"
    assert rules("x * 2 + rest[0]", draw=both) == {}
    assert rules("x * 2 + 1e-8 * rest[0]", draw=both) == {"unused_input": "warn"}
    assert rules("x * 2", draw=both) == {"unused_input": "warn"}
    assert rules("x * 2", draw="torch.randn(rows, 40), torch.ones(3), 7") == {}  # the same in every draw


def test_weights_that_do_not_count_or_are_one_number_are_pointed_out() -> None:
    assert rules("x @ self.w", init="self.w = torch.nn.Parameter(torch.randn(40, 8))") == {}
    assert rules("torch.exp(x * self.w)", init="self.w = torch.nn.Parameter(torch.ones(40))") == {
        "plain_weights": "warn"
    }
    unused = rules("x * 2", init="self.w = torch.nn.Parameter(torch.randn(40))")
    assert unused == {"unused_weights": "warn"}


def test_a_zero_initialised_layer_whose_output_is_zero_is_refused() -> None:
    init = "self.w = torch.nn.Parameter(torch.zeros(40, 8))"
    assert rules("x @ self.w", init=init) == {"zero_output": "refuse"}


@pytest.mark.parametrize("forward", ["x.contiguous()", "torch.dropout(x, 0.5, False)"])
def test_a_copy_is_pointed_out_and_not_refused_since_handing_out_the_input_is_rejected(forward: str) -> None:
    assert rules(forward) == {"input_is_output": "warn"}
    load_reference(reference(forward))


def test_one_check_shape_only_is_pointed_out() -> None:
    assert rules(ORDINARY, shapes="[{'rows': 3}]") == {"one_shape": "warn"}


def test_an_answer_that_passes_for_the_values_as_drawn_only_is_a_warning() -> None:
    assert rules("torch.relu(x - 200)", draw="torch.rand(rows, 40)")["zero_output"] == "refuse"
    warned = rules("torch.relu(x - (20 if len(x) < 16 else 0.5))", draw="torch.rand(rows, 40)")
    assert warned["zero_output"] == "warn"  # 100 times as large counts
