"""Where a model meets a problem: episodes of several turns, as plain Python and as Gymnasium environments."""

from kernelgym.envs.episode import Episode
from kernelgym.envs.feedback import MAX_FEEDBACK, write_feedback
from kernelgym.envs.prompts import write_prompt
from kernelgym.envs.rules import Rules
from kernelgym.envs.turn import Turn, best_turn

__all__ = [
    # one problem, several turns
    "Episode", "Rules", "Turn", "best_turn",
    # what the agent reads
    "MAX_FEEDBACK", "write_feedback", "write_prompt",
]  # fmt: skip
