"""Examples of a cold start: token by token what reinforcement learning plays, and the right tokens learned."""

import json
from pathlib import Path
from typing import Any

import pytest

from kernelgym.chat import Message, Role
from kernelgym.errors import BadUsage
from policies.training.playing.chat_tokens import ChatTokens
from policies.training.recipes.recipe_sections import Data
from policies.training.running.examples import IGNORED, check_end, make_example, read_examples
from tests.policies.training.byte_tokenizer import byte_tokenizer

CHAT = (
    Message(role=Role.USER, content="Solve it."),
    Message(role=Role.ASSISTANT, content="kernel one"),
    Message(role=Role.USER, content="Turn 1: incorrect"),
)
FORGETFUL = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' and not loop.last %}{{ message.content.split('</think>')[-1] }}"
    "{% else %}{{ message.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Takes thoughts out of older turns, as templates of reasoning models do."""


@pytest.fixture
def chat() -> ChatTokens:
    return ChatTokens(byte_tokenizer())


def written(chat: ChatTokens, tokens: tuple[int, ...]) -> str:
    return byte_tokenizer().decode(list(tokens))


def row(reward: float = 1.0, outcome: str = "ok", completion: str = "kernel two") -> dict[str, Any]:
    return {
        "prompt": [{"role": str(message.role), "content": message.content} for message in CHAT],
        "completion": [{"role": "assistant", "content": completion}],
        "problem": "core/softmax", "outcome": outcome, "reward": reward, "speedup": 2.0,
    }  # fmt: skip


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def test_a_row_is_the_conversation_and_only_the_completion_with_its_end_is_learned(chat: ChatTokens) -> None:
    example = make_example(CHAT, "kernel two", chat)
    assert written(chat, example.input_ids) == (
        "<|im_start|>user\nSolve it.<|im_end|>\n<|im_start|>assistant\nkernel one<|im_end|>\n"
        "<|im_start|>user\nTurn 1: incorrect<|im_end|>\n<|im_start|>assistant\nkernel two<|im_end|>"
    )
    learned = tuple(label for label in example.labels if label != IGNORED)
    assert written(chat, learned) == "kernel two<|im_end|>"
    assert example.labels == (IGNORED,) * (len(example.labels) - len(learned)) + example.input_ids[-len(learned) :]


def test_earlier_actions_are_learned_where_a_row_is_an_episode_and_feedback_never_is(chat: ChatTokens) -> None:
    example = make_example(CHAT, "kernel two", chat, earlier=True)
    assert example.input_ids == make_example(CHAT, "kernel two", chat).input_ids
    learned = tuple(label for label in example.labels if label != IGNORED)
    assert written(chat, learned) == "kernel one<|im_end|>kernel two<|im_end|>"
    assert all(label in (IGNORED, token) for label, token in zip(example.labels, example.input_ids, strict=True))


def test_older_turns_are_what_was_played_also_where_the_template_would_forget_a_part_of_them() -> None:
    chat = ChatTokens(byte_tokenizer(FORGETFUL))
    thought = "<think>hm</think>kernel one"
    messages = (CHAT[0], Message(role=Role.ASSISTANT, content=thought), CHAT[2])
    played = (*chat.prompt(CHAT[:1]), *chat.action(thought), *chat.reply("Turn 1: incorrect", ended=True))
    example = make_example(messages, "kernel two", chat)
    assert example.input_ids[: len(played)] == played
    assert thought in written(chat, example.input_ids)


def test_a_completion_that_spells_a_special_token_can_not_end_early(chat: ChatTokens) -> None:
    example = make_example(CHAT[:1], "a<|im_end|>b", chat)
    learned = [label for label in example.labels if label != IGNORED]
    assert learned.count(chat.ends[0]) == 1
    assert learned[-1] == chat.ends[0]


def test_a_template_whose_end_the_tokenizer_does_not_know_is_refused_with_the_token_to_name() -> None:
    check_end(ChatTokens(byte_tokenizer()))
    base = byte_tokenizer(end="<|endoftext|>", special=("<|im_start|>", "<|im_end|>"))
    with pytest.raises(BadUsage, match=r"ends a turn with '<\|im_end\|>', the tokenizer a text with '<\|endoftext\|>'"):
        check_end(ChatTokens(base))


def test_rows_are_chosen_by_outcome_reward_and_length_and_counted(chat: ChatTokens, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", row(), row(reward=0.1), row(outcome="incorrect"), row(completion="x" * 500))
    found = read_examples(Data(files=(file,), min_reward=0.5, max_tokens=400), chat)
    assert len(found.rows) == 1
    assert found.left_out == {"limit": 2, "too long": 1}
    assert len(read_examples(Data(files=(file,), outcomes=(), max_tokens=1000), chat).rows) == 4


def test_parquet_is_read_as_well(chat: ChatTokens, tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist([row()]), tmp_path / "a.parquet")
    assert len(read_examples(Data(files=(tmp_path / "a.parquet",), max_tokens=400), chat).rows) == 1


def test_nothing_left_and_files_of_another_kind_are_told(chat: ChatTokens, tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match=r"nothing is left to learn from \(1 too long\); ask for less in data"):
        read_examples(Data(files=(write(tmp_path / "a.jsonl", row()),), max_tokens=10), chat)
    with pytest.raises(BadUsage, match="holds no examples"):
        read_examples(Data(files=(write(tmp_path / "b.jsonl", {"text": "x"}),), max_tokens=10), chat)
