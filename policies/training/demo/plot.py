"""The demo's results as a picture and as a table."""

from pathlib import Path
from statistics import fmean
from typing import Any, Final

from policies.training.demo.results import MEASURES, Estimate, Results, Run, estimate

NAMES: Final = {
    None: "cold start", "trloo": "TRLOO", "grpo": "GRPO", "grpo_std": "GRPO", "turn_grpo": "turn-level GRPO",
}  # fmt: skip
TITLES: Final = {"reward": "mean reward", "correct": "correct", "fast_1": "fast@1 (modelled)"}
COLOURS: Final = {None: "#8a8f98", "trloo": "#1f6feb"}
OTHER: Final = "#d4762c"


def write_table(results: Results) -> str:
    """Returns a Markdown table: a row per estimator, means with 95 % intervals, and each seed's reward."""
    lines = [
        "| model | runs | mean reward | correct | fast@1 | reward of turn 1, turn 2 | reward by seed |",
        "|---|---|---|---|---|---|---|",
    ]
    for estimator in results.estimators:
        runs = results.of(estimator)
        cells = [_cell(estimate(runs, measure), percent=measure != "reward") for measure in MEASURES]
        turns = ", ".join(f"{estimate(runs, 'reward', turn).mean:.2f}" for turn in (0, 1))
        seeds = ", ".join(f"{estimate([run], 'reward').mean:.2f}" for run in runs)
        lines.append(f"| {name_of(estimator)} | {len(runs)} | {' | '.join(cells)} | {turns} | {seeds} |")
    return "\n".join(lines) + "\n"


def save_plot(results: Results, path: Path) -> None:
    """Draws the learning curves and the assessments; SVG or PNG, by the name of the file."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "kernelgym", "font.size": 9}):
        figure = Figure(figsize=(9.6, 3.3), layout="constrained")
        axes = figure.subplots(1, 4, width_ratios=[2.4, 1, 1, 1])
        _draw_curves(axes[0], results)
        for axis, measure in zip(axes[1:], MEASURES, strict=True):
            _draw_bars(axis, results, measure)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=120)


def name_of(estimator: str | None) -> str:
    """Returns what an estimator is called in tables and legends."""
    return NAMES.get(estimator, str(estimator))


def _draw_curves(axis: Any, results: Results) -> None:
    for estimator in results.estimators[1:]:
        runs = results.of(estimator)
        for run in runs:
            axis.plot(range(1, len(run.curve) + 1), run.curve, color=_colour(estimator), alpha=0.25, linewidth=0.8)
        axis.plot(*_mean_curve(runs), color=_colour(estimator), linewidth=2, label=name_of(estimator))
    cold = estimate(results.of(None), "reward").mean
    axis.axhline(cold, color=_colour(None), linestyle="--", linewidth=1, label=name_of(None))
    axis.set(xlabel="batch", title="reward of a turn while learning", ylim=(0, None))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend(frameon=False, loc="lower right")
    axis.spines[["top", "right"]].set_visible(False)


def _draw_bars(axis: Any, results: Results, measure: str) -> None:
    for place, estimator in enumerate(results.estimators):
        found = estimate(results.of(estimator), measure)
        axis.bar(place, found.mean, color=_colour(estimator), width=0.7)
        axis.errorbar(
            place, found.mean, yerr=[[found.mean - found.low], [found.high - found.mean]], color="#24292f", capsize=3
        )
    axis.set_xticks(range(len(results.estimators)), [name_of(each) for each in results.estimators], rotation=30)
    axis.set(title=TITLES[measure], ylim=(0, None if measure == "reward" else 1))
    axis.spines[["top", "right"]].set_visible(False)


def _mean_curve(runs: list[Run]) -> tuple[list[int], list[float]]:
    """Returns batches, and the mean over the runs, as far as all of them have come."""
    length = min(len(run.curve) for run in runs)
    return list(range(1, length + 1)), [fmean(run.curve[at] for run in runs) for at in range(length)]


def _colour(estimator: str | None) -> str:
    return COLOURS.get(estimator, OTHER)


def _cell(found: Estimate, *, percent: bool) -> str:
    if percent:
        return f"{found.mean:.0%} [{found.low:.0%}, {found.high:.0%}]"
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"
