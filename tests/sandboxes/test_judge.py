"""The judge: what passes, what fails, and how a failure is described."""

import re
from typing import Any

import pytest
import torch

from sandboxes.contracts import EvalConfig, Precision, Reference
from sandboxes.distributions import Distribution
from sandboxes.judge import bench_trial, compare, plan_trials, summarise
from sandboxes.nested import structure
from sandboxes.reference import LiveReference
from sandboxes.truth import Expected, Trial, Truth, compute_truth
from sandboxes.truth_cache import TruthCache
from sandboxes.ttir.operations.dots import round_tf32

MATMUL = """
import torch
CHECK_SHAPES = [dict(m=3, k=5, n=7), dict(m=16, k=64, n=8)]
class Model(torch.nn.Module):
    def forward(self, a, b):
        return a @ b
def get_init_inputs():
    return []
def get_inputs(m=32, k=512, n=32):
    return [torch.randn(m, k), torch.randn(k, n)]
"""


def truth_of(
    value: torch.Tensor,
    tolerance: float = 1e-3,
    inputs: tuple[Any, ...] = (),
    changed: Any = (),
    dtype: torch.dtype | None = None,
) -> Truth:
    expected = Expected(label="output", value=value, dtype=dtype or value.dtype, tolerance=tolerance)
    return Truth(
        inputs=list(inputs), outputs=(expected,), structure=structure(value), changed_inputs=frozenset(changed)
    )


def reference(source: str = MATMUL) -> LiveReference:
    return LiveReference(Reference(id="test/reference", source=source))


def test_the_truth_itself_passes() -> None:
    value = torch.randn(4, 5)
    assert compare(truth_of(value), value.clone(), []).passed


def test_an_error_within_the_tolerance_passes_and_one_beyond_it_fails() -> None:
    value = torch.randn(100)
    assert compare(truth_of(value), value + 0.9e-3, []).passed
    assert not compare(truth_of(value), value + 1.2e-3, []).passed


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (torch.zeros(5, 4), r"float32\[5, 4\], expected \[4, 5\]"),
        (torch.zeros(4, 5, dtype=torch.float64), "float64, expected float32"),
        ((torch.zeros(4, 5),), "a tuple of 1"),
        ([torch.zeros(4, 5)] * 2, "a tuple of 2"),
        (None, "None"),
    ],
)
def test_another_shape_dtype_or_structure_fails_with_both_named(output: Any, words: str) -> None:
    comparison = compare(truth_of(torch.zeros(4, 5)), output, [])
    assert not comparison.passed
    assert comparison.detail is not None
    assert re.search(words, comparison.detail)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), float("-inf")])
def test_one_non_finite_element_fails_whatever_the_tolerance(poison: float) -> None:
    value = torch.ones(10)
    wrong = value.clone()
    wrong[3] = poison
    comparison = compare(truth_of(value, tolerance=1e30), wrong, [])
    assert not comparison.passed
    assert "[3]" in (comparison.detail or "")


def test_zeros_of_either_sign_are_equal_and_where_the_truth_is_no_number_anything_goes() -> None:
    nan = float("nan")
    assert compare(truth_of(torch.tensor([0.0, -0.0]), 0.0), torch.tensor([-0.0, 0.0]), []).passed
    truth = truth_of(torch.tensor([1.0, nan]))
    for value, passes in (([1.0, nan], True), ([1.0, 5.0], True), ([nan, nan], False)):
        assert compare(truth, torch.tensor(value), []).passed is passes


def test_elements_that_are_all_a_little_off_fail_together() -> None:
    value = torch.randn(1000)
    expected = Expected(label="output", value=value, dtype=value.dtype, tolerance=1e-2, mean_tolerance=1e-3)
    truth = Truth(inputs=[], outputs=(expected,), structure="tensor", changed_inputs=frozenset())
    one = value.clone()
    one[7] += 8e-3
    assert compare(truth, one, []).passed
    assert "root mean square" in (compare(truth, value + 2e-3, []).detail or "")


def test_a_product_summed_in_float16_fails_where_one_summed_in_float32_passes() -> None:
    live = reference(MATMUL.replace("torch.randn(m, k)", "torch.randn(m, k).half()").replace("(k, n)", "(k, n).half()"))
    truth = compute_truth(live, bench_trial(live.cases[-1], EvalConfig(), seed=3))
    a, b = (item.float() for item in truth.inputs)
    narrow = torch.zeros(32, 32, dtype=torch.float16)
    for start in range(0, 512, 16):
        narrow = (narrow.float() + a[:, start : start + 16] @ b[start : start + 16]).half()
    assert compare(truth, (a @ b).half(), truth.inputs).passed
    assert not compare(truth, narrow, truth.inputs).passed


