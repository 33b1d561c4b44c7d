"""What decides how the episodes of a run look, as the record that a run's folder keeps."""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from kernelgym.envs import Rules, style_identity
from kernelgym.problems import Problem
from kernelgym.runs.run_record import RunRecord
from policies.policy import Policy

SECRET_WORDS: Final = frozenset({"key", "token", "secret", "password", "authorization"})
"""Words in the name of an option that make its value a secret: `api_key`, but not `max_tokens`."""

HIDDEN: Final = "(secret)"

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")


def describe_run(
    policy: Policy,
    problems: Sequence[Problem],
    rules: Rules,
    *,
    samples: int,
    seed: int,
    data_seed: str = "",
    confirm: bool = False,
    policy_options: Mapping[str, str] | None = None,
) -> RunRecord:
    """Returns the record of a run; what the policy was made with is in it without secrets."""
    scaling = rules.scaling
    return RunRecord(
        policy=policy.name,
        policy_options=public_options(policy_options or {}),
        problems={problem.id: problem.reference.digest for problem in problems},
        samples=samples,
        seed=seed,
        data_seed=data_seed,
        turns=rules.max_turns,
        iterations=1 if scaling is None else scaling.iterations,
        keep=0 if scaling is None else scaling.keep,
        select="top" if scaling is None else str(scaling.select),
        target_speedup=rules.target_speedup,
        allow_submit=rules.allow_submit,
        history=str(rules.history),
        confirm=confirm,
        style=Path(rules.style).resolve().name,
        templates=style_identity(rules.style),
        feedback_tokens=rules.feedback_tokens,
        reward=rules.scorer.identity,
        config=rules.config,
        versions={name: version(name) for name in ("kernelgym", "torch", "triton")},
    )


def public_options(options: Mapping[str, str]) -> dict[str, str]:
    """Returns a policy's options with secrets and credentials in addresses replaced."""
    return {
        name: HIDDEN if SECRET_WORDS & set(re.split(r"[_\W]+", name.lower())) else _CREDENTIALS.sub("", value)
        for name, value in options.items()
    }
