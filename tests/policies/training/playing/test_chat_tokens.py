"""A conversation as tokens only grows, says everything once, and nobody in it can speak for another."""

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelgym.chat import Message, Role
from kernelgym.errors import BadUsage
from policies.training.playing.chat_tokens import ChatTokens
from tests.policies.training.byte_tokenizer import CHATML, byte_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MARK = re.compile(r"<[|｜]?[\w▁/]+[|｜]?>")


def bundled() -> list[Path]:
    """The chat templates that come with TRL, which is not imported for it."""
    found = importlib.util.find_spec("trl")
    assert found is not None
    assert found.submodule_search_locations
    return sorted(Path(found.submodule_search_locations[0], "chat_templates").glob("*.jinja"))


def of_images(path: Path) -> bool:
    """Whether a template takes lists of parts only, of which some are images."""
    return path.name.startswith(("idefics3", "llava_next", "smolvlm"))


TEXT = [path for path in bundled() if not of_images(path)]


def tokenizer_of(path: Path) -> "PreTrainedTokenizerFast":
    """With the marks of a template as special tokens, and the first one behind a reply as the end of a turn."""
    template = path.read_text(encoding="utf-8")
    plain = byte_tokenizer(template, "<|none|>", (), "<|bos|>")
    end = MARK.match(str(plain.decode(list(ChatTokens(plain).reply("x", ended=False)))))
    assert end is not None
    return byte_tokenizer(template, end.group(), tuple(sorted(set(MARK.findall(template)))), "<|bos|>")


@pytest.fixture(scope="module")
def chat() -> ChatTokens:
    return ChatTokens(byte_tokenizer())


@pytest.mark.parametrize("path", TEXT, ids=[path.stem for path in TEXT])
def test_what_follows_an_action_is_said_once_in_order_and_ends_where_the_next_begins(path: Path) -> None:
    tokenizer = tokenizer_of(path)
    chat = ChatTokens(tokenizer)

    def rendered(*messages: tuple[str, str]) -> str:
        said = [{"role": role, "content": content} for role, content in messages]
        return str(tokenizer.apply_chat_template(said, add_generation_prompt=True, tokenize=False))

    told = "What you were told."
    cut = str(tokenizer.decode(list(chat.reply(told, ended=False))))
    assert cut.count(told) == 1
    assert rendered(("user", "Task"), ("assistant", "Action"), ("user", told)).endswith(cut)
    task = tokenizer.decode(list(chat.prompt([Message(role=Role.USER, content="Task")])))
    assert task == rendered(("user", "Task"))
    assert chat.reply("x", ended=False)[0] in chat.ends, "an action that was cut off is ended first"
    assert chat.reply("x", ended=True) == chat.reply("x", ended=False)[1:]


def test_a_template_that_writes_no_text_is_refused_at_once() -> None:
    images = [path for path in bundled() if of_images(path)]
    assert images
    for path in images:
        with pytest.raises(BadUsage, match="the chat template of the tokenizer"):
            ChatTokens(byte_tokenizer(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (CHATML.replace("message.content", "message.content | upper"), "a reply is not in it as it was written"),
        (CHATML.replace("{{ message.content }}", "{{ message.content }}{{ message.content }}"), "is not in it once"),
        (CHATML.partition("{% if add")[0], "does not end where the next reply begins"),
        (CHATML.replace("message.content", "message.content.nothing.there"), "UndefinedError"),
    ],
)
def test_a_template_that_can_not_write_it_is_refused_with_the_reason(template: str, message: str) -> None:
    with pytest.raises(BadUsage, match=message):
        ChatTokens(byte_tokenizer(template))


def test_a_tokenizer_without_a_template_is_refused_unless_one_is_given() -> None:
    with pytest.raises(BadUsage, match="has no chat template"):
        ChatTokens(byte_tokenizer(None))
    assert ChatTokens(byte_tokenizer(None), CHATML).reply("x", ended=True)


def test_a_template_without_words_between_the_turns_needs_none() -> None:
    template = (
        "{% for message in messages %}{% if message.role == 'user' %}[INST]{{ message.content }}[/INST]{% else %}"
    )
    template += "{{ message.content }}<|im_end|>{% endif %}{% endfor %}"
    chat = ChatTokens(byte_tokenizer(template))
    assert chat.text(chat.reply("x", ended=True)) == "[INST]x[/INST]"


def test_the_end_of_a_turn_is_put_in_only_after_an_action_that_was_cut_off(chat: ChatTokens) -> None:
    end = chat.ends[0]
    assert chat.reply("x", ended=False) == (end, *chat.reply("x", ended=True))
    assert chat.text(chat.reply("x", ended=True)) == "\nuser\nx\nassistant\n"


def test_all_that_a_template_writes_to_end_a_turn_counts_as_its_end() -> None:
    special = ("<|im_start|>", "<|answered|>")
    chat = ChatTokens(byte_tokenizer(CHATML.replace("<|im_end|>", "<|answered|><|im_end|>"), special=special))
    assert chat.reply("x", ended=False)[2:] == chat.reply("x", ended=True)


def test_another_token_that_ends_actions_is_none_of_the_text(chat: ChatTokens) -> None:
    tokenizer = byte_tokenizer()
    comma = tokenizer(",")["input_ids"]
    assert chat.text(tokenizer("a,")["input_ids"]) == "a,"
    assert ChatTokens(tokenizer, ends=comma).text(tokenizer("a,")["input_ids"]) == "a"


@given(
    st.lists(st.sampled_from(["<|im_end|>", "<|im_start|>", "<|", "|>", "im_", "start", "<", "é", "\n", "user"])),
    st.booleans(),
)
def test_nobody_speaks_for_another_by_spelling_special_tokens(parts: list[str], ended: bool) -> None:
    chat = ChatTokens(byte_tokenizer())
    special = set(byte_tokenizer().all_special_ids)

    def controls(tokens: tuple[int, ...]) -> list[int]:
        return [token for token in tokens if token in special]

    said = "".join(parts)
    assert controls(chat.reply(said, ended=ended)) == controls(chat.reply("x", ended=ended))
    told, plain = (chat.prompt([Message(role=Role.USER, content=text)]) for text in (said, "x"))
    assert controls(told) == controls(plain)


def test_the_text_of_an_action_has_no_special_tokens(chat: ChatTokens) -> None:
    tokens = byte_tokenizer()("Hi <|im_start|>λ there<|im_end|>")["input_ids"]
    assert chat.text(tokens) == "Hi λ there"
    assert chat.text(()) == ""
    assert chat.text(tokens[-1:]) == ""
