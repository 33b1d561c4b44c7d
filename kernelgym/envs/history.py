"""What stays in the chat of an older turn: by default its code, its verdict and the one lesson.

The newest turn of a chat is always shown in full.
"""

from typing import Final

from kernelgym.chat import Message, Role
from kernelgym.envs.facts import Feedback, PastTurn
from kernelgym.envs.feedback import collect_feedback
from kernelgym.envs.rules import Rules
from kernelgym.envs.styles import get_style
from kernelgym.envs.turn import Turn
from kernelgym.reports.wording import plain
from sandboxes.contracts import clip

MAX_LESSON: Final = 240
"""Characters of a lesson."""

MAX_EXCERPT: Final = 400
"""Characters of a completion without code."""


def write_history(turn: Turn, rules: Rules) -> tuple[Message, Message]:
    """Returns an older turn as messages: what the agent wrote, and what it was told.

    Args:
        turn: Not the newest one.
        rules: Of the episode; `rules.style` lays it out.

    Raises:
        BadUsage: The style's template fails.
    """
    style = get_style(rules.style)
    facts = collect_feedback(turn.report, turn.reward, turn.submission, previous=(), rules=rules, over=False)
    said = [
        PastTurn(
            role=role,
            number=turn.number,
            turns=rules.total_turns,
            completion=turn.completion,
            code=None if turn.submission is None else turn.submission.source,
            excerpt=clip(turn.completion, MAX_EXCERPT),
            feedback=turn.observation,
            outcome=facts.outcome,
            summary=facts.summary,
            lesson=_lesson(facts),
        )
        for role in ("assistant", "user")
    ]
    written, told = (style.render("history", each) for each in said)
    return Message(role=Role.ASSISTANT, content=written), Message(role=Role.USER, content=plain(told))


def _lesson(facts: Feedback) -> str | None:
    if facts.fix is not None:
        messages = [facts.fix.message, *([facts.fix.pattern] if facts.fix.pattern else [])]
        at = f" (line {facts.fix.line})" if facts.fix.line else ""
        return clip(" ".join("; ".join(messages).split()), MAX_LESSON) + at
    if facts.rules:
        return clip(f"Rule `{facts.rules[0].name}` is broken: {facts.rules[0].evidence}", MAX_LESSON)
    if facts.performance is not None and facts.performance.limit is not None:
        said = f"What limits it: {facts.performance.limit}"
        if facts.performance.advice:
            said += f" What would help most, by the model: {facts.performance.advice[0].text}"
        return clip(said, MAX_LESSON)
    return None
