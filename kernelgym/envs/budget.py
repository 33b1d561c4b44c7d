"""Keeps feedback within a budget of tokens: the least important facts go first, and only then is text cut.

Tokenizers differ, and none is needed to play: `estimate_tokens` errs on the safe side. Who knows the model hands its
own counter to `Rules.count_tokens`.
"""

import re
from collections.abc import Callable
from typing import Final

from kernelgym.envs.facts import Feedback
from kernelgym.envs.shedding import STEPS, TERSE, head, reductions

CLIPPABLE: Final = 12
"""Characters below which the beginning of a text says nothing."""

LONG_WORD: Final = 16
"""Letters and digits in a row from which they are no word: such text is cut into many short tokens."""

_WORD: Final = re.compile(rf"[A-Za-z0-9]{{{LONG_WORD + 1},}}")
_PIECE: Final = re.compile(r"[A-Za-z]+|[0-9]|\n|[ \t]{2,}|[^A-Za-z0-9\s]")


def estimate_tokens(text: str) -> int:
    """Returns about how many tokens a text has for today's models, rather too many than too few.

    The larger of two: a token for every three characters; and one for every word, digit and sign. What is not ASCII
    counts a token for every byte, and words of more than `LONG_WORD` letters count three for every four.
    """
    other = sum(len(character.encode("utf-8", "surrogatepass")) for character in text if character > "\x7f")
    plain = "".join(character for character in text if character <= "\x7f")
    long = sum(len(word) for word in _WORD.findall(plain))
    rest = _WORD.sub("", plain)
    return other + -(-3 * long // 4) + max(len(_PIECE.findall(rest)), -(-len(rest) // 3))


def fit(
    facts: Feedback, render: Callable[[Feedback], str], budget: int, count: Callable[[str], int] | None = None
) -> str:
    """Returns the feedback with as many facts as the budget has room for.

    Args:
        facts: All of them.
        render: Lays them out.
        budget: Tokens.
        count: Counts them; None: `estimate_tokens`.
    """
    count = count or estimate_tokens
    text = render(facts)
    if count(text) <= budget:
        return text
    least = facts
    for least in reductions(facts, STEPS):
        text = render(least)
        if count(text) <= budget:
            return text
    for terse in reductions(least, TERSE):
        whole = render(terse)
        if count(whole) <= budget:
            return whole
    return _cut(text, budget, count)


def _cut(text: str, budget: int, count: Callable[[str], int]) -> str:
    """Returns a text without the end of its middle: first and last line stay as long as there is room for them."""
    first, _, rest = text.partition("\n")
    body, _, tail = rest.rpartition("\n")

    def without_middle(size: int) -> str:
        middle = f"{head(body.rstrip(), size)}\n" if size >= CLIPPABLE else ""
        return f"{first}\n{middle}\n{tail}"

    def without_end(size: int) -> str:
        return f"{first}\n{tail}"[:size]

    for shorten in (without_middle, without_end):
        size = len(text)
        while size > 0 and count(shorten(size)) > budget:
            size = size * 7 // 8
        if count(shorten(size)) <= budget:
            return shorten(size)
    return ""
