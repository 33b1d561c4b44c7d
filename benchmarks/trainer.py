"""What the trainer costs on top of generation, evaluation and TRL's own step: `python -m benchmarks.trainer`.

A tiny model plays episodes of three turns: it really samples, an evaluation takes 20 ms. `TRLOOTrainer` learns from
them. Its own part of a step is timed: collecting around the playing, advantages, logs. Beside it, TRL's `GRPOTrainer`
plays and learns from as many episodes with the same seeds, so that steps without the playing can be compared, too: in
CPU time, as the machine may be busy with other work, and the better of some rounds of both.

The model is so small that steps are short: with a larger one the share only falls.
"""

import json
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, PrinterCallback, TrainerCallback
from transformers import logging as transformers_logging
from trl import GRPOTrainer

from kernelgym.chat import Message, Role
from policies.training.collecting.row import Row
from policies.training.playing.hf_sampler import HFSampler
from policies.training.playing.played import Ending, EpisodeRequest, PlayedEpisode, PlayedTurn
from policies.training.playing.sampler import SamplingRequest
from policies.training.trainer.batch_tensors import rollout as rollout_of
from policies.training.trainer.trloo_config import TRLOOConfig
from policies.training.trainer.trloo_trainer import TRLOOTrainer

GROUP, GROUPS, TURNS = 8, 4, 3
TOKENS = 32
"""Of an action."""
FEEDBACK = 16
PROMPT = 64
EVALUATION_S = 0.02
STEPS, WARM_UP, ROUNDS = 7, 2, 3
HIDDEN, LAYERS = 64, 2


@dataclass
class Player:
    """Samples episodes turn by turn; every round of evaluations takes `EVALUATION_S`."""

    sample: Callable[[list[SamplingRequest]], Any] | None = None
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def __call__(self, requests: Sequence[EpisodeRequest]) -> list[PlayedEpisode]:
        assert self.sample is not None
        started, cpu_started = perf_counter(), process_time()
        prompts = [tuple((request.seed + at) % 200 for at in range(PROMPT)) for request in requests]
        tokens: list[list[int]] = [[] for _ in requests]
        turn_ids: list[list[int]] = [[] for _ in requests]
        logprobs: list[list[float]] = [[] for _ in requests]
        turns: list[list[PlayedTurn]] = [[] for _ in requests]
        for number in range(TURNS):
            actions = self.sample(
                [
                    SamplingRequest(
                        tokens=(*prompt, *row),
                        seed=request.seed + number,
                        max_new_tokens=TOKENS,
                        temperature=request.temperature,
                    )
                    for request, prompt, row in zip(requests, prompts, tokens, strict=True)
                ]
            )
            sleep(EVALUATION_S)
            for row, action in enumerate(actions):
                start = len(tokens[row])
                tokens[row] += action.tokens
                turn_ids[row] += [number] * len(action.tokens)
                logprobs[row] += action.logprobs
                turn = PlayedTurn(
                    reward=float(sum(action.tokens) % 5),
                    report=None,
                    start=start,
                    stop=len(tokens[row]),
                    stopped=action.stopped,
                    text="",
                    evaluation_s=EVALUATION_S,
                )
                turns[row].append(turn)
                if number < TURNS - 1:
                    tokens[row] += [number] * FEEDBACK
                    turn_ids[row] += [-1] * FEEDBACK
                    logprobs[row] += [0.0] * FEEDBACK
        self.seconds.append(perf_counter() - started)
        self.cpu_seconds.append(process_time() - cpu_started)
        return [
            PlayedEpisode(
                problem=request.problem,
                seed=request.seed,
                temperature=request.temperature,
                prompt_ids=prompt,
                completion_ids=tuple(row),
                env_mask=tuple(int(index >= 0) for index in ids),
                turn_ids=tuple(ids),
                logprobs=tuple(logps),
                turns=tuple(parts),
                ending=Ending.FINISHED,
                messages=(Message(role=Role.USER, content=request.problem),),
            )
            for request, prompt, row, ids, logps, parts in zip(
                requests, prompts, tokens, turn_ids, logprobs, turns, strict=True
            )
        ]


