"""The example of docs/metrics.md: its tables are what the functions give."""

from fractions import Fraction
from pathlib import Path

import pytest

from kernelgym.metrics import Rates, Summary, TurnSummary, summarize
from kernelgym.runs.record import Loss
from sandboxes.contracts import Outcome
from tests.kernelgym.metrics.variants import confirmed
from tests.policies.episodes import episode

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"
WRONG, HACK, LOST = Outcome.INCORRECT, Outcome.HACK, Outcome.INFRASTRUCTURE

EPISODES = [
    confirmed(episode(WRONG, 0.9, 1.6, problem="softmax", sample=0), 1.4),
    episode(HACK, WRONG, problem="softmax", sample=1, error=Loss.POLICY),
    confirmed(episode(1.3, problem="matmul", sample=0).model_copy(update={"submitted": True}), 1.3),
    confirmed(episode(1.1, 2.4, WRONG, problem="matmul", sample=1), 1.2),
    episode(2.0, LOST, problem="rope", sample=0),
    episode(error=Loss.SKIPPED, problem="rope", sample=1),
]


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of the table of the example whose first row begins with `heading`, by their first one."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("## A worked example")[2]
    table = text.partition(f"| {heading} |")[2].partition("\n\n")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {name: cells for name, *cells in lines}


@pytest.fixture(scope="module")
def summary() -> Summary:
    return summarize(EPISODES, 3)


def found(rates: Rates, name: str) -> float | None:
    if name.startswith("fast "):
        return rates.fast[name.removeprefix("fast ")].value
    value = getattr(rates, name)
    return value if name == "played" else value.value


def test_the_table_by_turn_is_right(summary: Summary) -> None:
    assert summary.confirmed is not None
    columns = [*summary.last, summary.best[2], summary.confirmed.selected, summary.confirmed.confirmed]
    table = rows("metric | last, turn 1 | last, turn 2 | last, turn 3 | best, turn 3 | selected | confirmed")
    assert {"correct", "fast 1.5", "speedup", "played"} <= table.keys()
    for name, cells in table.items():
        for column, cell in zip(columns, cells, strict=True):
            if not cell:
                assert not isinstance(column, TurnSummary)
                continue
            tolerance = 5e-4 if "." in cell else 1e-12
            assert found(column, name) == pytest.approx(float(Fraction(cell)), abs=tolerance), (name, cell)


def test_the_table_of_the_whole_run_is_right(summary: Summary) -> None:
    expected = {
        "infrastructure": summary.infrastructure,
        "policy errors": summary.policy_errors,
        "hacks, turns": summary.hacks.turns,
        "hacks, episodes": summary.hacks.episodes,
        "correct@1, last": summary.last_at_k[0].correct,
        "correct@1, best": summary.best_at_k[0].correct,
        "correct@2, best": summary.best_at_k[1].correct,
        "fast_1.5@1, best": summary.best_at_k[0].fast["1.5"],
    }
    table = rows("metric | value | over")
    assert table.keys() == expected.keys()
    for name, cells in table.items():
        assert expected[name].value == pytest.approx(float(Fraction(cells[0]))), name


def test_four_of_six_count(summary: Summary) -> None:
    assert (summary.counted, summary.episodes, summary.submitted) == (4, 6, 1)
