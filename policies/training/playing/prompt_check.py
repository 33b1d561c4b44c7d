"""Measures the prompts of a training before it begins, as one that is too long would only be met hours later."""

from collections.abc import Iterable, Sequence
from typing import Final

from kernelgym.chat import Message, Role
from kernelgym.envs import KernelVectorEnv
from kernelgym.errors import BadUsage, EvaluatorBroken, InvalidReference
from policies.training.exchange import Exchange
from policies.training.playing.chat_tokens import ChatTokens
from policies.training.playing.play import TokenBudget
from policies.training.playing.seating import begin

MOST: Final = 256
"""Problems that are measured: describing one may take a second, and a set may have tens of thousands."""

NAMED: Final = 5
"""Further problems that a refusal names."""


def check_prompts(
    problems: Sequence[str], environment: KernelVectorEnv, chat: ChatTokens, budget: TokenBudget, exchange: Exchange
) -> None:
    """Checks that the prompt of each problem leaves room for a first action; every process has to call this.

    Each process measures its share. Of many problems, only the `MOST` with the longest references are measured: those
    are what prompts quote. A problem that the evaluator fails to describe stays unmeasured, unless it is so with all.

    Args:
        problems: Ids.
        environment: Where they are going to be played; its episodes are over after this.
        chat: Of the model.
        budget: Without a context, there is nothing to check.
        exchange: Among all processes.

    Raises:
        BadUsage: Some prompts are too long; names them, with their numbers. Or a reference can't be described.
        EvaluatorBroken: No problem at all could be described.
        KernelGymError: A problem does not exist.
    """
    if budget.context is None or not problems:
        return
    mine = _longest(dict.fromkeys(problems), environment)[exchange.rank :: exchange.size]
    lengths: dict[str, int] = {}
    fault: str | None = None
    invalid: str | None = None
    for first in range(0, len(mine), environment.num_envs):
        part = mine[first : first + environment.num_envs]
        for seat, task in begin(environment, dict(enumerate(part))).items():
            if isinstance(task, EvaluatorBroken):
                fault = str(task)
            elif isinstance(task, InvalidReference):
                invalid = str(task)
            else:
                lengths[part[seat]] = len(chat.prompt((Message(role=Role.USER, content=task),)))
    everything = exchange.gather((lengths, fault, invalid))
    if unusable := next((why for _, _, why in everything if why is not None), None):
        raise BadUsage(unusable)
    measured: dict[str, int] = {problem: tokens for known, _, _ in everything for problem, tokens in known.items()}
    if not measured:
        raise EvaluatorBroken(next(why for _, why, _ in everything if why is not None))
    refused = [problem for problem, tokens in sorted(measured.items()) if budget.refusal(problem, tokens) is not None]
    if refused:
        first_refusal = budget.refusal(refused[0], measured[refused[0]])
        others = [f"{problem} ({measured[problem]})" for problem in refused[1 : NAMED + 1]]
        if hidden := len(refused) - 1 - len(others):
            others.append(f"and {hidden} more")
        raise BadUsage(f"{first_refusal}{'; so it is with ' + ', '.join(others) if others else ''}")


def _longest(problems: Iterable[str], environment: KernelVectorEnv) -> list[str]:
    """Returns the ids of the problems to measure, the longest reference first if there are too many."""
    ids = list(problems)
    if len(ids) <= MOST:
        return ids
    return sorted(ids, key=lambda problem: -len(environment.problem(problem).reference.source))[:MOST]
