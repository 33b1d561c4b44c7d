"""What completions took: tokens and money, as far as policies say."""

from collections.abc import Iterable, Sequence
from math import fsum

from kernelgym.chat import Usage
from kernelgym.metrics.summary import Costs
from kernelgym.runs.record import EpisodeRecord


def total_costs(episodes: Sequence[EpisodeRecord]) -> Costs:
    """Returns sums over all completions of all episodes: what was lost has been paid for, too.

    Wall times are left out, so that a run that was continued has the summary of one that was not.
    """
    usages = [turn.usage for episode in episodes for turn in episode.turns]
    usages += [episode.submission.usage for episode in episodes if episode.submission is not None]
    known = [usage for usage in usages if usage is not None and _says_something(usage)]
    costs = [usage.cost_usd for usage in known if usage.cost_usd is not None]
    return Costs(
        turns=len(usages),
        reported=len(known),
        prompt_tokens=_total(usage.prompt_tokens for usage in known),
        completion_tokens=_total(usage.completion_tokens for usage in known),
        cost_usd=fsum(costs) if costs else None,
    )


def _says_something(usage: Usage) -> bool:
    return any(value is not None for value in (usage.prompt_tokens, usage.completion_tokens, usage.cost_usd))


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