def test_bools_must_be_equal() -> None:
    value = torch.tensor([True, False, True])
    assert compare(truth_of(value, 0.0), value.clone(), []).passed
    assert not compare(truth_of(value, 0.0), ~value, []).passed


def test_strides_are_free_but_elements_that_share_memory_fail_unless_those_of_the_reference_do() -> None:
    row = torch.randn(1, 5)
    value = row.expand(4, 5).contiguous()
    assert compare(truth_of(value), value.t().contiguous().t(), []).passed
    assert "share memory" in (compare(truth_of(value), row.expand(4, 5), []).detail or "")
    expected = truth_of(value)
    shared = Truth(inputs=[], outputs=expected.outputs, structure="tensor", changed_inputs=frozenset(), overlaps=True)
    assert compare(shared, row.expand(4, 5), []).passed


def test_outputs_may_be_views_of_one_tensor_that_do_not_overlap() -> None:
    both = torch.randn(2, 6)
    outputs = tuple(truth_of(part).outputs[0] for part in both)
    truth = Truth(inputs=[], outputs=outputs, structure=("tensor", "tensor"), changed_inputs=frozenset())
    assert compare(truth, (both[0], both[1]), []).passed
    columns = both.t().contiguous()
    assert compare(truth, (columns[:, 0], columns[:, 1]), []).passed
    same = Truth(inputs=[], outputs=outputs[:1] * 2, structure=("tensor", "tensor"), changed_inputs=frozenset())
    assert "share memory" in (compare(same, (both[0], both[0]), []).detail or "")


def test_changing_a_weight_fails() -> None:
    value = torch.zeros(3)
    assert compare(truth_of(value), value.clone(), [], ("parameter:scale",)).detail == (
        "the weight `parameter:scale` was changed; `forward` leaves weights as they are"
    )


def test_infinities_of_the_truth_must_be_met_with_their_sign() -> None:
    value = torch.tensor([float("-inf"), 1.0])
    assert compare(truth_of(value), value.clone(), []).passed
    assert not compare(truth_of(value), -value, []).passed
    assert not compare(truth_of(value), torch.tensor([0.0, 1.0]), []).passed


def test_integers_must_be_equal() -> None:
    value = torch.arange(10)
    assert compare(truth_of(value, 0.0), value.clone(), []).passed
    wrong = value.clone()
    wrong[7] += 1
    assert not compare(truth_of(value, 0.0), wrong, []).passed


def test_changing_an_input_fails_unless_the_reference_does_it_too() -> None:
    before = torch.ones(3)
    truth = truth_of(torch.zeros(2), inputs=(before,))
    assert compare(truth, torch.zeros(2), [before.clone()]).passed
    comparison = compare(truth, torch.zeros(2), [before + 1])
    assert "input 0 was changed" in (comparison.detail or "")


def test_a_wrong_tail_is_recognised() -> None:
    value = torch.randn(8, 100)
    wrong = value.clone()
    wrong[:, 96:] += 1
    comparison = compare(truth_of(value), wrong, [])
    assert "only indices 96 to 99 of dimension 1 are wrong" in (comparison.pattern or "")
    assert compare(truth_of(value), wrong, [], explained=False).pattern is None


def test_a_constant_factor_is_recognised() -> None:
    value = torch.randn(64)
    assert "2 times as large" in (compare(truth_of(value), 2 * value, []).pattern or "")


@pytest.mark.parametrize("value", [torch.tensor(3.2164), torch.tensor([3.2164, -3.2164])])
def test_of_few_numbers_neither_the_error_nor_the_tolerance_is_told(value: torch.Tensor) -> None:
    comparison = compare(truth_of(value, tolerance=2e-5 * 3.2164), torch.zeros_like(value), [])
    assert "off by more than 10,000 times what is allowed" in (comparison.detail or "")
    assert not re.search(r"3\.2|6\.4", f"{comparison.detail} {comparison.pattern}")


