"""Scaling on references that are built like the large ones of benchmarks."""

from functools import cache

import pytest
import torch

from sandboxes.contracts import CaseKind, Reference
from sandboxes.description import describe
from sandboxes.errors import InvalidReference
from sandboxes.loading import load_reference
from sandboxes.reference import LiveReference
from sandboxes.scaling.search import MAX_BYTES, scaled_down

HEAD = "import torch\nfrom torch import nn\n"
SOFTMAX = HEAD + (
    "batch_size = 4096\ndim = 393216\n"
    "class Model(nn.Module):\n    def forward(self, x):\n        return torch.softmax(x, dim=1)\n"
    "def get_inputs():\n    return [torch.rand(batch_size, dim)]\ndef get_init_inputs():\n    return []\n"
)
GROUPED = HEAD + (
    "batch = 128\nchannels = 64\ngroups = 8\nheight = width = 256\nkernel_size = 3\n"
    "class Model(nn.Module):\n"
    "    def __init__(self, channels, groups, kernel_size):\n        super().__init__()\n"
    "        self.conv = nn.Conv2d(channels, channels * 2, kernel_size, groups=groups)\n"
    "        self.norm = nn.GroupNorm(groups, channels * 2)\n"
    "    def forward(self, x):\n        return self.norm(self.conv(x))\n"
    "def get_inputs():\n    return [torch.randn(batch, channels, height, width)]\n"
    "def get_init_inputs():\n    return [channels, groups, kernel_size]\n"
)
COUPLED = HEAD + (
    "class Model(nn.Module):\n    def forward(self, a, b):\n        return a @ b\n"
    "def get_inputs():\n    return [torch.randn(8192, 4096), torch.randn(4096, 1024)]\n"
    "def get_init_inputs():\n    return []\n"
)


def scaled(source: str) -> Reference:
    return scaled_down(Reference(id="test/large", source=source))


once = cache(scaled)
"""The same, searched for once: it takes seconds."""


def refusal(source: str) -> str:
    with pytest.raises(InvalidReference) as caught:
        scaled(source)
    return str(caught.value)


def test_a_large_problem_gets_several_different_small_and_awkward_shapes() -> None:
    constants = once(SOFTMAX).check_constants
    assert len(constants) >= 3
    sizes = {size for item in constants for size in item.values()}
    assert any(size % 2 for size in sizes)
    assert any(size >= 64 and not size & (size - 1) for size in sizes)
    assert max(sizes) > 1024, "a row longer than a block"
    assert all(item["batch_size"] * item["dim"] <= 2**20 for item in constants)


def test_the_bench_case_is_the_original() -> None:
    description = describe(Reference(id="test/large", source=SOFTMAX))
    bench = description.cases[-1]
    assert bench.kind is CaseKind.BENCH
    assert bench.constants == {}
    assert bench.inputs[0].shape == (4096, 393216)
    assert all(case.kind is CaseKind.CHECK and case.constants for case in description.cases[:-1])


def test_constraints_between_sizes_are_kept() -> None:
    reference = once(GROUPED)
    for item in reference.check_constants:
        assert item["channels"] % 8 == 0
        assert "groups" not in item
        assert "kernel_size" not in item
        assert item["height"] >= 3
    assert len({item["height"] for item in reference.check_constants}) > 1


def test_sizes_that_only_fit_together_are_scaled_together() -> None:
    for item in scaled(COUPLED).check_constants:
        assert item["get_inputs.1"] == item["get_inputs.2"] < 4096


def test_constructor_arguments_and_weights_follow_the_case() -> None:
    _, live = load_reference(once(GROUPED))
    *checks, bench = live.cases
    assert bench.init_inputs == (64, 8, 3)
    for case in checks:
        assert case.init_inputs[0] == case.constants["channels"]
        weight = live.model(case, 1).conv.weight
        assert weight.shape[0] == 2 * case.constants["channels"]
    assert len({case.module for case in live.cases}) == len({str(case.constants) for case in live.cases})


def test_a_reference_and_its_scaled_form_are_one_thing_in_memory() -> None:
    complete, live = load_reference(Reference(id="test/large", source=SOFTMAX))
    assert load_reference(complete) == (complete, live)


def test_shapes_that_the_author_gives_are_used_as_they_are() -> None:
    source = SOFTMAX.replace("def get_inputs():", "CHECK_SHAPES = [dict(n=3)]\ndef get_inputs(n=7):")
    assert scaled(source).check_constants == ()
    assert [case.shape for case in load_reference(Reference(id="x", source=source))[1].cases] == [{"n": 3}, {}]


def test_constants_that_are_given_are_not_searched_for() -> None:
    reference = Reference(id="x", source=SOFTMAX, check_constants=({"dim": 5, "batch_size": 2},))
    assert scaled_down(reference) is reference
    assert reference.digest != Reference(id="x", source=SOFTMAX).digest
    assert LiveReference(reference).cases[0].name == "dim=5,batch_size=2"


