"""Puts a run on one page: a file that holds everything it shows and asks nothing of the network."""

from collections.abc import Sequence
from typing import Any, Final

from kernelgym.metrics import Summary
from kernelgym.metrics.board import Board
from kernelgym.metrics.intervals import Resampling
from kernelgym.reports.html import tables
from kernelgym.reports.html.chunks import Details, pack_details
from kernelgym.reports.html.curves import fast_curves, reward_curves, speedup_distribution
from kernelgym.reports.html.embedding import script_json, shown
from kernelgym.reports.html.flow import outcome_flow
from kernelgym.reports.html.hacks import hack_rows
from kernelgym.reports.html.listing import list_episodes
from kernelgym.reports.html.roofline import roofline
from kernelgym.reports.html.shell import load_assets, render
from kernelgym.reports.html.states import STATE_WORDS, state_words_of_outcomes
from kernelgym.reports.wording import doubt_intervals, provenance
from kernelgym.runs.record import EpisodeRecord
from kernelgym.runs.run_record import RunRecord

SCRIPTS: Final = (
    "elements.js",
    "page.js",
    "charts.js",
    "figures.js",
    "listing.js",
    "code.js",
    "episode.js",
    "start.js",
)
"""Files of `assets/`, in the order in which they are joined."""

MAX_NAME: Final = 200


def render_page(
    record: RunRecord, episodes: Sequence[EpisodeRecord], summary: Summary, title: str | None = None
) -> str:
    """Returns the page of a run.

    Args:
        record: What was run.
        episodes: All that is known of them, in any order.
        summary: Of the same episodes.
        title: Heading; None: says who played what.
    """
    ordered = sorted(episodes, key=lambda episode: episode.key)
    details = pack_details(ordered)
    data = _data(record, ordered, details)
    heading = title or f"{record.policy} on {_count(len(record.problems), 'problem')}"
    return render(
        "report.html.j2",
        assets=load_assets(SCRIPTS),
        title=shown(heading, MAX_NAME),
        facts=_facts(record, ordered, summary),
        speed=speed_words(ordered, record.config.target),
        summary=summary,
        few=doubt_intervals(summary.problems),
        losses=_losses(summary),
        table=tables.summary_table(summary),
        attempts=tables.attempts_table(summary),
        hacks=hack_rows(ordered),
        costs=tables.cost_facts(summary.costs),
        details=details,
        unplaced=_unplaced(data["charts"]["roofline"]),
        data=script_json(data),
    )


def speed_words(episodes: Sequence[EpisodeRecord], target: str) -> str:
    """Returns where the times come from: `modelled for NVIDIA H200`."""
    profiles = (turn.report.profile for episode in episodes for turn in episode.turns)
    found = sorted({provenance(profile) for profile in profiles if profile is not None})
    return ", ".join(found) or f"nothing was timed for {target}"


def _data(record: RunRecord, episodes: Sequence[EpisodeRecord], details: Details) -> dict[str, Any]:
    board = Board.of(episodes, _turns(record, episodes))
    resampling = Resampling(board.problems)
    return {
        "states": STATE_WORDS,
        "outcomes": state_words_of_outcomes(),
        "episodes": list_episodes(episodes),
        "parts": details.first,
        "charts": {
            "fast": fast_curves(board, resampling),
            "reward": reward_curves(board, resampling),
            "flow": outcome_flow(episodes, board.turns),
            "speedups": speedup_distribution(board, resampling),
            "roofline": roofline(episodes, record.config.target),
        },
    }


def _turns(record: RunRecord, episodes: Sequence[EpisodeRecord]) -> int:
    """Returns the most turns that an episode may have, or has."""
    return max([record.total_turns, *(len(episode.turns) for episode in episodes)])


def _facts(record: RunRecord, episodes: Sequence[EpisodeRecord], summary: Summary) -> list[tuple[str, str]]:
    """Returns what the head says of a run. Not its data seed: who knows it knows the inputs of every evaluation."""
    facts = {
        "policy": record.policy,
        "options": ", ".join(f"{name}={value}" for name, value in record.policy_options.items()),
        "target": record.config.target,
        "judged on": f"{record.config.device}, precision {record.config.precision}",
        "problems": f"{len(record.problems):,}",
        "episodes": f"{summary.episodes:,}, {summary.counted:,} counted",
        "samples": f"{record.samples} per problem",
        "turns": f"at most {_turns(record, episodes)}",
        "scaling": f"{record.iterations} iterations, {record.select} {record.keep} kept"
        if record.iterations > 1
        else "",
        "ends at speedup": "" if record.target_speedup is None else f"{record.target_speedup:g}×",
        "templates": record.style,
        "reward": record.reward,
        "seed": str(record.seed),
        "versions": ", ".join(f"{name} {version}" for name, version in record.versions.items()),
    }
    return [(name, shown(value, MAX_NAME)) for name, value in facts.items() if value]


def _unplaced(chart: dict[str, Any]) -> str:
    """Returns which kernels the roofline plot leaves out."""
    words = ""
    if chart["left_out"]:
        words += f" {chart['left_out']:,} more, those of the fewest turns, are left out."
    if chart["unplaced"]:
        words += f" {_count(chart['unplaced'], 'kernel')} without arithmetic can't be placed."
    return words


def _losses(summary: Summary) -> str:
    words = {"skipped": "skipped", "policy": "ended by an error of the policy (counted as failures)",
             "infrastructure": "lost to a fault of the machine (not counted)"}  # fmt: skip
    return "; ".join(f"{summary.lost[reason]:,} {text}" for reason, text in words.items() if summary.lost.get(reason))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
