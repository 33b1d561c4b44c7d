"""Puts a run on one page: a file that holds everything it shows and asks nothing of the network.

Its Content-Security-Policy lets two scripts run, ours and the charts' library, each named by its digest, so that nothing
a candidate wrote could, even if it got past the escaping.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kernelgym.metrics import Summary
from kernelgym.metrics.board import Board
from kernelgym.metrics.intervals import Resampling
from kernelgym.reports.html import tables
from kernelgym.reports.html.chunks import Details, pack_details
from kernelgym.reports.html.curves import fast_curves, reward_curves, speedup_distribution
from kernelgym.reports.html.embedding import script_json, shown, squeezed
from kernelgym.reports.html.flow import outcome_flow
from kernelgym.reports.html.listing import list_episodes
from kernelgym.reports.html.roofline import roofline
from kernelgym.reports.html.states import STATE_WORDS, state_words_of_outcomes
from kernelgym.reports.wording import percent, provenance
from kernelgym.runs.record import EpisodeRecord, RunRecord

SCRIPTS: Final = ("page.js", "charts.js", "figures.js", "listing.js", "code.js", "episode.js", "start.js")
"""Files of `assets/`, in the order in which they are joined."""

MAX_NAME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """What does not depend on the run."""

    style: Markup
    library: str
    """The charts' library; the page unpacks it once everything else is there."""
    script: Markup

    @property
    def policy(self) -> str:
        """The Content-Security-Policy."""
        scripts = " ".join(f"'sha256-{_digest(script)}'" for script in (self.script, self.library))
        return (
            f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
            "base-uri 'none'; form-action 'none'"
        )

    @property
    def packed_library(self) -> str:
        """The library, compressed, in base64."""
        return squeezed(self.library)


def load_assets(scripts: Sequence[str] = SCRIPTS) -> Assets:
    """Returns the style, the charts' library and the joined scripts."""
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # noqa: PLC0415 - half a second, and only pages need it

    joined = "\n".join(_asset(name) for name in scripts)
    return Assets(
        style=Markup(_asset("report.css")),
        library=get_plotlyjs(),
        script=Markup(f"'use strict';\n(() => {{\n{joined}\n}})();"),
    )


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
    assets = load_assets()
    heading = title or f"{record.policy} on {_count(len(record.problems), 'problem')}"
    return render(
        "report.html.j2",
        assets=assets,
        title=shown(heading, MAX_NAME),
        facts=_facts(record, ordered, summary),
        speed=speed_words(ordered, record.config.target),
        summary=summary,
        losses=_losses(summary),
        table=tables.summary_table(summary),
        attempts=tables.attempts_table(summary),
        hacks=tables.hack_rows(ordered),
        costs=tables.cost_facts(summary.costs),
        details=details,
        unplaced=_unplaced(data["charts"]["roofline"]),
        data=script_json(data),
    )


def render(template: str, **values: object) -> str:
    """Returns one of the templates in `assets/` with values, which are escaped unless they are markup."""
    environment = Environment(
        loader=PackageLoader("kernelgym.reports.html", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = lambda estimate: tables.cell(estimate, percent).value
    return environment.get_template(template).render(**values)


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


def _asset(name: str) -> str:
    return (files("kernelgym.reports.html") / "assets" / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