def test_an_infinity_is_right_where_the_truth_is_too_large_for_the_type_and_nowhere_else() -> None:
    truth = truth_of(torch.tensor([1.0, 7e4, -7e4, 6e4]), dtype=torch.float16, tolerance=100.0)
    inf = float("inf")
    for output, passes in (
        ([1.0, inf, -inf, 6e4], True),
        ([1.0, -inf, -inf, 6e4], False),
        ([1.0, inf, -inf, inf], False),
        ([inf, inf, -inf, 6e4], False),
        ([1.0, inf, 0.0, 6e4], False),
    ):
        assert compare(truth, torch.tensor(output, dtype=torch.float16), []).passed is passes


def test_outputs_of_no_elements_pass() -> None:
    assert compare(truth_of(torch.zeros(0, 3)), torch.zeros(0, 3), []).passed


def test_every_distribution_is_used_and_every_case_is_tried_as_drawn() -> None:
    trials = plan_trials(reference(), EvalConfig(), seed=1)
    left_out = {Distribution.TIES, Distribution.HUGE, Distribution.PEAKS, Distribution.UNEVEN}
    assert {trial.distribution for trial in trials} == set(Distribution) - left_out
    for case in {trial.case.name for trial in trials}:
        assert Distribution.UNIT in {trial.distribution for trial in trials if trial.case.name == case}


def test_a_module_with_weights_is_tried_under_every_weight_seed() -> None:
    source = MATMUL.replace(
        "    def forward", "    def __init__(self):\n        super().__init__()\n"
        "        self.w = torch.nn.Parameter(torch.ones(1))\n    def forward"
    )  # fmt: skip
    config = EvalConfig(weight_seeds=(1, 2, 3))
    assert {trial.weight_seed for trial in plan_trials(reference(source), config, seed=1)} == {1, 2, 3}
    assert {trial.weight_seed for trial in plan_trials(reference(), config, seed=1)} == {1}


def test_under_tf32_a_product_of_rounded_factors_is_right_and_under_fp32_it_is_not() -> None:
    live = reference()
    for precision, passes in ((Precision.TF32, True), (Precision.FP32, False)):
        trial = bench_trial(live.cases[-1], EvalConfig(precision=precision), seed=3)
        truth = compute_truth(live, trial)
        a, b = truth.inputs
        exact = compare(truth, a @ b, truth.inputs)
        rounded = compare(truth, round_tf32(a) @ round_tf32(b), truth.inputs)
        assert exact.passed
        assert rounded.passed is passes


def test_half_precision_products_fail_where_the_reference_is_float32() -> None:
    live = reference()
    truth = compute_truth(live, bench_trial(live.cases[-1], EvalConfig(), seed=3))
    a, b = truth.inputs
    assert not compare(truth, (a.bfloat16() @ b.bfloat16()).float(), truth.inputs).passed


def test_dropping_a_thirtieth_of_the_sum_fails() -> None:
    live = reference()
    truth = compute_truth(live, bench_trial(live.cases[-1], EvalConfig(), seed=3))
    a, b = truth.inputs
    assert not compare(truth, a[:, :496] @ b[:496], truth.inputs).passed


def test_a_reference_that_changes_its_input_makes_the_input_an_output() -> None:
    live = reference(
        "import torch\nclass Model(torch.nn.Module):\n    def forward(self, x):\n        return x.add_(1).sum()\n"
        "def get_init_inputs():\n    return []\ndef get_inputs():\n    return [torch.randn(5)]\n"
    )
    truth = compute_truth(live, bench_trial(live.cases[-1], EvalConfig(), seed=3))
    assert truth.changed_inputs == {0}
    after = truth.inputs[0] + 1
    assert compare(truth, after.sum(), [after]).passed
    assert not compare(truth, after.sum(), [truth.inputs[0].clone()]).passed


def test_the_cache_gives_the_same_truth_again_and_forgets_the_oldest() -> None:
    live = reference()
    first, second = plan_trials(live, EvalConfig(seed=1), seed=1)[:2]
    cache = TruthCache(max_bytes=compute_truth(live, first).bytes + 10)
    truth = cache.get(live, first)
    assert cache.get(live, first) is truth
    cache.get(live, second)
    assert cache.get(live, first) is not truth


def test_only_trials_of_a_given_seed_have_truths_worth_keeping() -> None:
    assert all(trial.once for trial in plan_trials(reference(), EvalConfig(), seed=1))
    assert not any(trial.once for trial in plan_trials(reference(), EvalConfig(seed=1), seed=1))
    assert all(trial.once for trial in plan_trials(reference(), EvalConfig(seed=1, bench_seed=2), seed=1))


