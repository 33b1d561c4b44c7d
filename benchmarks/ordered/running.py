"""Prices both programs of each pair on the whole way of a candidate, and says which order comes out.

Most pairs are only priced (traced, compiled, addresses looked at, no data touched), so shapes may be as large as in the
source. Nobody is asked whether results are right: `python -m benchmarks.ordered` with `--judge` does that.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.ordered.pairs import EAGER, Pair, Side, load_pairs
from kernelgym.evaluators import LocalEvaluator
from sandboxes.contracts import Depth, EvalConfig, Profile, Report

AIM: Final = 0.95
WORKERS: Final = 2
TIE: Final = 1.005
"""Ratio of times up to which the model has not told one from the other: as wrong as the wrong order."""

Asked = tuple[Side, bool]
"""A program, and whether it is executed in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What the model says of a program."""

    time_us: float | None
    """None if it has no price."""
    bound: str
    """Of the node that takes longest; or why there is no price."""
    band_us: tuple[float, float] | None = None


def run(pairs: Sequence[Pair] | None = None, *, workers: int = WORKERS) -> dict[str, Any]:
    """Returns a row for each pair, how many are in the right order, and how many by category.

    Args:
        pairs: All of them if None.
        workers: Programs that are priced at a time.
    """
    pairs = load_pairs() if pairs is None else pairs
    begin = time.monotonic()
    reports = evaluated(pairs, workers)
    rows = [row(pair, reports) for pair in pairs]
    return {**summary(rows), "took_s": round(time.monotonic() - begin, 1), "modelled": True, "rows": rows}


def evaluated(pairs: Sequence[Pair], workers: int) -> dict[Asked, Report]:
    """Returns the report of each program of the pairs; a program of several pairs is asked for once."""
    asked = list(dict.fromkeys(asked_for(pair, side) for pair in pairs for side in (pair.faster, pair.slower)))
    requests = [
        (
            side.submission(),
            side.problem(),
            EvalConfig(target=side.target, depth=Depth.JUDGED if judged else Depth.PRICED),
        )
        for side, judged in asked
    ]
    with LocalEvaluator(workers=workers) as evaluator:
        return {asked[number]: report for number, report in evaluator.evaluate_many(requests)}


def asked_for(pair: Pair, side: Side) -> Asked:
    """Returns whose report has a side's time: the reference's stands in that of the other side."""
    if side.kernel != EAGER:
        return side, pair.judged
    other = pair.faster if side is pair.slower else pair.slower
    return other, pair.judged


def row(pair: Pair, reports: Mapping[Asked, Report]) -> dict[str, Any]:
    """Returns what is told of a pair."""
    faster, slower = (priced(side, reports[asked_for(pair, side)]) for side in (pair.faster, pair.slower))
    ratio = slower.time_us / faster.time_us if faster.time_us and slower.time_us else None
    right = ratio is not None and ratio > TIE
    return {
        "name": pair.name,
        "category": pair.category,
        "targets": sorted({pair.faster.target, pair.slower.target}),
        "faster": pair.faster.words(),
        "faster_us": rounded(faster.time_us),
        "faster_bound": faster.bound,
        "slower": pair.slower.words(),
        "slower_us": rounded(slower.time_us),
        "slower_bound": slower.bound,
        "ratio": rounded(ratio),
        "expected_ratio": pair.ratio,
        "right": right,
        "as_far_apart": None if pair.ratio is None or ratio is None else pair.ratio[0] <= ratio <= pair.ratio[1],
        "apart": right and apart(faster, slower),
        "source": pair.source,
        "counting": pair.counting,
    }


def apart(faster: Priced, slower: Priced) -> bool:
    """Returns whether the bands do not meet: the model is sure of the order."""
    return faster.band_us is not None and slower.band_us is not None and faster.band_us[1] < slower.band_us[0]


def priced(side: Side, report: Report) -> Priced:
    """Returns what a report says of a side; a candidate that was judged wrong, or not priced, has no time."""
    profile = report.profile or report.estimate
    if profile is None:
        return Priced(time_us=None, bound=f"{report.outcome}: {report.diagnostics[0].message}"[:300])
    if side.kernel == EAGER:
        return Priced(time_us=profile.reference_time_us, bound=EAGER)
    if unpriced := [node.unpriced for node in profile.nodes if node.unpriced]:
        return Priced(time_us=None, bound=unpriced[0])
    longest = max(profile.nodes, key=lambda node: node.time_us)
    return Priced(time_us=profile.time_us, bound=str(longest.bound), band_us=whole_band(profile))


def whole_band(profile: Profile) -> tuple[float, float] | None:
    """Returns the band of a program: those of its nodes, added; None if a node has none."""
    bands = [node.band_us for node in profile.nodes]
    if any(band is None for band in bands):
        return None
    return sum(band[0] for band in bands if band), sum(band[1] for band in bands if band)


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns how many pairs are in the right order."""
    by_category: dict[str, list[bool]] = defaultdict(list)
    for each in rows:
        by_category[each["category"]].append(each["right"])
    return {
        "pairs": len(rows),
        "right": sum(each["right"] for each in rows),
        "right_share": round(sum(each["right"] for each in rows) / len(rows), 3),
        "aim": AIM,
        "bands_apart": sum(each["apart"] for each in rows),
        "ratios_known": sum(each["as_far_apart"] is not None for each in rows),
        "ratios_met": sum(each["as_far_apart"] is True for each in rows),
        "by_category": {name: f"{sum(found)} of {len(found)}" for name, found in by_category.items()},
        "wrong": [each["name"] for each in rows if not each["right"]],
    }


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the rows as a table for people."""
    head = "| pair | faster, µs | slower, µs | ratio | expected | |\n|---|---|---|---|---|---|\n"
    return head + "".join(
        f"| {each['name']} | {each['faster_us']} | {each['slower_us']} | {each['ratio']} "
        f"| {'{} to {}'.format(*each['expected_ratio']) if each['expected_ratio'] else ''} "
        f"| {'right' if each['right'] else '**wrong**'} |\n"
        for each in rows
    )


def rounded(value: float | None) -> float | None:
    """Returns a number with four digits that count."""
    return None if value is None else float(f"{value:.4g}")
