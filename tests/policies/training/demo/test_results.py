"""Numbers, table and plot of the demo, on made-up results."""

from pathlib import Path

import pytest

from policies.training.demo.plot import save_plot, write_table
from policies.training.demo.progress import spark
from policies.training.demo.results import Episode, Results, Run, Turn, estimate


def turn(reward: float, speedup: float | None) -> Turn:
    return Turn(reward=reward, correct=speedup is not None, speedup=speedup)


def run(estimator: str | None, seed: int, *turns: Turn) -> Run:
    episodes = tuple(Episode(problem=problem, turns=turns) for problem in ("core/a", "core/b") for _ in range(4))
    return Run(estimator=estimator, seed=seed, curve=(1.0, 2.0 + seed), episodes=episodes)


RESULTS = Results(
    runs=(
        run(None, 0, turn(0.0, None), turn(2.5, 0.5)),
        run("trloo", 0, turn(3.0, 1.0), turn(4.0, 2.0)),
        run("trloo", 1, turn(3.0, 1.0), turn(2.0, 0.9)),
        run("grpo_std", 0, turn(3.0, 1.0), turn(3.0, 1.0)),
    ),
    seconds=300.0,
    evaluations=100,
    asked=1000,
)


def test_means_are_over_turns_and_fast_includes_exactly_as_fast() -> None:
    assert estimate(RESULTS.of(None), "reward").mean == pytest.approx(1.25)
    assert estimate(RESULTS.of(None), "correct").mean == pytest.approx(0.5)
    assert estimate(RESULTS.of(None), "fast_1").mean == 0.0
    assert estimate(RESULTS.of("trloo"), "fast_1").mean == pytest.approx(0.75)
    assert estimate(RESULTS.of("trloo"), "reward", 1).mean == pytest.approx(3.0)


def test_intervals_hold_the_mean_and_are_as_wide_as_the_seeds_differ() -> None:
    found = estimate(RESULTS.of("trloo"), "reward")
    assert (found.low, found.mean, found.high) == pytest.approx((2.5, 3.0, 3.5))


def test_problems_weigh_the_same_however_many_episodes_they_have() -> None:
    episodes = (Episode(problem="core/a", turns=(turn(4.0, 2.0),)),) * 9
    episodes += (Episode(problem="core/b", turns=(turn(0.0, None),)),)
    assert estimate([Run(estimator=None, seed=0, episodes=episodes)], "reward").mean == pytest.approx(2.0)


def test_the_table_has_a_row_per_estimator_with_every_seed() -> None:
    rows = write_table(RESULTS).splitlines()
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| cold start", "| TRLOO", "| GRPO"]
    assert rows[3].endswith("| 3.00 [2.50, 3.50] | 100% [100%, 100%] | 75% [50%, 100%] | 3.00, 3.00 | 3.50, 2.50 |")


@pytest.mark.parametrize("name", ["plot.svg", "plot.png"])
def test_the_plot_is_written_and_the_same_each_time(tmp_path: Path, name: str) -> None:
    save_plot(RESULTS, tmp_path / name)
    first = (tmp_path / name).read_bytes()
    save_plot(RESULTS, tmp_path / name)
    assert len(first) > 5000
    assert (tmp_path / name).read_bytes() == first


def test_results_survive_their_file() -> None:
    assert Results.model_validate_json(RESULTS.model_dump_json()) == RESULTS


def test_a_curve_is_drawn_in_blocks() -> None:
    assert spark([0.0, 2.0, 9.0]) == "▁▅█"
