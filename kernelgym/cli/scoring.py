"""`kernelgym rewards`: which there are; stored reports scored again, without a GPU and without the candidate."""

import json as json_module
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import Any, Final

import typer
from pydantic import ValidationError
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.errors import BadUsage
from kernelgym.reports import dump_document
from kernelgym.reports.console import render_reward
from kernelgym.reports.document import read_report
from kernelgym.reports.wording import plain, verdict_words
from kernelgym.runs.reading import iterate_episodes, read_run_record
from kernelgym.runs.record import EpisodeRecord, term_records
from rewards import DEFAULT_REWARD, Composition, NamedReward, RewardBroken, get_reward, list_rewards
from sandboxes.contracts import Report

MAX_REPORT_BYTES: Final = 64 * 2**20
"""Largest report that is read."""


def list_all(*, json: bool) -> None:
    """Prints all rewards; one of a package that can't be loaded is listed with the reason."""
    rows = [_describe(name) for name in list_rewards()]
    if json:
        typer.echo(dump_document({"default": DEFAULT_REWARD, "rewards": rows}))
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("reward", no_wrap=True)
    table.add_column("pays", overflow="fold")
    for row in rows:
        words = row["error"] or row["pays"] or "(it does not say)"
        table.add_row(Text(plain(row["name"]), style="bold"), Text(plain(words)))
    note = f"Default: {DEFAULT_REWARD}. C is 1 for a correct candidate, else 0; docs/rewards.md has the formulas."
    Console(highlight=False).print(table, Text(note, style="dim"))


def score(path: str, spec: str, *, json: bool) -> None:
    """Prints what a stored report, or every turn of a run, is worth.

    Raises:
        BadUsage: There is no report.
        RunFolderUnusable: There is no run of this version.
        RewardsError: The reward can't be had.
    """
    reward = get_reward(spec)
    if path != "-" and Path(path).is_dir():
        document, shown = _score_run(Path(path), reward)
    else:
        document, shown = _score_report(_read(path), reward)
    if json:
        typer.echo(dump_document({"scored_by": reward.identity} | document))
    else:
        Console(highlight=False).print(
            Text(plain(": ".join(filter(None, (reward.identity, reward.summary)))), style="dim"), shown
        )


def _describe(name: str) -> dict[str, Any]:
    try:
        reward = get_reward(name)
    except RewardBroken as error:
        return {"name": name, "pays": "", "terms": None, "error": str(error)}
    terms = reward.function.spec if isinstance(reward.function, Composition) else None
    return {"name": name, "pays": reward.summary, "terms": terms, "error": None}


def _score_report(report: Report, reward: NamedReward) -> tuple[dict[str, Any], RenderableType]:
    found = reward(report)
    document = {
        "problem": report.problem,
        "submission": report.submission,
        "outcome": report.outcome.value,
        "speedup": report.speedup,
        "reward": found.value,
        "reward_breakdown": [term.model_dump() for term in term_records(found)],
    }
    return document, Group(Text(plain(f"{report.problem}: {verdict_words(report)}")), render_reward(found))


@dataclass(frozen=True, slots=True)
class _Scored:
    """A turn, with the reward that was stored and the one it has now; None if it was lost."""

    number: int
    stored: float | None
    now: float | None


def _score_run(path: Path, reward: NamedReward) -> tuple[dict[str, Any], RenderableType]:
    record = read_run_record(path)
    scored = {episode.key: _score_episode(episode, reward) for episode in iterate_episodes(path)}
    turns = [turn for found in scored.values() for turn in found]
    rows = [
        _mean_row(number, [turn for turn in turns if turn.number == number])
        for number in sorted({turn.number for turn in turns})
    ]
    listed = [
        {"problem": problem, "sample": sample, "stored": [t.stored for t in found], "rewards": [t.now for t in found]}
        for (problem, sample), found in scored.items()
    ]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for column in ("turn", "judged", "lost", f"mean of {record.reward}", f"mean of {reward.identity}"):
        table.add_column(Text(plain(column)), justify="right")
    for row in rows:
        means = ("-" if row[key] is None else f"{row[key]:.3f}" for key in ("mean_stored", "mean"))
        table.add_row(str(row["turn"]), str(row["judged"]), str(row["lost"]), *means)
    document = {"stored_by": record.reward, "turns": rows, "episodes": listed}
    return document, Group(table, Text(f"{len(scored)} episodes"))


def _score_episode(episode: EpisodeRecord, reward: NamedReward) -> list[_Scored]:
    reports = [turn.report for turn in episode.turns]
    return [
        _Scored(turn.number, turn.reward, reward(turn.report, reports[:index]).value)
        for index, turn in enumerate(episode.turns)
    ]


def _mean_row(number: int, turns: Sequence[_Scored]) -> dict[str, Any]:
    now = [turn.now for turn in turns if turn.now is not None]
    stored = [turn.stored for turn in turns if turn.stored is not None]
    return {
        "turn": number,
        "judged": len(now),
        "lost": len(turns) - len(now),
        "mean_stored": fsum(stored) / len(stored) if stored else None,
        "mean": fsum(now) / len(now) if now else None,
    }


def _read(path: str) -> Report:
    try:
        if path == "-":
            raw = sys.stdin.buffer.read(MAX_REPORT_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(MAX_REPORT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadUsage(f"the report {path!r} can't be read ({reason}); give a file, `-`, or a run's folder") from error
    if len(raw) > MAX_REPORT_BYTES:
        raise BadUsage(f"the report {path!r} is larger than {MAX_REPORT_BYTES // 2**20} MiB; give one report")
    try:
        return read_report(json_module.loads(raw))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _no_report(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise _no_report(path, f"{type(error).__name__}: {error}") from error


def _no_report(path: str, reason: str) -> BadUsage:
    remedy = "give what `kernelgym evaluate --json` prints, or the folder of a run"
    return BadUsage(f"{path!r} is no report of this version ({reason[:300]}); {remedy}")
