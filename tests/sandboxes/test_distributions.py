from typing import Any

import pytest
import torch

from sandboxes.contracts import Reference
from sandboxes.distributions import Distribution, Domain, input_domains, redistribute
from sandboxes.reference import LiveReference

ANY, POSITIVE, FIXED = Domain.ANY, Domain.POSITIVE, Domain.FIXED


def domain(expression: str, before: str = "") -> Domain:
    return input_domains(f"def get_inputs():\n    {before}\n    return [{expression}]\n", 1)[0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("torch.randn(3, 4)", ANY),
        ("torch.rand(3, 4)", ANY),
        ("torch.randn(3).half().cuda()", ANY),
        ("torch.randn(3, 4).t().contiguous()", ANY),
        ("torch.randn(3, 4).T", ANY),
        ("torch.randn(3, 4) * 0.1", ANY),
        ("0.5 * torch.randn(3)", ANY),
        ("torch.randn(3) / 8", ANY),
        ("torch.rand(3) * torch.rand(())", ANY),
        ("torch.tril(torch.rand(3, 3))", ANY),
        ("torch.randn(3).abs()", POSITIVE),
        ("torch.exp(torch.randn(3))", POSITIVE),
        ("torch.rand(3).softmax(dim=-1)", FIXED),
        ("torch.sigmoid(torch.randn(3))", FIXED),
        ("torch.nn.functional.softmax(torch.randn(3), dim=0)", FIXED),
        ("torch.rand(3) + 0.1", POSITIVE),
        ("torch.rand(3).softmax(0) + 1", FIXED),
        ("torch.rand(3) - 1", FIXED),
        ("torch.rand(3) > 0.5", FIXED),
        ("torch.randint(0, 2, (3,)).float() * 2 - 1", FIXED),
        ("torch.randint(0, 9, (3,))", FIXED),
        ("torch.ones(3)", FIXED),
        ("torch.linspace(0, 1, 3)", FIXED),
        ("made_elsewhere(3)", FIXED),
        ("unknown", FIXED),
    ],
)
def test_the_domain_of_an_input_is_read_off_how_it_is_made(expression: str, expected: Domain) -> None:
    assert domain(expression) is expected


def test_names_are_followed_through_assignments() -> None:
    assert domain("x", "x = torch.randn(3)") is ANY
    assert domain("y", "x = torch.randn(3)\n    y = x.softmax(0)") is FIXED
    assert domain("x", "x, y = torch.randn(4, 2).chunk(2)") is ANY


@pytest.mark.parametrize("before", ["x = torch.randn(3)\n    x.clamp_(0, 1)", "for i in range(3): x = torch.randn(3)"])
def test_what_is_not_straight_line_code_keeps_its_domain(before: str) -> None:
    assert domain("x", before) is FIXED


def redistributed(inputs: list[Any], distribution: Distribution, *domains: Domain) -> list[Any]:
    redistribute(inputs, distribution, domains, torch.Generator().manual_seed(0))
    return inputs


@pytest.mark.parametrize("distribution", list(Distribution))
def test_a_probability_is_never_scaled_and_a_positive_input_keeps_its_sign(distribution: Distribution) -> None:
    fixed, positive, any_ = redistributed([torch.rand(9) + 0.1 for _ in range(3)], distribution, FIXED, POSITIVE, ANY)
    assert (fixed < 1.2).all()
    assert (fixed > 0.05).all()
    assert (positive > 0).all()
    assert (any_ < 0).all() == (distribution is Distribution.NEGATIVE)


def test_tensors_in_tuples_and_lists_change_too_and_integers_never() -> None:
    x, y, n = torch.ones(3), torch.ones(3), torch.ones(3, dtype=torch.int64)
    redistributed([(x, [y, n, 7, None])], Distribution.LARGE, ANY)
    assert x.tolist() == y.tolist() == [3, 3, 3]
    assert n.tolist() == [1, 1, 1]


def test_memory_that_inputs_share_changes_once() -> None:
    x = torch.ones(4)
    redistributed([x, x, x[:2]], Distribution.LARGE, ANY, ANY, ANY)
    assert x.tolist() == [3, 3, 3, 3]


