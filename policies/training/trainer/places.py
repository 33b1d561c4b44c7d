"""The data set that TRL asks for, though the environment has the data: a place in a batch for each problem."""

from collections.abc import Sequence
from math import gcd

from datasets import Dataset

from policies.training.trainer.trloo_config import TRLOOConfig


def prompt_of(problem: str) -> list[dict[str, str]]:
    """Returns what stands for a prompt in TRL's logs; the real one is made by the environment."""
    return [{"role": "user", "content": problem}]


def places(problems: Sequence[str]) -> Dataset:
    """Returns a row for each of these problems."""
    return Dataset.from_dict(
        {
            "prompt": [prompt_of(problem) for problem in problems],
            "problem": list(problems),
            "place": list(range(len(problems))),
        }
    )


def filled(problems: Sequence[str], multiple: int) -> list[str]:
    """Returns problems, again from the first where needed, for an epoch of a multiple of so many places."""
    return [problems[index % len(problems)] for index in range(-(-len(problems) // multiple) * multiple)]


def whole_updates(args: TRLOOConfig) -> int:
    """Returns the number of places that an epoch has to have a multiple of.

    TRL leaves out what does not fill a batch, and an update that has not accumulated all it should by the end of an
    epoch is made of less.
    """
    assert args.generation_batch_size is not None
    assert args.steps_per_generation is not None
    assert args.num_generations is not None
    micro_steps = args.steps_per_generation * args.num_iterations
    batches = args.gradient_accumulation_steps // gcd(args.gradient_accumulation_steps, micro_steps)
    return batches * (args.generation_batch_size // args.num_generations)
