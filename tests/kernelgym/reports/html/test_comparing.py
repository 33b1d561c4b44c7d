"""The page of a comparison: the numbers of `kernelgym compare`, and names that can't act."""

import re

from kernelgym.metrics import Contestant, compare
from kernelgym.reports.html import render_comparison_page
from tests.kernelgym.reports.html.hostile import ATTACK
from tests.kernelgym.reports.html.runs import synthetic_run
from tests.kernelgym.reports.html.test_page import data_of


def contestants() -> list[Contestant]:
    runs = [synthetic_run(48, samples=2, seed=seed) for seed in (0, 1)]
    return [
        Contestant(name=name, record=record, episodes=episodes)
        for name, (record, episodes) in zip(("before", "after"), runs, strict=True)
    ]


def test_the_paired_changes_are_those_of_the_comparison() -> None:
    runs = contestants()
    comparison = compare(runs)
    page = render_comparison_page(runs, comparison)
    best = {difference.metric: difference for difference in comparison.pairings[0].best}
    drawn = data_of(page)["charts"]["changes"]["pairings"][0]
    assert drawn["name"] == "after"
    assert len(drawn["metrics"]) >= 7
    for metric, change in zip(drawn["metrics"], drawn["change"], strict=True):
        assert change == best[metric].change.value
    row = re.search(r"<tr><th scope=\"row\">fast@1</th>(.*?)</tr>", page[page.index("<h3>best turn</h3>") :], re.DOTALL)
    assert row is not None
    value = best["fast@1"].change.value
    assert value is not None
    assert f">{100 * value:+.1f}<" in row[1]


def test_the_rates_of_each_run_say_over_how_many_problems_they_are_and_if_those_are_few() -> None:
    first, second = contestants()
    fewer = Contestant(
        name="fewer", record=second.record,
        episodes=[episode for episode in second.episodes if episode.problem in sorted(second.record.problems)[:19]],
    )  # fmt: skip
    page = render_comparison_page([first, fewer], compare([first, fewer]))
    numbers = re.findall(r"<th scope=\"row\">problems</th>\s*<td>(\d+)</td><td>(\d+)</td>", page)
    assert numbers == [("24", "19")] * 2
    assert "Only 19 problems: intervals of so few are too narrow" in page
    assert "too narrow" not in render_comparison_page([first, second], compare([first, second]))


def test_it_says_why_a_difference_may_not_come_from_the_policy() -> None:
    first, second = contestants()
    other = Contestant(
        name="other", record=second.record.model_copy(update={"reward": "kevin"}), episodes=second.episodes
    )
    page = render_comparison_page([first, other], compare([first, other]))
    assert "The runs differ in more than the policy: reward: drkernel_paper and kevin." in page


def test_the_names_of_runs_can_not_act() -> None:
    first, second = contestants()
    hostile = Contestant(name=ATTACK, record=second.record, episodes=second.episodes)
    page = render_comparison_page([first, hostile], compare([first, hostile]), title=ATTACK)
    assert "<script>window" not in page
    assert "<img" not in page
    assert "{{7*7}}" in page
