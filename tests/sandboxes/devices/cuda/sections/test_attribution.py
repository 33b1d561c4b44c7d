"""Whose kernel is it: told from the order of launches, whatever kernels are called."""

import pytest

from sandboxes.devices.cuda.sections.attribution import attributed
from sandboxes.devices.cuda.sections.folder import Step


def steps(*kernels: str | None) -> list[Step]:
    """Nodes 0, 10, 20, ...: launches by name, operators as None."""
    return [Step(node=10 * number, kernel=kernel) for number, kernel in enumerate(kernels)]


@pytest.mark.parametrize(
    ("launched", "seen", "nodes"),
    [
        pytest.param(["a", "b", "a"], ["a", "b", "a"], [0, 10, 20], id="launches alone"),
        pytest.param(["a", None, "b"], ["a", "gemm", "reduce", "b"], [0, 10, 10, 20], id="an operator between"),
        pytest.param([None, "a", None], ["fill", "a", "sum", "sum"], [0, 10, 20, 20], id="operators at the ends"),
        pytest.param(["a", None, None, "b"], ["a", "x", "y", "b"], [0, None, None, 30], id="two operators between"),
        pytest.param([None], ["x", "y"], [0, 0], id="one operator and nothing else"),
        pytest.param(["a", "b"], ["a", "stray", "b"], [0, None, 10], id="nobody's kernel"),
        pytest.param([None, "x"], ["x", "x"], [None, None], id="named like the operator's"),
        pytest.param(["a", "b"], ["b", "a"], [None, None], id="in another order"),
        pytest.param(["a", "a", "b"], ["a", "b"], [None, 20], id="one was not seen"),
        pytest.param(["a", "b", None, "a"], ["a", "b", "x"], [None, 10, None], id="lost after it"),
        pytest.param([], ["x"], [None], id="nothing was launched"),
        pytest.param(["a"], [], [], id="nothing was seen"),
    ],
)
def test_a_kernel_belongs_to_its_launch_or_to_nobody(
    launched: list[str | None], seen: list[str], nodes: list[int | None]
) -> None:
    assert attributed(steps(*launched), seen) == nodes
