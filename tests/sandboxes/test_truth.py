"""Truths are never handed out, whatever shape the inputs have."""

from typing import Any

import pytest
import torch

from sandboxes.contracts import EvalConfig, Reference
from sandboxes.distributions import Distribution
from sandboxes.judge import bench_trial, compare
from sandboxes.nested import clone, same, to_double
from sandboxes.reference import LiveReference
from sandboxes.reference_module import placed
from sandboxes.truth import compute_truth

NESTED = LiveReference(
    Reference(
        id="test/nested",
        source=(
            "import torch\nclass Model(torch.nn.Module):\n"
            "    def forward(self, pair):\n        a, rest = pair\n        return a * rest[0]\n"
            "def get_init_inputs():\n    return []\n"
            "def get_inputs():\n    return [(torch.randn(5), [torch.randn(5), 3])]\n"
        ),
    )
)


def test_tensors_in_tuples_and_lists_are_copied() -> None:
    value = (torch.ones(3), [torch.ones(2), None])
    copy = clone(value)
    copy[0].zero_()
    copy[1][0].zero_()
    assert value[0].sum() == 3
    assert value[1][0].sum() == 2
    assert not same(value, copy)
    assert same(value, clone(value))


def test_tensors_in_tuples_and_lists_become_float64() -> None:
    pair = to_double((torch.ones(3), [torch.ones(2, dtype=torch.int64)]))
    assert pair[0].dtype == torch.float64
    assert pair[1][0].dtype == torch.int64


def test_a_change_to_a_nested_input_is_noticed_and_leaves_the_truth_alone() -> None:
    truth = compute_truth(NESTED, bench_trial(NESTED.cases[-1], EvalConfig(), seed=1))
    handed_out = [clone(item) for item in truth.inputs]
    output = handed_out[0][0] * handed_out[0][1][0]
    assert compare(truth, output, handed_out).passed
    handed_out[0][1][0].mul_(2)
    assert "input 0 was changed" in (compare(truth, output, handed_out).detail or "")
    assert same(truth.inputs, [clone(item) for item in truth.inputs])
    assert torch.allclose(truth.inputs[0][0] * truth.inputs[0][1][0], output)
    assert truth.bytes >= 3 * 5 * 4


def test_a_module_is_brought_to_a_device_with_tensors_that_are_neither_parameters_nor_buffers() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    model.scale = torch.ones(2)
    model[0].masks = {"left": [torch.ones(2), 3]}
    moved = placed(model, torch.device("meta"))
    assert moved is model
    assert {model.scale.device.type, model[0].weight.device.type, model[0].masks["left"][0].device.type} == {"meta"}
    assert model[0].masks["left"][1] == 3


def test_running_a_reference_moves_nothing_since_recurrent_layers_would_copy_their_weights_every_time() -> None:
    class Model(torch.nn.Module):
        applied = 0

        def _apply(self, fn: Any, recurse: bool = True) -> Any:
            self.applied += 1
            return super()._apply(fn, recurse)

        def forward(self, pair: Any) -> Any:
            return pair[0]

    case, model = NESTED.cases[-1], Model()
    NESTED.run(case, model, NESTED.draw(case, Distribution.UNIT, 1), torch.device("cpu"))
    assert model.applied == 0


def test_values_and_weights_can_be_drawn_where_a_kernel_has_spoiled_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(seed: int) -> None:
        raise torch.AcceleratorError("an illegal memory access was encountered")

    case = NESTED.cases[-1]
    torch.manual_seed(7)
    usual = torch.randn(5)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", fails)
    drawn = NESTED.draw(case, Distribution.UNIT, 7)
    assert torch.equal(drawn[0][0], usual)
    LiveReference(Reference(id="test/new", source=NESTED._source)).model(case, 3)
