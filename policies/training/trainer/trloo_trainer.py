"""Learns from multi-turn episodes, with TRL's GRPO trainer around credit that is turn by turn.

TRL gives every token of an episode the same advantage. Its loss takes one per token as well, so that all this has to do
is to play the batch in the environment, to work out each turn's advantage and to put that where TRL's was. Losses,
clipping, penalties, accumulation, processes and logging remain TRL's. What is used of TRL's inside is tested by
`tests/policies/training/trainer/test_trl_contract.py`; TRL is pinned for its sake.
"""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.grpo_trainer import GRPOTrainer

from kernelgym.envs import KernelVectorEnv
from kernelgym.errors import BadUsage
from policies.curriculum import ProblemSampler
from policies.mismatch import keep_mask
from policies.training.collecting.collected import Collected
from policies.training.collecting.collection_options import CollectionOptions
from policies.training.collecting.collector import Collector
from policies.training.collecting.dynamic_sampling import Comparison
from policies.training.collecting.row import Row
from policies.training.collecting.sampling_rounds import Play
from policies.training.confirming.confirmation import GroupConfirmer
from policies.training.playing.played import EpisodeRequest
from policies.training.playing.sampler import Sampler
from policies.training.trainer.batch_tensors import BatchTensors, episode_reward, per_token, rollout
from policies.training.trainer.checkpoint import load_progress, save_progress
from policies.training.trainer.credit import Credit
from policies.training.trainer.head_temperature import HeadTemperature
from policies.training.trainer.order import ProblemOrder
from policies.training.trainer.places import filled, places, prompt_of, whole_updates
from policies.training.trainer.player import player_of
from policies.training.trainer.processes import Processes
from policies.training.trainer.sampler_correction import SamplerCorrection
from policies.training.trainer.telemetry import summarize_rows, transcript, turn_rows
from policies.training.trainer.trl_logs import no_complaint_about_lost_episodes, replace_last
from policies.training.trainer.trloo_config import TRLOOConfig
from policies.training.trainer.turn_ratio import anchored

Tensors = dict[str, Any]
"""What TRL passes from generation to loss: [B, ...] tensors and numbers without dimensions."""