@pytest.mark.parametrize("distribution", [Distribution.SMALL, Distribution.HUGE, Distribution.PEAKS])
def test_values_of_other_sizes_are_tried_at_the_largest_case(distribution: Distribution) -> None:
    live = reference(MATMUL.replace("a @ b", "torch.softmax(a[:, :1] + b[:1], dim=-1)"))
    trials = plan_trials(live, EvalConfig(), seed=1)
    assert [trial.case for trial in trials if trial.distribution is distribution] == [live.cases[1]]


def test_a_product_of_values_rounded_to_float16_overflows_at_the_largest_case() -> None:
    live = reference()
    (trial,) = (item for item in plan_trials(live, EvalConfig(), seed=1) if item.distribution is Distribution.VAST)
    assert trial.case == live.cases[1]
    truth = compute_truth(live, trial)
    a, b = truth.inputs
    assert compare(truth, a @ b, truth.inputs).passed
    assert not compare(truth, (a.half() @ b.half()).float(), truth.inputs).passed
    assert not compare(truth, a.half().float() @ b.half().float(), truth.inputs).passed


def test_the_maximum_of_a_softmax_cannot_be_skipped_after_a_probe() -> None:
    source = MATMUL.replace("a @ b", "torch.softmax(a.flatten(), dim=-1) + 0 * b.sum()").replace("m=16", "m=64")
    live = reference(source)
    (trial,) = (item for item in plan_trials(live, EvalConfig(), seed=1) if item.distribution is Distribution.PEAKS)
    truth = compute_truth(live, trial)
    a = truth.inputs[0].flatten()
    assert int((a.abs() < 6).sum()) > 0.9 * a.numel()
    assert compare(truth, torch.softmax(a, dim=-1), truth.inputs).passed
    assert not compare(truth, a.exp() / a.exp().sum(), truth.inputs).passed


def test_distributions_change_values_and_not_shapes() -> None:
    live = reference()
    case = live.cases[0]
    base = live.draw(case, Distribution.UNIT, seed=5)[0]
    assert torch.equal(live.draw(case, Distribution.LARGE, seed=5)[0], base * 3)
    assert torch.equal(live.draw(case, Distribution.NEGATIVE, seed=5)[0], -base.abs())
    assert torch.equal(live.draw(case, Distribution.POSITIVE, seed=5)[0], base.abs())
    assert set(live.draw(case, Distribution.TIES, seed=5)[0].unique().tolist()) == {-1.0, 0.0, 1.0}
    assert torch.allclose(live.draw(case, Distribution.SMALL, seed=5)[0], base * 0.01)
    assert live.draw(case, Distribution.OUTLIERS, seed=5)[0].shape == base.shape


def test_a_summary_counts_failures_and_names_the_distribution_if_not_all_fail() -> None:
    live = reference()
    trials = [trial for trial in plan_trials(live, EvalConfig(), seed=1) if trial.case == live.cases[0]]
    good = compare(truth_of(torch.zeros(3)), torch.zeros(3), [])
    bad = compare(truth_of(torch.zeros(3)), torch.ones(3), [])
    pairs: list[tuple[Trial, Any]] = [(trials[0], good), (trials[1], bad)]
    result = summarise(live.cases[0], pairs)
    assert (result.passed, result.trials, result.failed_trials) == (False, 2, 1)
    assert str(trials[1].distribution) in (result.detail or "")


def test_a_loss_over_a_sample_is_found_at_the_bench_case() -> None:
    live = reference(
        "import torch\nCHECK_SHAPES = [dict(rows=3)]\nclass Model(torch.nn.Module):\n    def forward(self, x):\n"
        "        return torch.logsumexp(x, 1).mean()\ndef get_init_inputs():\n    return []\n"
        "def get_inputs(rows=1000):\n    return [torch.randn(rows, 2000)]\n"
    )
    for seed in range(5):
        truth = compute_truth(live, bench_trial(live.cases[-1], EvalConfig(), seed, live.distributions))
        x = truth.inputs[0].double()
        assert compare(truth, torch.logsumexp(x, 1).mean().float(), truth.inputs).passed
        sampled = torch.logsumexp(x[:, :1000], 1).mean() + torch.tensor(2.0).log()
        assert not compare(truth, sampled.float(), truth.inputs).passed
    assert Distribution.UNEVEN not in {trial.distribution for trial in plan_trials(live, EvalConfig(), seed=1)}
