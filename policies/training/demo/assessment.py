"""How good a model is: a fixed sample of episodes before and after learning, not the noisy batches in between."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from kernelgym.envs import KernelVectorEnv
from kernelgym.evaluators import Evaluator
from kernelgym.metrics import speedup_of
from policies.training.demo.corpus import STYLE
from policies.training.demo.results import Episode, Turn
from policies.training.demo.sketches import SKETCHES
from policies.training.playing.played import EpisodeRequest, PlayedEpisode
from policies.training.recipes.recipe import RlRecipe
from sandboxes.contracts import Outcome

APART: Final = -2
"""Step of the seeds, which no training has."""


def assess(
    folder: Path, recipe: RlRecipe, evaluator: Evaluator, *, episodes: int, seed: int, device: str = "cpu"
) -> list[Episode]:
    """Returns how a model plays.

    Args:
        folder: Of the model and its tokenizer.
        recipe: By which it was or will be trained: lengths, temperature.
        evaluator: Who judges.
        episodes: Of each problem.
        seed: Of the sampling; other seeds, other episodes.
        device: Where candidates are judged, as in `EvalConfig`.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - slow to import

    from policies.training.playing.chat_tokens import ChatTokens  # noqa: PLC0415 - as above
    from policies.training.playing.hf_sampler import HFSampler  # noqa: PLC0415 - as above
    from policies.training.playing.play import TokenBudget, play  # noqa: PLC0415 - as above

    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    chat = ChatTokens(AutoTokenizer.from_pretrained(folder))
    rollout = recipe.rollout
    budget = TokenBudget(
        turn=rollout.turn_tokens, episode=rollout.episode_tokens, context=model.config.max_position_embeddings,
        least=rollout.least_tokens,
    )  # fmt: skip
    requests = [
        EpisodeRequest.of(problem, run=seed, step=APART, group=group, rollout=number, temperature=rollout.temperature)
        for group, problem in enumerate(SKETCHES)
        for number in range(episodes)
    ]
    environment = KernelVectorEnv(
        len(requests), evaluator=evaluator, problems=recipe.environment.problems, max_turns=recipe.environment.turns,
        style=str(STYLE), feedback_tokens=recipe.environment.feedback_tokens, allow_submit=False, history="full",
        reward=recipe.environment.reward, target=recipe.environment.target,
        device=device,
    )  # fmt: skip
    try:
        sampler = HFSampler(model.eval(), chat.ends)
        return summarize(play(requests, environment, sampler, chat, budget, batch=len(requests), overlap=False))
    finally:
        environment.close()


def summarize(played: Sequence[PlayedEpisode]) -> list[Episode]:
    """Returns the numbers of episodes; lost ones say nothing and are left out."""
    return [
        Episode(
            problem=episode.problem,
            turns=tuple(
                Turn(
                    reward=turn.reward or 0.0,
                    correct=turn.report is not None and turn.report.outcome is Outcome.OK,
                    speedup=None if turn.report is None else speedup_of(turn.report),
                )
                for turn in episode.turns
            ),
        )
        for episode in played
        if not episode.lost
    ]
