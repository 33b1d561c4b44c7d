"""What decides how a run's episodes look: `run.json` is one `RunRecord`."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field

from kernelgym.runs.record import Finite, Index, Number
from sandboxes.contracts import Contract, EvalConfig


class RunRecord(Contract):
    """Everything that decides how a run's episodes look: two runs may share a folder only if these are equal."""

    schema_version: Literal[1] = 1
    policy: str
    policy_options: dict[str, str] = Field(default_factory=dict)
    """What it was made with; secrets are left out."""
    problems: dict[str, str]
    """Digest of the reference by problem id."""
    samples: Number
    """Episodes per problem."""
    seed: Index
    data_seed: str = ""
    """What the seeds of all input values are derived from: a secret, or the number that was asked for."""
    turns: Number
    """Most turns of an episode, or of its first iteration."""
    iterations: Number = 1
    """Of sequential test-time scaling."""
    keep: Index = 0
    """Turns that stay in the chat at the begin of each later iteration."""
    select: str = "top"
    """Which turns stay."""
    target_speedup: Finite | None
    """Speedup that ends an episode."""
    allow_submit: bool = True
    history: str = "short"
    """What the chat keeps of older turns."""
    confirm: bool = False
    """Whether each episode's best turn is evaluated again."""
    style: str = "compact"
    """Preset of the templates, or the last part of their folder's path; no difference by itself."""
    templates: str = ""
    """Digest of their texts."""
    feedback_tokens: Number = 1000
    """Budget of one feedback."""
    reward: str
    """Identity of the reward: its name, and `name@digest` of one from a file."""
    config: EvalConfig
    versions: dict[str, str]
    """Of kernelgym, torch and triton."""

    @property
    def total_turns(self) -> int:
        """Most turns of an episode, all iterations together."""
        return self.turns + (self.iterations - 1) * (self.turns - self.keep)

    def differences(self, other: Self) -> list[str]:
        """Returns one phrase per field in which `other` differs, e.g. `turns is 3 there and 5 here`.

        A data seed that `other` leaves open is no difference, and neither are the policy's options, e.g. a rate limit,
        nor where templates lie: the policy's name and the templates' digest say whether they do the same.
        """
        mine, theirs = self.model_dump(mode="json"), other.model_dump(mode="json")
        found = []
        for field in mine:
            if field in ("policy_options", "style"):
                continue
            if field == "problems":
                found += _different_problems(mine[field], theirs[field])
            elif field == "data_seed":
                found += _different_seeds(mine[field], theirs[field])
            elif isinstance(mine[field], dict):
                names = sorted(mine[field].keys() | theirs[field].keys())
                found += [
                    f"{name} is {mine[field].get(name)} there and {theirs[field].get(name)} here"
                    for name in names
                    if mine[field].get(name) != theirs[field].get(name)
                ]
            elif mine[field] != theirs[field]:
                found.append(f"{field.replace('_', ' ')} is {mine[field]} there and {theirs[field]} here")
        return found


def _different_seeds(mine: str, theirs: str) -> list[str]:
    if not theirs or mine == theirs:
        return []
    return [f"data seed is {mine if mine.isdecimal() and len(mine) < 20 else 'secret'} there and {theirs} here"]


def _different_problems(mine: dict[str, str], theirs: dict[str, str]) -> list[str]:
    phrases = []
    for names, where in ((mine.keys() - theirs.keys(), "only there"), (theirs.keys() - mine.keys(), "only here")):
        if names:
            phrases.append(f"{_some(sorted(names))} {'is' if len(names) == 1 else 'are'} {where}")
    if changed := sorted(name for name in mine.keys() & theirs.keys() if mine[name] != theirs[name]):
        phrases.append(f"the reference of {_some(changed)} has changed")
    return phrases


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
