"""Where episodes stand after each turn, and how they get from one to the next."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from kernelgym.metrics.views import counted
from kernelgym.reports.html.states import State, state_of
from kernelgym.runs.record import EpisodeRecord, Loss

MOST_TURNS: Final = 10
"""Turns that are drawn; of more, as many at equal distances, the first and the last among them."""


def outcome_flow(episodes: Sequence[EpisodeRecord], turns: int) -> dict[str, Any]:
    """Returns the number of counted episodes in each state after each turn, and of those that go from one to another.

    What ended early stays where it was; what ended by an error of the policy has failed from then on. So every turn has
    the same number of episodes, as in the summary.
    """
    drawn = min(turns, MOST_TURNS)
    chosen = [1 + round(index * (turns - 1) / max(1, drawn - 1)) for index in range(drawn)]
    paths = [[_standing(episode, turn - 1) for turn in chosen] for episode in counted(episodes)]
    present = [state for state in State if any(state in path for path in paths)]
    stays = [Counter(path[turn] for path in paths) for turn in range(drawn)]
    moves = [Counter((path[turn], path[turn + 1]) for path in paths) for turn in range(drawn - 1)]
    return {
        "episodes": len(paths),
        "turns": chosen,
        "states": [state.value for state in present],
        "stays": [[counts[state] for state in present] for counts in stays],
        "moves": [[[counts[old, new] for new in present] for old in present] for counts in moves],
    }


def _standing(episode: EpisodeRecord, turn: int) -> State:
    if turn < len(episode.turns):
        return state_of(episode.turns[turn].report)
    if episode.loss is Loss.POLICY or not episode.turns:
        return State.POLICY
    return state_of(episode.turns[-1].report)
