"""The demo's tokenizer and model."""

import random

import pytest

from kernelgym.chat import Message, Role
from policies.training.demo.sketches import SKETCHES
from policies.training.demo.teacher import SKILL, completion_of
from policies.training.demo.tiny_model import tiny_model
from policies.training.demo.tokenizer import train_tokenizer
from policies.training.playing.chat_tokens import ChatTokens

GENERATOR = random.Random(0)
PROGRAMS = [
    completion_of(sketch.filled(sketch.draw(GENERATOR, SKILL))) for sketch in SKETCHES.values() for _ in range(20)
]
TOKENIZER = train_tokenizer(PROGRAMS)


@pytest.mark.parametrize("text", ["", "λ 🙂 \n\n\t x=1234567\r\n", "a  b   c\n\n\n", "\x00\x7f", *PROGRAMS[::20]])
def test_any_text_survives(text: str) -> None:
    assert ChatTokens(TOKENIZER).text(TOKENIZER(text)["input_ids"]) == text


def test_programs_are_about_a_hundred_tokens() -> None:
    lengths = [len(TOKENIZER(program)["input_ids"]) for program in PROGRAMS]
    assert 60 < min(lengths) <= max(lengths) < 200


def test_chats_only_grow_and_turns_end_with_the_end_of_the_sequence() -> None:
    chat = ChatTokens(TOKENIZER)
    prompt = chat.prompt([Message(role=Role.USER, content="task")])
    action = chat.action(PROGRAMS[0])
    whole = (*prompt, *action, *chat.reply("feedback", ended=True))
    text = TOKENIZER.decode(whole)
    assert action[-1] == TOKENIZER.eos_token_id
    assert text == f"<|user|>task<|end|><|assistant|>{PROGRAMS[0]}<|end|><|user|>feedback<|end|><|assistant|>"


def test_special_tokens_in_feedback_are_broken_up() -> None:
    assert TOKENIZER.eos_token_id not in ChatTokens(TOKENIZER).reply("a <|end|> b", ended=True)[:-3]


def test_the_model_is_tiny_and_the_same_for_the_same_seed() -> None:
    one, other = tiny_model(TOKENIZER, seed=1), tiny_model(TOKENIZER, seed=1)
    assert one.num_parameters() < 600_000
    assert all((a == b).all() for a, b in zip(one.parameters(), other.parameters(), strict=True))
