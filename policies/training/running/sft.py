"""A cold start by a recipe: TRL's SFTTrainer on good turns of runs, with the loss on the completions alone.

Rows are made here and not by TRL, as they have to be token by token what reinforcement learning plays: TRL would render
the chat anew, and asks templates for marks that most of them lack.
"""

import sys
from collections import Counter
from typing import Any

from datasets import Dataset
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from kernelgym.cli.services import Services
from policies.training.plans.geometry import Geometry
from policies.training.plans.plan import Plan
from policies.training.playing.chat_tokens import ChatTokens
from policies.training.recipes.recipe import SftRecipe
from policies.training.running.examples import Examples, check_end, read_examples
from policies.training.running.journal import Journal, Stop
from policies.training.running.lifecycle import common_arguments, refusals_in_one_line, run, without_noise
from policies.training.running.loading import adapter_config, check_device, load_model, load_tokenizer
from policies.training.running.outcome import SFT_NUMBERS
from policies.training.running.output import Output
from policies.training.trainer.processes import Processes


def train(recipe: SftRecipe, plan: Plan, services: Services, *, resume: bool, as_json: bool) -> int:
    """Trains; returns the exit code.

    Raises:
        KernelGymError: The recipe can't be followed; says what to change.
    """
    assert plan.geometry is not None  # a plan that is refused is not trained
    check_device(recipe.trainer)
    output = Output(recipe.trainer.output, recipe, resume=resume)
    with without_noise():
        with refusals_in_one_line():
            config = make_config(recipe, plan.geometry)
        tokenizer = load_tokenizer(recipe.model)
        chat = ChatTokens(tokenizer)
        check_end(chat)
        examples = read_examples(recipe.data, chat)
        if config.process_index == 0:
            output.begin(recipe)
            _tell(examples)
        model = load_model(recipe.model, tokenizer)
        with refusals_in_one_line():
            trainer = SFTTrainer(
                model, config, train_dataset=make_dataset(examples),
                processing_class=tokenizer, peft_config=adapter_config(recipe.model), callbacks=[Journal(output)],
            )  # fmt: skip
        stop = Stop(Processes(trainer.accelerator))
        trainer.add_callback(stop)
        return run(trainer, output, stop, SFT_NUMBERS, as_json=as_json)


def make_config(recipe: SftRecipe, geometry: Geometry) -> SFTConfig:
    """Returns TRL's configuration."""
    arguments: dict[str, Any] = common_arguments(recipe.trainer) | {
        "num_train_epochs": recipe.trainer.epochs,
        "gradient_accumulation_steps": geometry.accumulation,
        "max_length": None,  # longer rows are left out already
    }
    return SFTConfig(**arguments | recipe.trl)


def make_dataset(examples: Examples) -> Dataset:
    """Returns rows that TRL takes as they are."""
    return Dataset.from_dict(
        {
            "input_ids": [list(row.input_ids) for row in examples.rows],
            "labels": [list(row.labels) for row in examples.rows],
        }
    )


def _tell(examples: Examples) -> None:
    """Says on standard error what is learned, and what was left out."""
    lengths = sorted(len(row.input_ids) for row in examples.rows)
    text = f"{len(lengths)} examples of {len(examples.problems)} problems, {lengths[0]:,} to {lengths[-1]:,} tokens"
    reasons: Counter[str] = +examples.left_out
    if reasons:
        text += "; left out: " + ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    print(text, file=sys.stderr)
