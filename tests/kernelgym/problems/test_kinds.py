import ast

import pytest

from kernelgym.problems.kinds import KINDS, kinds_of_work


def kinds(forward: str, init: str = "pass") -> tuple[str, ...]:
    source = f"class Model(nn.Module):\n    def __init__(self):\n        {init}\n    def forward(self, x, y):\n"
    return kinds_of_work(ast.parse(source + f"        return {forward}\n"))


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        ("torch.relu(x + y)", ("elementwise",)),
        ("x @ y", ("matmul",)),
        ("torch.relu(x @ y)", ("matmul", "fusion")),
        ("torch.softmax(x, dim=1)", ("normalisation", "reduction")),
        ("x.softmax(-1)", ("normalisation", "reduction")),
        ("x.sum(dim=1)", ("reduction",)),
        ("torch.max(x, dim=1)[0]", ("reduction",)),
        ("torch.norm(x)", ("reduction",)),
        ("torch.cumsum(x, dim=0)", ("scan",)),
        ("F.max_pool2d(x, 3)", ("pooling",)),
        ("F.cross_entropy(x, y)", ("loss",)),
        ("F.scaled_dot_product_attention(x, x, y)", ("attention",)),
        ("torch.gather(x, 1, y)", ("gather",)),
        ("torch.mean(torch.abs(x))", ("reduction",)),
    ],
)
def test_calls_tell_the_kind_of_work(forward, expected):
    assert kinds(forward) == expected
    assert set(expected) <= set(KINDS)


@pytest.mark.parametrize(
    "forward",
    ["x * y", "torch.max(x, y)", "self.norm(x)", "sum([x, y])", "math.sqrt(4) * x", "np.sum(x)", "x.view(3)", "x.norm"],
)
def test_what_leaves_doubt_tells_nothing(forward):
    assert kinds(forward) == ()


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ("self.a = nn.Conv2d(3, 8, 3)", ("convolution", "weights")),
        ("self.a = nn.Linear(3, 8); self.b = nn.GELU()", ("matmul", "weights", "fusion")),
        ("self.a = nn.LSTM(3, 8)", ("recurrent", "weights")),
        ("self.a = torch.nn.LayerNorm(8)", ("normalisation", "reduction", "weights")),
        ("self.a = Conv2d(3, 8, 3)", ("convolution", "weights")),
    ],
)
def test_modules_tell_the_kind_of_work(init, expected):
    assert kinds("self.a(x)", init) == expected


def test_the_making_of_inputs_tells_nothing():
    assert kinds_of_work(ast.parse("def get_inputs():\n    return [torch.softmax(torch.rand(3), 0)]\n")) == ()


def test_a_class_may_say_that_it_is_attention():
    assert kinds_of_work(ast.parse("class CausalAttention(nn.Module):\n    pass\n")) == ("attention",)