class TRLOOTrainer(GRPOTrainer):
    """Trains a policy on episodes of the environment.

    Overrides of TRL: `_generate_and_score_completions` plays the batch and replaces the advantages; `_compute_loss` and
    `_get_per_token_logps_and_entropies` step in between the current log-probabilities and the loss, for ratios per turn
    and against stale batches; checkpoints hold what a resumed run needs to be the same as one that was not interrupted.

    An episode is one row. A turn that was lost to the infrastructure takes its episode out of loss and baselines.

    Args:
        model: A causal language model, or its name or folder.
        args: What decides the run.
        environment: Where episodes are played, with `history="full"`; each process has one of its own.
        problems: Ids of the problems to train on; each is tried once before any is tried again.
        eval_problems: Ids of problems to evaluate on: each `num_generations_eval` times, with the same seeds each time.
        sampler: Writes the actions in the environment; None: vLLM's engine with `use_vllm`, else the model itself.
        play: Plays episodes instead of `environment` and `sampler`.
        collection: Which rules choose what is learned. Its temperature and what it compares are those of `args`.
        curriculum: Chooses the problems, each of which it has to know.
        confirmer: Evaluates groups a second time.
        peft_config: Of an adapter to be trained instead of the model.
        processing_class: The tokenizer; None: the model's.
        callbacks: transformers' `TrainerCallback`s.
        optimizers: An optimizer and a schedule of one's own.

    Raises:
        BadUsage: There is no problem, neither an environment nor anything else to play with, or the prompt of a problem
            leaves no room for an action.
        KernelGymError: The environment has no problem of one of these ids; names the closest.
    """

    _tag_names = ["trl", "grpo", "trloo"]  # noqa: RUF012 - TRL's
    _name = "TRLOO"
    args: TRLOOConfig
    model: Any
    accelerator: Any
    num_generations: int
    num_generations_eval: int
    _buffered_inputs: Any

    def __init__(
        self,
        model: Any,
        args: TRLOOConfig,
        *,
        environment: KernelVectorEnv | None = None,
        problems: Sequence[str],
        eval_problems: Sequence[str] | None = None,
        sampler: Sampler | None = None,
        play: Play | None = None,
        collection: CollectionOptions | None = None,
        curriculum: ProblemSampler | None = None,
        confirmer: GroupConfirmer | None = None,
        peft_config: Any = None,
        processing_class: Any = None,
        callbacks: list[Any] | None = None,
        optimizers: tuple[Any, Any] = (None, None),
    ) -> None:
        if not problems:
            raise BadUsage("there is no problem to train on; give the ids of some, e.g. core/softmax")
        if play is None and environment is None:
            raise BadUsage("there is nothing to play in; give an environment, e.g. KernelVectorEnv(history='full')")
        if environment is not None:
            for problem in dict.fromkeys([*problems, *(eval_problems or ())]):
                environment.problem(problem)  # there is one, or this says so before anything is loaded
        rows = filled(problems, whole_updates(args))
        with warnings.catch_warnings():
            # rollout_func may change from release to release: TRL is pinned and the contract tested
            warnings.filterwarnings("ignore", message=".*rollout_func.*experimental", category=UserWarning)
            super().__init__(
                model=model,
                args=args,
                reward_funcs=self._episode_rewards(),
                train_dataset=places(rows),
                eval_dataset=None if eval_problems is None else places(eval_problems),
                processing_class=processing_class,
                callbacks=callbacks,
                optimizers=optimizers,
                peft_config=peft_config,
                rollout_func=self._rollout,
            )
        self._per_turn_ratio = args.importance_sampling_level == "turn"
        self.importance_sampling_level = "token"  # a ratio per turn is made of ratios per token, by their anchors
        self._exchange = Processes(self.accelerator)
        if play is None:
            assert environment is not None
            play = player_of(self, environment, sampler, self._exchange, [*problems, *(eval_problems or ())])
        self._play: Play = play
        self._order = ProblemOrder(problems, args.seed, shuffle=bool(args.shuffle_dataset))
        options = CollectionOptions() if collection is None else collection
        compared = replace(options.dynamic_sampling, compared=Comparison.of(args.advantage_options))
        self.collector = Collector(
            self._play,
            replace(options, temperature=args.temperature, dynamic_sampling=compared),
            self._exchange,
            seed=args.seed,
            group_size=self.num_generations,
            curriculum=curriculum,
            confirmer=confirmer,
        )
        self._credit = Credit(args.advantage_options, self.accelerator, remember=args.ebpo_prior == "history")
        self._correction = SamplerCorrection(args, self.accelerator)
        self._head = HeadTemperature(*self._patched_models())
        self._batches = 0
        self._collected: Collected | None = None
        self._places: list[Tensors] = []
        self._losing: Tensors | None = None

    # playing

    def _rollout(self, prompts: list[Any], trainer: GRPOTrainer) -> dict[str, list[Any]]:
        """TRL's `rollout_func`: plays the places of this process."""
        started = perf_counter()
        if self.model.training:
            collected = self.collector.collect(self._problems(len(prompts)), self._batches)
            self._batches += 1
        else:
            episodes = self._play(self._evaluated())
            collected = Collected(episodes=tuple(Row(episode).collected() for episode in episodes))
        if len(collected.episodes) != len(prompts):
            raise RuntimeError(f"{len(prompts)} episodes were to be collected, but {len(collected.episodes)} were")
        self._head.set(self._temperature_of(collected))
        self._collected = collected
        self._note("time/play_s", perf_counter() - started)
        return rollout(collected.episodes)

    def _problems(self, count: int) -> list[str]:
        """Returns the problems at this process's places of the next batch."""
        groups = self._order.batch(self._batches, count * self._exchange.size // self.num_generations)
        first = self._exchange.rank * count
        return [groups[(first + index) // self.num_generations] for index in range(count)]

    def _evaluated(self) -> list[EpisodeRequest]:
        """Returns the episodes of one batch of an evaluation; a problem's are the same in every evaluation."""
        first = self._exchange.rank * len(self._places)
        return [
            EpisodeRequest.of(
                row["problem"],
                run=self.args.seed,
                step=-1,  # no batch of the training
                group=row["place"],
                rollout=(first + index) % self.num_generations_eval,
                temperature=self.temperature,
            )
            for index, row in enumerate(self._places)
        ]

    def _episode_rewards(self) -> Any:
        """Returns the reward function that TRL logs: an episode's sum."""

        def episode_rewards(prompts: list[Any], log_extra: Any, **_: Any) -> list[float | None]:
            assert self._collected is not None
            if self.log_completions:
                log_extra("transcript", [transcript(episode.played) for episode in self._collected.episodes])
            return [episode_reward(episode) for episode in self._collected.episodes]

        return episode_rewards

    # credit

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> Tensors:
        self._places = inputs
        with no_complaint_about_lost_episodes():
            output: Tensors = super()._generate_and_score_completions(inputs)
        started = perf_counter()
        assert self._collected is not None
        learning = bool(self.model.training)
        episodes = self._collected.episodes
        rows = BatchTensors.of(episodes, output["completion_ids"].size(1), self.accelerator.device)
        group_size = self.num_generations if learning else self.num_generations_eval
        found = self._credit.of(rows, group_size, learning=learning)
        output["advantages"] = per_token(found.values.to(self.accelerator.device), rows.turn_ids)
        output["turn_ids"] = rows.turn_ids
        output["temperature"] = torch.tensor(self._temperature_of(self._collected))
        self._log_batch(found.values, found.group_sizes)
        self._note("time/credit_s", perf_counter() - started)
        self._correct_for_sampler(output)
        return output

    def _correct_for_sampler(self, output: Tensors) -> None:
        """Rejects and weighs what the sampler would have written with another probability than the policy."""
        trained = output.get("old_per_token_logps")
        if trained is None and self._correction.active:
            trained = self._logps_of(output)
        if trained is not None:
            for name, value in self._correction.apply(output, trained).items():
                self._note(f"mismatch/{name}", value)

    def _logps_of(self, output: Tensors) -> Tensor:
        """Returns the policy's log-probabilities of a batch, [B, T], where TRL had no need of them."""
        args: Any = self.args
        with torch.no_grad(), disable_gradient_checkpointing(self.model, args.gradient_checkpointing_kwargs):
            logps, _, _ = self._get_per_token_logps_and_entropies(
                self.model,
                torch.cat([output["prompt_ids"], output["completion_ids"]], dim=1),
                torch.cat([output["prompt_mask"], output["completion_mask"]], dim=1),
                output["completion_ids"].size(1),
                batch_size=args.per_device_train_batch_size,
            )
        assert isinstance(logps, Tensor)
        return logps

    # loss

    def _compute_loss(self, model: Any, inputs: Tensors) -> Tensor:
        self._losing = dict(inputs)  # a copy: TRL keeps the original for the next pass over the batch
        self._head.set(float(inputs["temperature"]))
        try:
            loss: Tensor = super()._compute_loss(model, self._losing)  # type: ignore[no-untyped-call]
        finally:
            self._losing = None
        return loss

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        if not self.model.training:  # all of an evaluation is one batch, which memory need not hold at once
            kwargs["batch_size"] = self.args.per_device_train_batch_size
        result = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        if self._losing is not None:
            self._compare_with_old(self._losing, result[0].detach())
        return result

    def _compare_with_old(self, inputs: Tensors, logps: Tensor) -> None:
        """Edits what the loss is about to read: the policy that wrote the batch, and the advantages."""
        old = inputs.get("old_per_token_logps")
        if old is None:  # it is the current one
            return
        mask, turn_ids = inputs["completion_mask"] * inputs["tool_mask"], inputs["turn_ids"]
        if self.args.rejection in ("stale", "both"):
            kept = keep_mask(logps, old, mask.bool(), turn_ids, self.args.rejection_band)
            inputs["advantages"] = inputs["advantages"] * kept
            if (reference := inputs.get("ref_per_token_logps")) is not None:
                # the divergence from itself is 0, and so is its gradient: TRL adds it to all tokens of its mask
                inputs["ref_per_token_logps"] = torch.where(kept, reference, logps)
            dropped = torch.stack([(mask * ~kept).sum(), mask.sum()])
            dropped = self.accelerator.reduce(dropped, reduction="sum")
            self._note("mismatch/stale_rejected", float(dropped[0] / dropped[1].clamp(min=1)))
        if self._per_turn_ratio:
            inputs.setdefault("sampling_per_token_logps", old)  # which the off-policy mask would compare with otherwise
            inputs["old_per_token_logps"] = anchored(logps, old, mask, turn_ids)

    # checkpoints

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)  # type: ignore[no-untyped-call]
        if self.args.save_only_model:
            return
        folder = Path(self._get_output_dir(trial=trial)) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        progress = {
            "micro_step": self._step,
            "batches": self._batches,
            "collector": self.collector.state(),
            "credit": self._credit.state(),
        }
        assert self.args.steps_per_generation is not None
        fresh = self._step % (self.args.steps_per_generation * self.num_iterations) == 0
        save_progress(
            folder, self._exchange.rank, self._exchange.size, progress, None if fresh else self._buffered_inputs
        )

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[no-untyped-call]
        if checkpoint is None:
            return
        progress, self._buffered_inputs = load_progress(
            Path(checkpoint), self._exchange.rank, self._exchange.size, self.accelerator.device
        )
        self._step, self._batches = progress["micro_step"], progress["batches"]
        self.collector.restore(progress["collector"])
        self._credit.restore(progress["credit"])

    # logging

    def _log_batch(self, advantages: Tensor, group_sizes: Tensor) -> None:
        assert self._collected is not None
        episodes = self._collected.episodes
        rows = self._exchange.gather(
            (turn_rows(episodes, advantages, group_sizes), [episode.played.problem for episode in episodes])
        )
        everyone = [row for part, _ in rows for row in part]
        problems = [problem for _, part in rows for problem in part]
        for name, value in {**summarize_rows(everyone), **self._collected.metrics}.items():
            self._note(name, value)
        gains = [[turn["advantage"] for turn in row["turns"] if turn["counted"]] for row in everyone]
        replace_last(self._logs["advantages"], [sum(values) / len(values) if values else 0.0 for values in gains])
        replace_last(self._logs["prompt"], [prompt_of(problem) for problem in problems])

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Logs as TRL does, but keeps the table of an update: TRL would write an evaluation's over it."""
        tables = self.log_completions
        self.log_completions = tables and self.model.training
        try:
            super().log(logs, start_time)
        finally:
            self.log_completions = tables

    def _note(self, name: str, value: float) -> None:
        self._metrics["train" if self.model.training else "eval"][name].append(value)

    def _temperature_of(self, collected: Collected) -> float:
        drawn = {episode.played.temperature for episode in collected.episodes}
        if len(drawn) != 1:
            raise RuntimeError(f"a batch was sampled at several temperatures: {sorted(drawn)}")
        return drawn.pop()

    def _patched_models(self) -> list[Any]:
        models = [self.accelerator.unwrap_model(model) for model in (self.model, self.ref_model) if model is not None]
        return [model.get_base_model() if hasattr(model, "get_base_model") else model for model in models]
