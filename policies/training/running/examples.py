"""Examples of a cold start: good turns of runs as tokens, exactly as reinforcement learning will see a conversation."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kernelgym.chat import Message, Role
from kernelgym.errors import BadUsage
from kernelgym.runs.export import Format, Limits, export
from policies.training.playing.chat_tokens import ChatTokens
from policies.training.recipes.recipe_sections import Data

IGNORED: Final = -100
"""Label of a token that is not learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row: a chat and the completion that is learned."""

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    """The tokens of the completion with the one that ends it, `IGNORED` elsewhere."""


@dataclass(slots=True, kw_only=True)
class Examples:
    """What a cold start learns, and what it does not."""

    rows: list[Example] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """How many turns, by reason."""
    problems: set[str] = field(default_factory=set)


def read_examples(data: Data, chat: ChatTokens) -> Examples:
    """Returns the examples that a recipe names.

    Raises:
        BadUsage: A file can't be read, or nothing is left to learn.
        RunFolderUnusable: A folder holds no run.
    """
    found = Examples()
    for row in _rows(data, found.left_out):
        example = make_example(
            [_message(message) for message in row["prompt"]], row["completion"][0]["content"], chat,
            earlier=data.earlier_turns,
        )  # fmt: skip
        if len(example.input_ids) > data.max_tokens:
            found.left_out["too long"] += 1
            continue
        found.rows.append(example)
        found.problems.add(str(row.get("problem")))
    if not found.rows:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(found.left_out.items()))
        raise BadUsage(f"nothing is left to learn from ({reasons or 'there are no turns'}); ask for less in data")
    return found


def make_example(prompt: Sequence[Message], completion: str, chat: ChatTokens, *, earlier: bool = False) -> Example:
    """Returns a chat and its completion as tokens.

    Older turns are written as they are in an episode: each action as it would be sampled, each feedback as `reply`
    writes it. The chat template's own rendering of a whole conversation may differ, e.g. leave out older thoughts.

    Args:
        prompt: The chat up to the completion.
        completion: What is learned.
        chat: Writes both.
        earlier: Whether the actions in the chat are learned, too.
    """
    first = next(index for index, message in enumerate(prompt) if message.role is Role.USER) + 1
    tokens = list(chat.prompt(prompt[:first]))
    labels = [IGNORED] * len(tokens)
    for message in prompt[first:]:
        spoken = message.role is Role.ASSISTANT
        said = chat.action(message.content) if spoken else chat.reply(message.content, ended=True)
        tokens += said
        labels += said if spoken and earlier else [IGNORED] * len(said)
    action = chat.action(completion)
    return Example(input_ids=(*tokens, *action), labels=(*labels, *action))


def check_end(chat: ChatTokens) -> None:
    """Checks that actions end as the chat template ends a turn: a model that learns another end never stops.

    Raises:
        BadUsage: They do not; says what to set.
    """
    ends = chat.template_end()
    if ends is not None and ends not in chat.ends:
        raise BadUsage(
            f"the chat template ends a turn with {chat.token(ends)!r}, the tokenizer a text with "
            f"{chat.token(chat.ends[0])!r}; set model.end_token to the former"
        )


def _rows(data: Data, left_out: Counter[str]) -> Iterator[dict[str, Any]]:
    if data.runs:
        limits = Limits(
            best=data.best, outcomes=frozenset(data.outcomes), min_reward=data.min_reward, min_speedup=data.min_speedup,
            distinct=data.distinct, max_per_problem=data.max_per_problem,
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="kernelgym-") as folder:
            file = Path(folder) / "examples.jsonl"
            left_out.update(export(data.runs, file, Format.SFT, limits).left_out)
            yield from _lines(file)
    for path in data.files:
        for row in _checked(_parquet(path) if path.suffix == ".parquet" else _lines(path), path):
            if _allowed(row, data):
                yield row
            else:
                left_out["limit"] += 1


def _allowed(row: dict[str, Any], data: Data) -> bool:
    outcome, reward, speedup = row.get("outcome"), row.get("reward"), row.get("speedup")
    return (
        (not data.outcomes or outcome is None or outcome in data.outcomes)
        and (data.min_reward is None or (reward is not None and reward >= data.min_reward))
        and (data.min_speedup is None or (speedup is not None and speedup >= data.min_speedup))
    )


def _checked(rows: Iterable[dict[str, Any]], path: Path) -> Iterator[dict[str, Any]]:
    try:
        for row in rows:
            prompt, completion = row["prompt"], row["completion"]
            if [message["role"] for message in completion] != ["assistant"] or prompt[-1]["role"] != "user":
                raise KeyError("completion")
            yield row
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise BadUsage(
            f"{path} holds no examples ({type(error).__name__}: {error}); give a file of `kernelgym export --format "
            "sft`"
        ) from error


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - an extra

    for batch in ParquetFile(path).iter_batches():
        yield from batch.to_pylist()


def _message(message: dict[str, str]) -> Message:
    return Message(role=Role(message["role"]), content=message["content"])