def test_a_small_problem_without_integers_is_checked_as_it_is() -> None:
    source = COUPLED.replace("8192, 4096", "5, 3").replace("4096, 1024", "3, 2")
    complete, live = load_reference(Reference(id="x", source=source))
    assert complete.check_constants == ({},)
    assert [case.kind for case in live.cases] == [CaseKind.CHECK, CaseKind.BENCH]


def test_a_problem_that_cannot_be_scaled_says_why() -> None:
    source = SOFTMAX.replace("torch.softmax(x, dim=1)", "x[:1, :1] @ x.new_zeros(1, 2**15) @ x.new_zeros(2**15, 2**14)")
    text = refusal(source)
    assert "can't be scaled down" in text
    assert f"at most {MAX_BYTES / 2**20:.0f} MiB" in text


@pytest.mark.parametrize(
    ("forward", "why"),
    [
        ("nn.functional.dropout(x, 0.5)", "random"),
        ("torch.relu(-x.abs() - 1)", "the same number"),
        ("torch.log(-x.abs() - 1)", "not finite"),
        ("x * 0.1 - x / 10", "rounding noise"),
        ("x.nonexistent()", "nonexistent"),
        ("3", "no tensor"),
    ],
)
def test_a_reference_whose_output_cannot_be_compared_is_refused(forward: str, why: str) -> None:
    assert why in refusal(SOFTMAX.replace("torch.softmax(x, dim=1)", forward))


def test_nothing_of_the_size_of_the_original_is_ever_allocated() -> None:
    source = SOFTMAX.replace("batch_size = 4096", "batch_size = 2**30")
    description = describe(Reference(id="x", source=source))
    assert description.bytes > 2**50
    assert description.cases[-1].inputs[0].shape == (2**30, 393216)


def test_the_same_source_is_always_scaled_in_the_same_way_whatever_the_random_state() -> None:
    torch.manual_seed(1)
    first = once(GROUPED)
    torch.manual_seed(2)
    assert scaled(GROUPED) == first


def test_no_size_can_stand_for_another() -> None:
    source = SOFTMAX.replace("dim = 393216", "dim = 4096").replace("torch.softmax(x, dim=1)", "torch.softmax(x, dim=0)")
    constants = scaled(source).check_constants
    assert all(item["batch_size"] != item["dim"] for item in constants[1:])
    for name in ("batch_size", "dim"):
        assert max(item[name] for item in constants) > 2048, "beyond a block, one after the other"


def test_what_is_noise_at_small_sizes_is_tried_at_larger_ones() -> None:
    source = SOFTMAX.replace("batch_size = 4096\ndim = 393216", "batch_size = 200\ndim = 200\ndepth = 200")
    source = source.replace("torch.rand(batch_size, dim)", "torch.rand(batch_size, dim, depth)")
    source = source.replace("torch.softmax(x, dim=1)", "x * float(min(x.shape) > 50)")
    (constants,) = scaled(source).check_constants
    assert min(constants.values()) > 50


def test_where_groups_want_it_sizes_are_several_times_the_smallest() -> None:
    source = GROUPED.replace("groups = 8", "groups = 64").replace("channels = 64", "channels = 1024")
    assert any(item["channels"] > 64 for item in scaled(source).check_constants)


def test_default_arguments_of_get_inputs_are_sizes_too() -> None:
    source = COUPLED.replace("get_inputs():", "get_inputs(rows=8192):").replace("8192, 4096)", "rows, 4096)")
    constants = scaled(source).check_constants
    assert len(constants) > 1
    assert all(item["get_inputs.rows"] < 8192 for item in constants)


MANY = SOFTMAX.replace("[torch.rand(batch_size, dim)]", "[torch.rand(3)] * 5001").replace(
    "(self, x):\n        return torch.softmax(x, dim=1)", "(self, *x):\n        return x[0] * 2"
)
WORDS = SOFTMAX.replace("def get_inputs():", "CHECK_SHAPES = [dict(n='a')]\ndef get_inputs(n=7):")


@pytest.mark.parametrize(("source", "why"), [(WORDS, "shape"), (MANY, "inputs")])
def test_what_does_not_fit_into_a_case_is_the_reference_s_fault(source: str, why: str) -> None:
    with pytest.raises(InvalidReference, match=why):
        describe(Reference(id="x", source=source))


def test_references_that_speak_of_cuda_and_numpy_are_understood() -> None:
    source = SOFTMAX.replace("import torch\n", "import torch\nimport numpy as np\n", 1)
    source = source.replace("torch.rand(batch_size, dim)", "torch.rand(batch_size, dim, device='cuda').cuda()")
    source = source.replace(
        "def forward(self, x):", "def __init__(self, n):\n        super().__init__()\n    def forward(self, x):"
    )
    source = source.replace("    return []", "    return [np.int64(7)]")
    description = describe(Reference(id="x", source=source))
    assert description.cases[-1].init_inputs == (7,)
