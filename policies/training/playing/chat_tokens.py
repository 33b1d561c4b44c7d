"""A conversation as tokens that only grow: the prompt, and what stands between one action and the next.

Rendering the whole conversation anew for each turn would not do. Many chat templates take things out of older turns,
so that the new rendering does not begin with the old one, and actions would be tokenised again. What follows an action
is therefore cut out of a small rendering of its own: a user's message, a reply that says `SENTINEL`, and the
observation; everything behind the sentinel.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from jinja2 import TemplateError

from kernelgym.chat import Message
from kernelgym.errors import BadUsage
from policies.special_tokens import harmless, special_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SENTINEL: Final = "KernelGymReplySentinel"
"""Stands for the action; a word that no template cuts or changes."""

PROBES: Final = ("Observation one", "Try two\n\nwith `code` and {braces}")
"""Observations by which a template is tried out; they share no begin."""


class ChatTokens:
    """Writes prompts and replies for one model, by the chat template of its tokenizer.

    Args:
        tokenizer: Of the model.
        template: A chat template instead of the tokenizer's own.
        ends: Tokens that end an action beside the tokenizer's end of sequence, e.g. of the model's generation config.

    Raises:
        BadUsage: There is no template, or it can't write a conversation that only grows; says why.
    """

    def __init__(
        self, tokenizer: "PreTrainedTokenizerBase", template: str | None = None, ends: Sequence[int] = ()
    ) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self._special = special_tokens(tokenizer)
        own = () if tokenizer.eos_token_id is None else (int(tokenizer.eos_token_id),)
        self.ends: tuple[int, ...] = tuple(dict.fromkeys((*own, *ends)))
        """Tokens that end an action, the tokenizer's own first."""
        if template is None and not tokenizer.chat_template:
            raise BadUsage(f"{self._name} has no chat template; give one, or a model that was trained for chats")
        if not self.ends:
            raise BadUsage(f"{self._name} has no end of sequence; give one of its tokens in `ends`")
        self._check()
        self._end_of_turn = self._count_end_of_turn()

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Returns a chat as the tokens after which the model writes.

        Raises:
            BadUsage: The template does not take such a chat.
        """
        return self._encode(self._render([(str(message.role), message.content) for message in messages]))

    def reply(self, observation: str, *, ended: bool) -> tuple[int, ...]:
        """Returns the tokens between an action and the next one: the end of its turn, the observation, and the begin
        of the next turn.

        Args:
            observation: What the environment says. Special tokens in it are broken up.
            ended: Whether the action's last token ended it; otherwise the end of its turn is among the tokens.
        """  # fmt: skip
        tokens = self._behind_sentinel(observation)
        return tokens[self._end_of_turn :] if ended else tokens

    def action(self, text: str) -> tuple[int, ...]:
        """Returns an action that somebody else wrote, as the model would have to sample it: for a cold start.

        It ends as an action does. Special tokens in it are broken up.
        """
        before = self._render([("user", "?")])
        begin, whole = self._encode(before), self._encode(before + harmless(text, self._special))
        if whole[: len(begin)] != begin:  # the tokenizer joins the text with what stands before it
            return (*self._encode(harmless(text, self._special)), self.ends[0])
        return (*whole[len(begin) :], self.ends[0])

    def text(self, tokens: Sequence[int]) -> str:
        """Returns an action as text, without special tokens."""
        written = tokens[:-1] if tokens and tokens[-1] in self.ends else tokens
        text = self._tokenizer.decode(list(written), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text

    def template_end(self) -> int | None:
        """Returns the special token by which the template ends a turn; None if it is an ordinary one."""
        tail = self._render_reply(PROBES[0]).partition(SENTINEL)[2]
        first = self._encode(tail)[0]
        return first if self.token(first) in self._special else None

    def token(self, token: int) -> str:
        """Returns how a token is written."""
        return str(self._tokenizer.convert_ids_to_tokens(token))

    @property
    def _name(self) -> str:
        return f"the tokenizer {getattr(self._tokenizer, 'name_or_path', '') or type(self._tokenizer).__name__}"

    def _behind_sentinel(self, observation: str) -> tuple[int, ...]:
        whole = self._render_reply(observation)
        begin = whole.partition(SENTINEL)[0] + SENTINEL
        # the tokens of the rest alone may be others: some tokenizers put a space in front of every text
        return self._encode(whole)[len(self._encode(begin)) :]

    def _count_end_of_turn(self) -> int:
        """Returns how many of the tokens behind a reply end its turn; 0 if what ends an action is not among them."""
        one, two = (self._behind_sentinel(probe) for probe in PROBES)
        before = one[: _common(one, two)]
        return next((index + 1 for index, token in enumerate(before) if token in self.ends), 0)

    def _render_reply(self, observation: str, *, begin: bool = True) -> str:
        return self._render([("user", "?"), ("assistant", SENTINEL), ("user", observation)], begin=begin)

    def _render(self, chat: Sequence[tuple[str, str]], *, begin: bool = True) -> str:
        """Returns a chat as text; with `begin`, up to where the model's turn begins."""
        messages = [{"role": role, "content": harmless(content, self._special)} for role, content in chat]
        options: dict[str, Any] = {"chat_template": self._template, "add_generation_prompt": begin, "tokenize": False}
        try:
            text = self._tokenizer.apply_chat_template(messages, **options)
        except (TemplateError, TypeError, ValueError) as error:
            raise BadUsage(
                f"the chat template of {self._name} does not take this chat ({type(error).__name__}: {error}); give "
                "another one"
            ) from error
        assert isinstance(text, str)
        return text

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _check(self) -> None:
        """Tries the template out."""
        for probe in PROBES:
            reason = self._fault(probe)
            if reason is not None:
                raise BadUsage(
                    f"the chat template of {self._name} can't write a conversation of several turns that only grows: "
                    f"{reason}; give another template"
                )

    def _fault(self, probe: str) -> str | None:
        """Returns what is wrong with how a conversation is written."""
        whole, without = self._render_reply(probe), self._render_reply(probe, begin=False)
        begin = whole[_common(whole, without) :]
        before, found, tail = whole.partition(SENTINEL)
        if not found:
            return "a reply is not in it as it was written"
        if tail.count(probe) != 1 or probe in before:
            return "what follows a reply is not in it once, after that reply"
        if not tail.endswith(begin) or probe in begin or (not begin and before != self._render([("user", "?")])):
            return "it does not end where the next reply begins"
        first = self._encode(before + SENTINEL)
        if self._encode(whole)[: len(first)] != first:
            return "the tokens of a reply depend on what follows it"
        return None


def _common(one: Sequence[object], other: Sequence[object]) -> int:
    """Returns the length of the begin that two sequences share."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
