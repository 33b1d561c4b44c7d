"""Random kernels: a hypothesis strategy of `Case`."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.agreement import elementwise, flow, folding, memory, shaping
from tests.agreement.builder import Builder
from tests.agreement.case import Case
from tests.agreement.choices import Choices

GRIDS = ((1, 1, 1), (4, 1, 1), (3, 2, 1), (2, 1, 1), (7, 1, 1), (2, 2, 2), (1, 3, 1))
DEEPEST = 2
"""Levels of control flow inside each other."""


def statements(b: Builder, depth: int) -> None:
    """Some statements; fewer and simpler ones deeper inside."""
    for _ in range(b.choices.integer(1, 8 if depth == 0 else 3)):
        statement(b, depth)


def statement(b: Builder, depth: int) -> None:
    """One statement of any kind."""
    family = b.choices.integer(0, 99)
    if family < 45 or (b.inside_function and family < 60):
        b.choices.pick(elementwise.STATEMENTS)(b)
    elif family < 60:
        b.choices.pick(memory.STATEMENTS)(b)
    elif family < 70:
        b.choices.pick(shaping.STATEMENTS)(b)
    elif family < 85:
        b.choices.pick(folding.STATEMENTS)(b)
    elif depth < DEEPEST:
        b.choices.pick(flow.STATEMENTS)(b, statements, depth)
    else:
        elementwise.integer_arithmetic(b)


def build(choices: Choices) -> Case:
    """The kernel that follows from these decisions."""
    b = Builder(choices, choices.pick(GRIDS))
    statements(b, 0)
    return b.case()


@st.composite
def cases(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Case:
    """Launches of random kernels, as hypothesis draws (and shrinks) them."""
    return build(Choices(lambda low, high: int(draw(st.integers(low, high)))))
