"""The data set that TRL asks for, though the environment has the data: a place in a batch for each problem."""

from collections.abc import Sequence

from datasets import Dataset


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


def filled(problems: Sequence[str], batch: int) -> list[str]:
    """Returns problems for an epoch of whole batches: TRL would leave out what does not fill one."""
    return [problems[index % len(problems)] for index in range(-(-len(problems) // batch) * batch)]
