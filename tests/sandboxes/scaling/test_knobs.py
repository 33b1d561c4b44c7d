import ast

import pytest

from sandboxes.errors import InvalidReference
from sandboxes.scaling.knobs import find_knobs, replace_knobs

SOURCE = """
N = 2048 * 2
height = width = 128
rows, columns = 16, 3
bias_shape = (N, 1, 1)
layers: list = [64, 32]
config = {"hidden": 512, "name": "x", 3: 7}
flag = True
half = N // 2
scale = 0.5


class Model:
    SIZE = 99

    def forward(self, x):
        return x.reshape(4, -1)


def get_inputs(rows_=40, *, wide=N, tall=50):
    return [torch.rand(N, 1 << 10).sum(dim=1), torch.randint(0, 10, (rows,))]


def get_init_inputs():
    return [half, -5]
"""


def executed(**constants: int) -> dict[str, object]:
    tree = replace_knobs(SOURCE, constants)
    tree.body = [item for item in tree.body if not isinstance(item, ast.FunctionDef | ast.ClassDef)]
    names: dict[str, object] = {}
    exec(compile(tree, "source", "exec"), names)
    return names


def test_knobs_are_the_integers_that_the_author_wrote_outside_the_model() -> None:
    assert find_knobs(SOURCE) == {
        "N": 4096,
        "height": 128,
        "rows": 16,
        "columns": 3,
        "bias_shape.1": 1,
        "bias_shape.2": 1,
        "layers.0": 64,
        "layers.1": 32,
        "config.hidden": 512,
        "get_inputs.rows_": 40,
        "get_inputs.tall": 50,
        "get_inputs.0": 1024,
        "get_inputs.1": 0,
        "get_inputs.2": 10,
        "get_init_inputs.0": 5,
    }


def test_what_is_computed_from_a_knob_follows_it() -> None:
    names = executed(N=6, height=7)
    assert (names["N"], names["half"], names["bias_shape"]) == (6, 3, (6, 1, 1))
    assert (names["height"], names["width"]) == (7, 7)
    assert names["rows"] == 16


def test_elements_are_replaced_in_place() -> None:
    names = executed(**{"layers.1": 5, "config.hidden": 9, "columns": 4})
    assert names["layers"] == [64, 5]
    assert names["config"] == {"hidden": 9, "name": "x", 3: 7}
    assert (names["rows"], names["columns"]) == (16, 4)


def test_the_body_of_the_model_is_never_touched() -> None:
    constants = dict.fromkeys(find_knobs(SOURCE), 3)
    before, after = ast.parse(SOURCE), replace_knobs(SOURCE, constants)
    models = [next(item for item in tree.body if isinstance(item, ast.ClassDef)) for tree in (before, after)]
    assert ast.dump(models[0]) == ast.dump(models[1])


def test_a_knob_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(InvalidReference, match="`M`"):
        replace_knobs(SOURCE, {"M": 3})


@pytest.mark.parametrize("source", ["def", "x = '\0'", "(" * 5000])
def test_what_is_not_python_is_refused(source: str) -> None:
    with pytest.raises(InvalidReference, match="not Python"):
        find_knobs(source)


@pytest.mark.parametrize("expression", ["1 << 10**9", "2 ** 10**9", "10 // 0", "7 - 8 ** -1", "10 ** 30"])
def test_arithmetic_that_explodes_is_no_knob(expression: str) -> None:
    assert find_knobs(f"N = {expression}") == {}
