"""The tables of docs/rewards.md are what is paid."""

from pathlib import Path

import pytest

from rewards import get_reward
from rewards.shipped import SHIPPED
from rewards.terms import TERMS
from sandboxes.contracts import Outcome
from tests.reports import failed_report
from tests.rewards.timed import timed

TEXT = (Path(__file__).parents[2] / "docs" / "rewards.md").read_text(encoding="utf-8")

CANDIDATES = {
    "half as fast, all own": timed(0.5),
    "1.5 times, 80 % own": timed(1.5, coverage=0.8),
    "6 times, half own": timed(6.0, coverage=0.5),
    "wrong": failed_report(Outcome.INCORRECT),
    "does not compile": failed_report(Outcome.COMPILE_ERROR),
    "hack": failed_report(Outcome.HACK),
}


def rows(header: str) -> list[list[str]]:
    """Returns the cells of the table that begins with `header`."""
    lines = TEXT[TEXT.index(header) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_reward_is_there_with_what_it_pays() -> None:
    assert rows("| name | pays |") == [[f"`{reward.name}`", reward.summary] for reward in SHIPPED]


def test_the_numbers_are_those_that_are_paid() -> None:
    table = rows(f"| reward | {' | '.join(CANDIDATES)} |")
    assert [cells[0] for cells in table] == [f"`{reward.name}`" for reward in SHIPPED]
    for name, *cells in table:
        paid = [get_reward(name.strip("`"))(report).value for report in CANDIDATES.values()]
        assert [float(cell) for cell in cells] == pytest.approx(paid, abs=5e-4), name


def test_every_term_is_there_with_its_parameters() -> None:
    table = {cells[0].strip("`"): cells[-1] for cells in rows("| term | pays | parameters |")}
    assert set(table) == set(TERMS)
    for name, kind in TERMS.items():
        if name != "failure":
            assert all(f"`{field}`" in table[name] for field in kind.model_fields), name


def test_the_file_in_the_docs_is_a_reward(tmp_path: Path) -> None:
    path = tmp_path / "docs.yaml"
    path.write_text(TEXT.partition("```yaml\n")[2].partition("```")[0])
    assert get_reward(str(path))(timed(4.0)).value == 2.5
