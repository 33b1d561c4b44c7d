"""The `info` of Gymnasium's `reset` and `step`: plain data, made anew on each call.

Vector environments merge the infos of their parts by key and type, and fail where one part has None and another a
dictionary. That is why nothing that may be a dictionary is ever None here: it is left out.
"""

from typing import Any

from kernelgym.envs.episode import Episode
from kernelgym.envs.turn import Turn


def info_of_reset(episode: Episode) -> dict[str, Any]:
    """Returns what is known before the first turn."""
    return _standing(episode)


def info_of_turn(episode: Episode, turn: Turn | None) -> dict[str, Any]:
    """Returns everything about the last turn that JSON can hold; of None, a bare `SUBMIT`, how the episode stands.

    `report` is a stored `Report` without the names whose value is None; `Report.model_validate` reads it.
    """
    info = _standing(episode) | {"submitted": episode.submitted, "infrastructure": False}
    if turn is not None:
        info |= _of_turn(turn)
    if (best := episode.best) is not None:
        info["best"] = {
            "turn": best.number,
            "reward": best.reward.value,
            "speedup": best.report.speedup,
            "outcome": str(best.report.outcome),
        }
    return info


def _standing(episode: Episode) -> dict[str, Any]:
    return {
        "problem": episode.problem.id,
        "turn": len(episode.turns),
        "max_turns": episode.rules.total_turns,
        "chat": [{"role": str(message.role), "content": message.content} for message in episode.chat],
    }


def _of_turn(turn: Turn) -> dict[str, Any]:
    return {
        "outcome": str(turn.report.outcome),
        "infrastructure": turn.lost,
        "reward": turn.reward.value,
        "reward_breakdown": [
            {"name": term.name, "value": term.value, "note": term.note} for term in turn.reward.breakdown
        ],
        "speedup": turn.report.speedup,
        "report": turn.report.model_dump(mode="json", exclude_none=True),
    }
