"""What is logged of a batch: numbers with stable names, and each episode as text that people can read.

Every process makes plain rows of its own episodes (`turn_rows`), somebody gathers them, and `summarize_rows` makes the
same numbers of them everywhere. docs/training.md has the table of names.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import exp, fsum, log, sqrt
from typing import TYPE_CHECKING, Any, Final

from kernelgym.metrics import is_compiled, speedup_of
from kernelgym.reports.wording import VERDICTS
from policies.training.collecting.collected import CollectedEpisode
from policies.training.playing.played import PlayedEpisode, PlayedTurn
from sandboxes.contracts import Outcome

if TYPE_CHECKING:
    from torch import Tensor

Row = dict[str, Any]
"""One episode in plain numbers, lists and texts, so that any means of communication carries it."""

THRESHOLDS: Final = (1.0, 1.2, 1.5, 2.0)
"""Speedups of fast_p, as the papers give them."""

PERCENTILES: Final = (50, 90, 99)


def batch_metrics(
    collected: Sequence[CollectedEpisode], advantages: "Tensor", group_sizes: "Tensor"
) -> dict[str, float]:
    """Returns the numbers of a batch that one process has whole; see `turn_rows` and `summarize_rows`."""
    return summarize_rows(turn_rows(collected, advantages, group_sizes))


def turn_rows(collected: Sequence[CollectedEpisode], advantages: "Tensor", group_sizes: "Tensor") -> list[Row]:
    """Returns one plain row per episode, to be gathered over processes.

    Args:
        collected: R episodes.
        advantages: [R, K], K at least the most turns of any.
        group_sizes: [R, K], whole numbers: within how many an entry was compared, 0 if it was not counted.
    """
    values, sizes = advantages.tolist(), group_sizes.tolist()
    return [
        {
            "problem": episode.played.problem,
            "ending": episode.played.ending.value,
            "lost": episode.played.lost,
            "judged": None not in episode.rewards,
            "turns": [
                _turn(turn, reward, counted, learned) | {"advantage": advantage, "group_size": int(size)}
                for turn, reward, counted, learned, advantage, size in zip(
                    episode.played.turns, episode.rewards, episode.counted, episode.learned, value, row, strict=False
                )
            ],
        }
        for episode, value, row in zip(collected, values, sizes, strict=True)
    ]


def summarize_rows(rows: Iterable[Row]) -> dict[str, float]:
    """Returns the numbers of all rows by name. What has no value in this batch, e.g. a speedup, has no name either.

    Rates and means are over the episodes whose verdicts are known: not those that were lost, nor those that were only
    priced and not chosen to be judged.
    """
    every = list(rows)
    kept = [row for row in every if row["judged"] and not row["lost"]]
    found: dict[str, float | None] = {
        "episode/lost": _share(row["lost"] for row in every),
        "episode/unjudged": _share(not row["judged"] and not row["lost"] for row in every),
        "episode/turns": _mean(len(row["turns"]) for row in kept),
        "episode/tokens": _mean(fsum(turn["tokens"] for turn in row["turns"]) for row in kept),
        "episode/ended_by_budget": _share(row["ending"] == "budget" for row in kept),
        "episode/return": _mean(fsum(turn["reward"] or 0.0 for turn in row["turns"]) for row in kept),
        "episode/best_reward": _mean(max(turn["reward"] or 0.0 for turn in row["turns"]) for row in kept),
        "episode/correct": _share(any(turn["correct"] for turn in row["turns"]) for row in kept),
        "episode/hacked": _share(any(turn["hacked"] for turn in row["turns"]) for row in kept),
    }
    for threshold in THRESHOLDS:
        found[f"episode/fast_{threshold:g}"] = _share(
            any(_fast(turn, threshold) for turn in row["turns"]) for row in kept
        )
    for number in range(max((len(row["turns"]) for row in every), default=0)):
        turns = [row["turns"][number] for row in kept if len(row["turns"]) > number]
        found |= {f"turn_{number + 1}/{name}": value for name, value in _of_turns(turns, len(kept)).items()}
    turns = [turn for row in every for turn in row["turns"]]
    found["masked/uncounted"] = _share(not turn["counted"] for turn in turns)
    found["masked/unlearned"] = _share(not turn["learned"] for turn in turns)
    found |= _latencies([turn["seconds"] for turn in turns])
    return {name: value for name, value in found.items() if value is not None}


def transcript(episode: PlayedEpisode) -> str:
    """Returns an episode as text: each message under a heading that says whose it is, and what a turn was worth."""
    return "\n\n".join(_lines(episode))


def _lines(episode: PlayedEpisode) -> Iterator[str]:
    rewards = ", ".join("lost" if reward is None else f"{reward:.3g}" for reward in episode.rewards)
    fault = "" if episode.fault is None else f" ({episode.fault})"
    yield f"=== {episode.problem}: {episode.ending.value}{fault}, rewards {rewards}"
    number = 0
    for message in episode.messages:
        if message.role.value != "assistant" or number == len(episode.turns):
            yield f"--- {message.role.value}\n{message.content.strip()}"
            continue
        turn = episode.turns[number]
        number += 1
        yield f"--- turn {number}: {_verdict(turn)}\n{message.content.strip()}"


def _verdict(turn: PlayedTurn) -> str:
    words = "lost" if turn.reward is None else f"reward {turn.reward:.3g}"
    if turn.report is not None:
        words += f", {VERDICTS[turn.report.outcome].words}"
        if (speedup := speedup_of(turn.report)) is not None:
            words += f", {speedup:.3g}×"
    return words + f", {turn.stop - turn.start} tokens" + ("" if turn.stopped else ", cut off")


def _turn(turn: PlayedTurn, reward: float | None, counted: bool, learned: bool) -> Row:
    report = turn.report
    return {
        "reward": reward,
        "counted": counted,
        "learned": learned,
        "tokens": turn.stop - turn.start,
        "cut_off": not turn.stopped,
        "seconds": turn.evaluation_s,
        "correct": report is not None and report.outcome is Outcome.OK,
        "compiled": report is not None and is_compiled(report),
        "hacked": report is not None and report.outcome is Outcome.HACK,
        "no_code": report is not None and report.outcome is Outcome.NO_CODE,
        "speedup": None if report is None else speedup_of(report),
    }


def _of_turns(turns: Sequence[Row], episodes: int) -> dict[str, float | None]:
    """Returns the numbers of one turn over the judged episodes that reached it."""
    counted = [turn for turn in turns if turn["counted"]]
    gains = [turn["advantage"] for turn in counted]
    speedups = [turn["speedup"] for turn in turns if turn["speedup"] is not None]
    mean = _mean(gains)
    numbers: dict[str, float | None] = {
        "reached": len(turns) / episodes if episodes else None,
        "reward": _mean(turn["reward"] for turn in turns if turn["reward"] is not None),
        "advantage_mean": mean,
        "advantage_std": None if mean is None else sqrt(fsum((gain - mean) ** 2 for gain in gains) / len(gains)),
        "speedup": exp(fsum(map(log, speedups)) / len(speedups)) if speedups else None,
        "tokens": _mean(turn["tokens"] for turn in turns),
    }
    for name in ("correct", "compiled", "hacked", "no_code", "cut_off", "counted", "learned"):
        numbers[name] = _share(turn[name] for turn in turns)
    for threshold in THRESHOLDS:
        numbers[f"fast_{threshold:g}"] = _share(_fast(turn, threshold) for turn in turns)
    numbers["group_size"] = _mean(turn["group_size"] for turn in counted)
    for size, count in sorted(Counter(turn["group_size"] for turn in counted).items()):
        numbers[f"group_size_{size}"] = count / len(counted)
    return numbers


def _latencies(seconds: Sequence[float]) -> dict[str, float | None]:
    """Returns nearest-rank percentiles of the time from handing a candidate out to its verdict."""
    if not seconds:
        return {}
    ranked = sorted(seconds)
    ranks = {percent: -(-percent * len(ranked) // 100) for percent in PERCENTILES}  # rounded up
    found: dict[str, float | None] = {f"evaluation/seconds_p{percent}": ranked[at - 1] for percent, at in ranks.items()}
    return found | {"evaluation/seconds_max": ranked[-1]}


def _fast(turn: Row, threshold: float) -> bool:
    return turn["speedup"] is not None and turn["speedup"] >= threshold


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return fsum(numbers) / len(numbers) if numbers else None


def _share(values: Iterable[bool]) -> float | None:
    return _mean(map(float, values))