class Clock(TrainerCallback):
    """Wall and CPU time of each step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.cpu_seconds: list[float] = []
        self._began = 0.0, 0.0

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        self._began = perf_counter(), process_time()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.seconds.append(perf_counter() - self._began[0])
        self.cpu_seconds.append(process_time() - self._began[1])


def run() -> dict[str, Any]:
    """Returns medians over steps: seconds of the parts of a step, and the trainer's own share of it."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    transformers_logging.set_verbosity_error()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # matrices this small gain nothing by more, and lose much on a busy machine
    with tempfile.TemporaryDirectory() as folder:
        pairs = [(_ours(Path(folder)), _theirs(Path(folder))) for _ in range(ROUNDS)]
    torch.set_num_threads(threads)
    clock, player, own = pairs[-1][0]
    step, part = median(clock.seconds[WARM_UP:]), median(own[WARM_UP:])
    rest = min(_rest(ours[0], ours[1]) for ours, _ in pairs)
    their_rest = min(_rest(*theirs) for _, theirs in pairs)
    return {
        "episodes": GROUP * GROUPS,
        "turns": TURNS,
        "completion_tokens_at_most": TURNS * TOKENS + (TURNS - 1) * FEEDBACK,
        "parameters": sum(parameter.numel() for parameter in _model().parameters()),
        "step_s": round(step, 4),
        "of_which_playing_s": round(median(player.seconds[WARM_UP:]), 4),
        "of_which_own_s": round(part, 4),
        "own_share": round(part / step, 4),
        "without_playing_cpu_s": round(rest, 4),
        "grpo_trainer_without_playing_cpu_s": round(their_rest, 4),
        "difference_share": round((rest - their_rest) / step, 4),
    }


def _rest(clock: Clock, player: Player) -> float:
    """Returns the CPU time of a step without the playing."""
    steps = zip(clock.cpu_seconds[WARM_UP:], player.cpu_seconds[WARM_UP:], strict=True)
    return median(whole - playing for whole, playing in steps)


def _ours(folder: Path) -> tuple[Clock, Player, list[float]]:
    """Returns the times of steps and of playing, and the seconds that are the trainer's own."""
    clock, player = Clock(), Player()
    trainer = TRLOOTrainer(
        _model(), _arguments(folder), problems=["core/softmax"], play=player, processing_class=_tokenizer(),
        callbacks=[clock],
    )  # fmt: skip
    player.sample = HFSampler.of_trainer(trainer, trainer.eos_token_ids).sample
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    logged = trainer.state.log_history[:STEPS]
    own = [
        entry["time/play_s"] - playing + entry["time/credit_s"]
        for entry, playing in zip(logged, player.seconds, strict=True)
    ]
    return clock, player, own


def _theirs(folder: Path) -> tuple[Clock, Player]:
    clock, player = Clock(), Player()
    steps = iter(range(STEPS))

    def play(prompts: list[Any], trainer: GRPOTrainer) -> dict[str, list[Any]]:
        step = next(steps)
        places = [divmod(at, GROUP) for at in range(len(prompts))]
        requests = [
            EpisodeRequest.of("core/softmax", run=42, step=step, group=group, rollout=rollout)
            for group, rollout in places
        ]
        return rollout_of([Row(episode).collected() for episode in player(requests)])

    rows = Dataset.from_dict({"prompt": [[{"role": "user", "content": "core/softmax"}]] * GROUPS})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        trainer = GRPOTrainer(
            _model(), args=_arguments(folder), train_dataset=rows, processing_class=_tokenizer(), callbacks=[clock],
            reward_funcs=lambda prompts, **_: [float(at % 5) for at in range(len(prompts))], rollout_func=play,
        )  # fmt: skip
    player.sample = HFSampler.of_trainer(trainer, trainer.eos_token_ids).sample
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return clock, player


def _arguments(folder: Path) -> TRLOOConfig:
    given: dict[str, Any] = {
        "output_dir": str(folder), "use_cpu": True, "bf16": False, "activation_checkpointing": False,
        "report_to": "none", "disable_tqdm": True, "save_strategy": "no", "logging_steps": 1,
        "per_device_train_batch_size": GROUP * GROUPS, "num_generations": GROUP, "max_steps": STEPS,
        "max_completion_length": TURNS * (TOKENS + FEEDBACK), "learning_rate": 1e-5, "lr_scheduler_type": "constant",
    }  # fmt: skip
    return TRLOOConfig(**given)


def _model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(_tokenizer()), hidden_size=HIDDEN, intermediate_size=2 * HIDDEN, num_hidden_layers=LAYERS,
            num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=1024,
            eos_token_id=_tokenizer().eos_token_id, bos_token_id=None,
        )
    )  # fmt: skip


def _tokenizer() -> PreTrainedTokenizerFast:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: at for at, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", padding_side="left",
        chat_template="{% for message in messages %}{{ message.content }}<|end|>{% endfor %}",
    )  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
