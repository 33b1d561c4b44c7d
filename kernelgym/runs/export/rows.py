"""The rows of a data set as plain data, and their columns.

Chats are lists of `{"role", "content"}`, as `datasets`, TRL and chat templates read them.
"""

from collections.abc import Sequence
from typing import Any, Final

from kernelgym.chat import Message, Role
from kernelgym.runs.export.choosing import Candidate
from kernelgym.runs.record import EpisodeRecord
from sandboxes.contracts import Outcome

Row = dict[str, Any]

CHAT: Final = "chat"
"""Kind of a column: a list of messages. The others are `TURNS`, `text`, `integer`, `number` and `truth`."""

TURNS: Final = "turns"
"""Kind of a column: what happened in each turn, see `TURN_FIELDS`."""

TURN_FIELDS: Final = {
    "completion": "text", "shown": "integers", "outcome": "text", "reward": "number", "speedup": "number",
}  # fmt: skip
"""Of one turn in a trajectory. Not one list each: `datasets` reads lists with nulls in JSON lines wrong."""

TURN_COLUMNS: Final = {
    "prompt": CHAT, "completion": CHAT, "run": "text", "problem": "text", "sample": "integer", "turn": "integer",
    "policy": "text", "target": "text", "outcome": "text", "reward": "number", "speedup": "number",
    "submission": "text",
}  # fmt: skip

TRAJECTORY_COLUMNS: Final = {
    "messages": CHAT, "turns": TURNS, "run": "text", "problem": "text", "sample": "integer", "policy": "text",
    "target": "text", "best_turn": "integer", "submitted": "truth",
}  # fmt: skip

PROMPT_COLUMNS: Final = {
    "prompt": CHAT, "problem": "text", "target": "text", "samples": "integer", "correct": "number",
    "mean_reward": "number", "best_reward": "number", "best_speedup": "number",
}  # fmt: skip


def turn_row(candidate: Candidate) -> Row:
    """Returns one turn: the chat that the policy was shown, what it answered, and what that was worth."""
    episode, turn = candidate.episode, candidate.turn
    return {
        "prompt": _chat(episode.chat(turn.number)),
        "completion": _chat([Message(role=Role.ASSISTANT, content=turn.completion)]),
        "run": candidate.run,
        "problem": episode.problem,
        "sample": episode.sample,
        "turn": turn.number,
        "policy": episode.policy,
        "target": turn.report.config.target,
        "outcome": str(turn.report.outcome),
        "reward": turn.reward,
        "speedup": turn.report.speedup,
        "submission": turn.report.submission,
    }


def trajectory_row(run: str, episode: EpisodeRecord) -> Row:
    """Returns one episode.

    `messages` has each message that the policy was shown once; a turn's `shown` says which of them, by index.
    """
    pool: dict[Message, int] = {}
    turns = [
        {
            "completion": turn.completion,
            "shown": [pool.setdefault(message, len(pool)) for message in episode.chat(turn.number)],
            "outcome": str(turn.report.outcome),
            "reward": turn.reward,
            "speedup": turn.report.speedup,
        }
        for turn in episode.turns
    ]
    return {
        "messages": _chat(list(pool)),
        "turns": turns,
        "run": run,
        "problem": episode.problem,
        "sample": episode.sample,
        "policy": episode.policy,
        "target": _target(episode),
        "best_turn": episode.best_turn,
        "submitted": episode.submitted,
    }


def prompt_row(episodes: Sequence[EpisodeRecord]) -> Row:
    """Returns one problem: its task, and what became of it, so that prompts can be chosen by difficulty.

    Args:
        episodes: Of one problem, none of them lost; at least one has a turn.
    """
    played = next(episode for episode in episodes if episode.turns)
    rewards = [_best_reward(episode) for episode in episodes]
    correct = [any(turn.report.outcome is Outcome.OK for turn in episode.turns) for episode in episodes]
    speedups = [turn.report.speedup for episode in episodes for turn in episode.turns]
    return {
        "prompt": _chat(played.chat(1)),
        "problem": played.problem,
        "target": _target(played),
        "samples": len(episodes),
        "correct": sum(correct) / len(correct),
        "mean_reward": sum(rewards) / len(rewards),
        "best_reward": max(rewards),
        "best_speedup": max((speedup for speedup in speedups if speedup is not None), default=None),
    }


def _best_reward(episode: EpisodeRecord) -> float:
    """Returns the highest reward; without any turn, what the policy's error is worth."""
    rewards = [turn.reward for turn in episode.turns if turn.reward is not None]
    return max(rewards, default=episode.forfeit)


def _chat(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": str(message.role), "content": message.content} for message in messages]


def _target(episode: EpisodeRecord) -> str:
    return episode.turns[0].report.config.target
