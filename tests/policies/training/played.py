"""Played episodes to test with: as small as they can be, and valid."""

from kernelgym.chat import Message, Role
from policies.training.collecting.collected import CollectedEpisode
from policies.training.playing.played import Ending, PlayedEpisode, PlayedTurn
from sandboxes.contracts import Outcome
from tests.policies.episodes import fast_report
from tests.reports import failed_report


def played(
    *verdicts: Outcome | float,
    rewards: tuple[float | None, ...] | None = None,
    problem: str = "core/softmax",
    tokens: int = 2,
    stopped: bool = True,
) -> PlayedEpisode:
    """An episode of these turns: an outcome that is not ok, or the speedup of a correct candidate.

    Args:
        verdicts: One per turn.
        rewards: One per turn; else 1 + speedup for correct turns, None for lost ones and 0 for all others.
        problem: Id.
        tokens: Of each action; an answer between two has one token.
        stopped: Whether the actions ended by themselves.
    """
    reports = [failed_report(verdict) if isinstance(verdict, Outcome) else fast_report(verdict) for verdict in verdicts]
    if rewards is None:
        rewards = tuple(_worth(verdict) for verdict in verdicts)
    ids: list[int] = []
    turns, messages = [], [Message(role=Role.USER, content="Write a kernel.")]
    for index, (report, reward) in enumerate(zip(reports, rewards, strict=True)):
        if index:
            ids.append(-1)
            messages.append(Message(role=Role.USER, content=f"Turn {index}: {reports[index - 1].outcome}"))
        start = len(ids)
        ids += [index] * tokens
        text = f"kernel {index + 1}"
        messages.append(Message(role=Role.ASSISTANT, content=text))
        turns.append(
            PlayedTurn(
                reward=reward, report=report, start=start, stop=len(ids), stopped=stopped, text=text,
                evaluation_s=float(index + 1),
            )
        )  # fmt: skip
    return PlayedEpisode(
        problem=problem, seed=0, temperature=1.0, prompt_ids=(1, 2), completion_ids=tuple(7 for _ in ids),
        env_mask=tuple(int(index >= 0) for index in ids), turn_ids=tuple(ids), logprobs=tuple(0.0 for _ in ids),
        turns=tuple(turns), ending=Ending.LOST if None in rewards else Ending.FINISHED, messages=tuple(messages),
    )  # fmt: skip


def collected(episode: PlayedEpisode, *, learned: tuple[bool, ...] | None = None) -> CollectedEpisode:
    """The episode as a batch holds it; a lost one counts nowhere."""
    every = (not episode.lost,) * len(episode.turns)
    return CollectedEpisode(
        played=episode, rewards=episode.rewards, counted=every, learned=every if learned is None else learned
    )


def _worth(verdict: Outcome | float) -> float | None:
    if isinstance(verdict, Outcome):
        return None if verdict is Outcome.INFRASTRUCTURE else 0.0
    return 1.0 + verdict
