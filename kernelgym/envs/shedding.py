"""What goes first if a feedback is too long: the least important facts, one after the other, then words.

The verdict, the first thing to fix or what limits the speed, and what comes next stay to the end.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from kernelgym.envs.facts import Feedback, Performance, SourceLine

Step = Callable[[Feedback], Feedback]

MAX_DROPPED: Final = 8
"""Letters at the end of a cut text that are left out because they are not the whole word."""


def reductions(facts: Feedback, steps: tuple[Step, ...]) -> Iterator[Feedback]:
    """Yields the facts with less and less."""
    for step in steps:
        fewer = step(facts)
        if fewer != facts:
            yield fewer
        facts = fewer


def _fewer_notes(facts: Feedback) -> Feedback:
    return replace(facts, notes=facts.notes[:-1])


def _fewer_messages(facts: Feedback) -> Feedback:
    return replace(facts, also=facts.also[:-1], also_more=0)


def _fewer_details(facts: Feedback, *, kernels: int, lines: int) -> Feedback:
    return replace(facts, performance=facts.performance and _shorter(facts.performance, kernels, lines))


def _shorter(profile: Performance, kernels: int, lines: int) -> Performance:
    dropped = profile.kernels[kernels:]
    return replace(
        profile,
        kernels=profile.kernels[:kernels],
        more=profile.more + len(dropped) if kernels else 0,
        more_us=profile.more_us + sum(kernel.time_us for kernel in dropped),
        hot_lines=profile.hot_lines[:lines],
        advice=profile.advice[: max(1, kernels)],
        unpriced=profile.unpriced[:kernels],
    )


def _without_passed(facts: Feedback) -> Feedback:
    return replace(facts, passed=None)


def _fewer_failures(facts: Feedback) -> Feedback:
    return replace(facts, failed=facts.failed[: max(1, len(facts.failed) - 1)], failed_more=0)


def _fewer_rules(facts: Feedback) -> Feedback:
    return replace(facts, rules=facts.rules[: max(1, len(facts.rules) - 1)])


def _without_context(facts: Feedback) -> Feedback:
    fix = facts.fix and replace(facts.fix, lines=_blamed(facts.fix.lines))
    return replace(facts, fix=fix, rules=tuple(replace(rule, lines=_blamed(rule.lines)) for rule in facts.rules))


def _blamed(lines: tuple[SourceLine, ...]) -> tuple[SourceLine, ...]:
    return tuple(line for line in lines if line.blamed)


def _brief(facts: Feedback) -> Feedback:
    return replace(facts, failed=(), brief=True)


def _clipped(facts: Feedback, *, room: int) -> Feedback:
    """Cuts every text on what to fix to `room` characters."""
    fix, rules = facts.fix, facts.rules
    if fix is not None:
        fix = replace(
            fix,
            message=head(fix.message, room),
            case=fix.case and head(fix.case, room),
            pattern=fix.pattern and head(fix.pattern, room),
            lines=_cut(fix.lines, room),
            hint=fix.hint and head(fix.hint, room),
        )
    rules = tuple(replace(rule, evidence=head(rule.evidence, room), lines=_cut(rule.lines, room)) for rule in rules)
    return replace(facts, fix=fix, rules=rules)


def head(text: str, room: int) -> str:
    """Returns the beginning of a text up to the end of a word, with `...` for what is missing.

    Where more than `MAX_DROPPED` letters of a word would be lost, it is cut through.

    Args:
        text: Any.
        room: Characters, at least 3.
    """
    if len(text) <= room:
        return text
    start = text[: room - 3]
    end = max(start.rfind(" "), start.rfind("\n"))
    if end > 0 and len(start) - end <= MAX_DROPPED + 1 and not text[room - 3].isspace():
        start = start[:end]
    return start.rstrip(" \n.") + "..."


def _cut(lines: tuple[SourceLine, ...], room: int) -> tuple[SourceLine, ...]:
    return tuple(replace(line, text=line.text[:room]) for line in lines)


def _without_hint(facts: Feedback) -> Feedback:
    return replace(facts, fix=facts.fix and replace(facts.fix, hint=None))


def _without_best(facts: Feedback) -> Feedback:
    return replace(facts, best=None)


def _without_place(facts: Feedback) -> Feedback:
    fix = facts.fix and replace(facts.fix, lines=(), case=None, pattern=None)
    return replace(facts, fix=fix, rules=tuple(replace(rule, lines=()) for rule in facts.rules))


STEPS: Final[tuple[Step, ...]] = (
    *[_fewer_notes] * 4,
    *[_fewer_messages] * 4,
    partial(_fewer_details, kernels=4, lines=2),
    partial(_fewer_details, kernels=2, lines=2),
    _without_passed,
    *[_fewer_failures] * 4,
    *[_fewer_rules] * 3,
    partial(_clipped, room=600),
    partial(_fewer_details, kernels=1, lines=1),
    _without_context,
    _brief,
    partial(_fewer_details, kernels=1, lines=0),
    partial(_clipped, room=300),
    partial(_fewer_details, kernels=0, lines=0),
    partial(_clipped, room=160),
    _without_hint,
    _without_best,
    partial(_clipped, room=80),
    _without_place,
)

TERSE: Final[tuple[Step, ...]] = tuple(partial(_clipped, room=room) for room in (60, 40, 24, 12))
"""What follows `STEPS`: shorter words, for texts that must not be cut through, such as JSON."""