def test_views_that_repeat_elements_and_tensors_with_gradients_are_no_trouble() -> None:
    x, w = torch.ones(3, 1).expand(3, 4), torch.ones(3, requires_grad=True)
    redistributed([x, w], Distribution.LARGE, ANY, ANY)
    assert (x == 1).all()
    assert w.tolist() == [3, 3, 3]


def test_distributions_under_which_the_reference_is_not_finite_are_left_out() -> None:
    source = (
        "import torch\nclass Model(torch.nn.Module):\n    def forward(self, x):\n        return torch.log(x)\n"
        "def get_init_inputs():\n    return []\ndef get_inputs():\n    return [torch.rand(50)]\n"
    )
    found = LiveReference(Reference(id="x", source=source)).distributions
    assert Distribution.NEGATIVE not in found
    assert {Distribution.UNIT, Distribution.LARGE, Distribution.SMALL} <= set(found)


def test_a_reference_may_declare_its_distributions_which_then_hold_for_all_inputs() -> None:
    source = (
        "import torch\nDISTRIBUTIONS = ['x1', 'positive']\nclass Model(torch.nn.Module):\n"
        "    def forward(self, x):\n        return x * 2\n"
        "def get_init_inputs():\n    return []\ndef get_inputs():\n    return [torch.rand(50) - 2]\n"
    )
    live = LiveReference(Reference(id="x", source=source))
    assert live.distributions == (Distribution.UNIT, Distribution.POSITIVE)
    assert (live.draw(live.cases[0], Distribution.POSITIVE, seed=1)[0] > 0).all()


def used(forward: str, draw: str = "torch.randn(40, 30)") -> set[Distribution]:
    source = (
        "import torch\nclass Model(torch.nn.Module):\n"
        f"    def forward(self, x):\n        return {forward}\n"
        f"def get_init_inputs():\n    return []\ndef get_inputs():\n    return [{draw}]\n"
    )
    return set(LiveReference(Reference(id="x", source=source)).distributions)


def test_huge_values_are_used_only_where_the_reference_stays_accurate() -> None:
    assert Distribution.HUGE in used("torch.softmax(x, dim=-1)")
    assert Distribution.HUGE not in used("torch.exp(x)")  # overflows
    assert Distribution.HUGE not in used("torch.sin(x @ x.t())")  # rounding its factors to TF32 decides


def test_peaks_replace_outliers_where_the_reference_stays_accurate() -> None:
    assert {Distribution.PEAKS, Distribution.OUTLIERS} & used("torch.softmax(x, dim=-1)") == {Distribution.PEAKS}
    assert {Distribution.PEAKS, Distribution.OUTLIERS} & used("torch.sin(x @ x.t())") == {Distribution.OUTLIERS}


def test_values_beyond_float16_are_used_where_they_only_scale_the_outputs() -> None:
    assert Distribution.VAST in used("x @ x.t()")
    assert Distribution.VAST not in used("torch.sigmoid(x[:1] @ x[0])")  # rounding its factors decides between 0 and 1
    assert Distribution.VAST not in used("torch.sin(x @ x.t())")
    assert Distribution.VAST not in used("torch.softmax(x, dim=-1)")  # one number is all that is left
    assert Distribution.VAST not in used("x @ x.t()", "torch.randn(40, 30, dtype=torch.float16)")


def test_a_few_uneven_values_weigh_as_much_as_all_others_wherever_one_looks() -> None:
    values = torch.ones(512, 512)
    redistribute([values], Distribution.UNEVEN, [ANY], torch.Generator().manual_seed(0))
    assert (values.min() >= 0.5, values.max() == 8.0, values.median() < 1) == (True, True, True)
    assert 1 / 300 < (values == 8.0).double().mean() < 1 / 220
    squares = values.square().flatten().sort().values
    assert squares[-8192:].sum() > squares[:-8192].sum() * 0.9
    assert torch.corrcoef(torch.stack([values[:, :-1].flatten(), values[:, 1:].flatten()]))[0, 1].abs() < 0.01
    other = torch.ones(512, 512)
    redistribute([other], Distribution.UNEVEN, [ANY], torch.Generator().manual_seed(1))
    assert not torch.equal(values, other)
