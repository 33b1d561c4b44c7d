"""Where a model meets a problem: episodes of several turns, as plain Python and as Gymnasium environments."""

from kernelgym.envs.answer import Answer
from kernelgym.envs.budget import estimate_tokens
from kernelgym.envs.episode import Episode
from kernelgym.envs.feedback import write_feedback
from kernelgym.envs.kernel_env import KernelEnv
from kernelgym.envs.options import Options
from kernelgym.envs.prompts import write_prompt
from kernelgym.envs.rules import History, Rules
from kernelgym.envs.scaling import Scaling, Select
from kernelgym.envs.seeding import DataSeeds
from kernelgym.envs.spaces import UnicodeText
from kernelgym.envs.styles import style_identity
from kernelgym.envs.turn import Turn, best_turn
from kernelgym.envs.vector_env import KernelVectorEnv

__all__ = [
    # one problem, several turns
    "DataSeeds", "Episode", "History", "Rules", "Scaling", "Select", "Turn", "best_turn",
    # for Gymnasium
    "Answer", "KernelEnv", "KernelVectorEnv", "Options", "UnicodeText",
    # what the agent reads
    "estimate_tokens", "style_identity", "write_feedback", "write_prompt",
]  # fmt: skip
