"""All episodes' details in parts that the page opens one at a time, within a budget of bytes.

A part holds neighbouring episodes, so that what they share (the prompt, most of all) is kept once. If all parts
together are too large, texts are cut shorter, all alike, until they fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernelgym.reports.html.details import episode_detail
from kernelgym.reports.html.embedding import Texts, packed
from kernelgym.runs.record import EpisodeRecord

BUDGET_BYTES: Final = 22 * 2**20
"""Of all parts. With the charts' library (5 MB) and the list of episodes a page stays below 30 MB."""

LIMITS: Final = (200_000, 100_000, 50_000, 25_000, 12_000, 6_000, 3_000, 1_000)
"""Characters of a text, tried in turn; the last one serves whatever comes of it."""

SAMPLE: Final = 8
"""Parts that are made to estimate the size of all: to make all and find them too large takes seconds."""

CHUNK_CHARACTERS: Final = 400_000
"""About what one part holds: a click opens it in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """The parts, and where each episode is."""

    parts: tuple[str, ...]
    first: tuple[int, ...]
    """Index of each part's first episode."""
    limit: int
    """Most characters of a text."""
    cut: int
    """Texts that are longer."""


def pack_details(episodes: Sequence[EpisodeRecord], budget: int = BUDGET_BYTES) -> Details:
    """Returns the details of all episodes, in the order of `episodes`."""
    for limit in LIMITS[:-1]:
        if _estimate(episodes, limit) <= budget and (details := _pack(episodes, limit, budget)) is not None:
            return details
    details = _pack(episodes, LIMITS[-1], None)
    assert details is not None
    return details


def _estimate(episodes: Sequence[EpisodeRecord], limit: int) -> float:
    """Returns about how many bytes the parts will have; 0 if there are so few that they are quickly made."""
    spans = _spans(episodes, limit)
    if len(spans) < 2 * SAMPLE:
        return 0
    chosen = spans[:: len(spans) // SAMPLE]
    return sum(len(_part(episodes, *span, limit)[0]) for span in chosen) / len(chosen) * len(spans)


def _part(episodes: Sequence[EpisodeRecord], begin: int, end: int, limit: int) -> tuple[str, int]:
    """Returns one part, and how many of its texts are cut."""
    texts = Texts(limit)
    details = [episode_detail(episode, texts) for episode in episodes[begin:end]]
    return packed({"texts": texts.shown(), "episodes": details}), texts.cut


def _pack(episodes: Sequence[EpisodeRecord], limit: int, budget: int | None) -> Details | None:
    """Returns the details with texts up to `limit`; None as soon as they exceed `budget`."""
    parts: list[str] = []
    first: list[int] = []
    cut = size = 0
    for begin, end in _spans(episodes, limit):
        part, shorter = _part(episodes, begin, end, limit)
        parts.append(part)
        first.append(begin)
        cut += shorter
        size += len(part)
        if budget is not None and size > budget:
            return None
    return Details(parts=tuple(parts), first=tuple(first), limit=limit, cut=cut)


def _spans(episodes: Sequence[EpisodeRecord], limit: int) -> list[tuple[int, int]]:
    """Returns neighbouring episodes that make one part: `[begin, end)`."""
    spans: list[tuple[int, int]] = []
    begin = held = 0
    for index, episode in enumerate(episodes):
        length = sum(min(len(turn.completion), limit) * 2 + min(len(turn.observation), limit) for turn in episode.turns)
        if held and held + length > CHUNK_CHARACTERS:
            spans.append((begin, index))
            begin, held = index, 0
        held += length
    return [*spans, (begin, len(episodes))] if episodes else spans
