"""What plays the episodes of a trainer, from its arguments: sampler, chat and budget around the environment."""

from collections.abc import Sequence
from typing import Any

from kernelgym.envs import KernelVectorEnv
from kernelgym.errors import BadUsage
from policies.training.collecting.sampling_rounds import Play
from policies.training.exchange import Exchange
from policies.training.playing.chat_tokens import ChatTokens
from policies.training.playing.hf_sampler import HFSampler
from policies.training.playing.play import TokenBudget, play
from policies.training.playing.played import EpisodeRequest, PlayedEpisode
from policies.training.playing.prompt_check import check_prompts
from policies.training.playing.sampler import Sampler
from policies.training.playing.vllm_sampler import VLLMSampler


def player_of(
    trainer: Any,
    environment: KernelVectorEnv,
    sampler: Sampler | None,
    exchange: Exchange,
    problems: Sequence[str] = (),
) -> Play:
    """Returns a function that plays episodes with the model of a trainer as it is then.

    Args:
        trainer: A `TRLOOTrainer` whose base class is initialized.
        environment: Where they are played.
        sampler: Writes the actions; None: vLLM's engine if the trainer has one, else the model itself.
        exchange: Among all processes.
        problems: Ids of those whose prompts are measured first.

    Raises:
        BadUsage: The chat template can't be used for conversations, the budgets don't go together, a prompt leaves no
            room for an action, or the model itself would have to sample while it is sharded over several processes.
        KernelGymError: A problem can't be described.
    """
    args = trainer.args
    chat = ChatTokens(trainer._tokenizer, ends=trainer.eos_token_ids)
    if sampler is None and args.use_vllm:
        sampler = VLLMSampler.of_trainer(trainer, chat.ends, exchange)
    if sampler is None and exchange.size > 1 and _sharded(trainer):
        raise BadUsage(
            "the model is sharded over processes, which then have to sample equally often, but their episodes do not "
            "end together; sample with vLLM (use_vllm=True), or do not shard the model"
        )
    writer: Sampler = HFSampler.of_trainer(trainer, chat.ends) if sampler is None else sampler
    config = trainer.accelerator.unwrap_model(trainer.model).config.get_text_config()
    budget = TokenBudget(
        turn=args.max_turn_length,
        episode=args.max_completion_length,
        context=args.vllm_max_model_length or getattr(config, "max_position_embeddings", None),
        least=args.min_turn_length,
    )

    check_prompts(problems, environment, chat, budget, exchange)

    def played(requests: Sequence[EpisodeRequest]) -> list[PlayedEpisode]:
        batch = args.sampling_batch_size or max(len(requests), 1)
        return play(requests, environment, writer, chat, budget, batch=batch, overlap=args.overlap)

    return played


def _sharded(trainer: Any) -> bool:
    """True if a forward pass of one process needs all others."""
    zero = getattr(trainer.accelerator.state, "deepspeed_plugin", None)
    return bool(trainer.is_fsdp_enabled or (zero is not None and zero.zero_stage == 3))
