"""Changes text: cuts, repeats, swaps and strange characters."""

import re

from tests.agreement.choices import Choices

ODD = (
    "", " ", "\0", "\n", "\r", "\x1b[2J\x1b[31m", "\x1b]0;title\x07", "\u202e\u2066", "\u2028", "\ufeff", "\ud800",
    "\udcff", "\u0301" * 50, "[red]bold[/red]", "[/]", "`", "```", "~~~", '"""', "'''", "'", '"', "\\", "\\\n", "%s",
    "{0}", "{", "}", "(", ")", "<", ">", "[", "]", ":", ",", "-", "~", "#", "//", "0x", "-1", "9" * 500, "١", "ﬀ", "𝒳",
    "class ModelNew:", "```python\n", "<script>", "</div>", "aten::item.default", "a" * 500,
)  # fmt: skip
"""Characters and words that mean something to somebody on the way."""

MAX_REPEATS = 3_000
MAX_CHARACTERS = 2**20
_PIECE = re.compile(r"\s+|\w+|.", re.DOTALL)


def odd_text(choices: Choices) -> str:
    """A text that nobody expects, now and then a long one."""
    text = "".join(choices.pick(ODD) for _ in range(choices.integer(1, 4)))
    return text * choices.pick((2, 2, 10, 10, 100, 1000, MAX_REPEATS)) if choices.chance(5) else text


def changed_text(text: str, choices: Choices) -> str:
    """The text after a few changes of its pieces: words, spaces and signs."""
    pieces = _PIECE.findall(text)
    for _ in range(choices.integer(1, 4)):
        first = choices.integer(0, len(pieces))
        last = min(len(pieces), first + choices.pick((0, 1, 1, 2, 5, 20, 100)))
        run = pieces[first:last]
        other = choices.integer(0, len(pieces))
        match choices.integer(0, 5):
            case 0:
                pieces[first:last] = []
            case 1:
                pieces[first:last] = [odd_text(choices)]
            case 2:
                times = choices.pick((2, 2, 3, 3, 10, 50, 1000))
                pieces[first:last] = run * min(times, 1 + MAX_CHARACTERS // (1 + sum(map(len, run))))
            case 3:
                pieces[other:other] = run
            case 4:
                pieces[first:last] = pieces[other : other + choices.integer(1, 8)]
            case _:
                pieces[first:last] = reversed(run)
    return "".join(pieces)[:MAX_CHARACTERS]
