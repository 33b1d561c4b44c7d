"""Everything that is made of a report for people and for models, and what must hold of it."""

import json
from io import StringIO
from math import isfinite
from typing import NoReturn

from rich.console import Console

from kernelgym.envs.budget import estimate_tokens
from kernelgym.envs.feedback import write_feedback
from kernelgym.envs.history import write_history
from kernelgym.envs.rules import Rules
from kernelgym.envs.styles import MIN_TOKENS, PRESETS
from kernelgym.envs.turn import Turn
from kernelgym.reports.console import render_report
from kernelgym.reports.document import dump_document, report_document
from rewards import get_reward, list_rewards
from sandboxes.contracts import Report, Submission

RULES = [Rules(style=style, feedback_tokens=tokens) for style in PRESETS for tokens in (MIN_TOKENS[style], 1000)]


def show(report: Report, submission: Submission | None) -> None:
    """Scores and shows a report in every form.

    Raises:
        AssertionError: A text has characters that steer a terminal or is too long, or a number is not finite.
    """
    for name in list_rewards():
        reward = get_reward(name)(report)
        assert reward.value is None or isfinite(reward.value), name
        assert all(isfinite(term.value) for term in reward.breakdown), name
    output = StringIO()
    Console(file=output, width=80, color_system=None, legacy_windows=False).print(
        render_report(report, reward, submission)
    )
    _check(output.getvalue())
    for rules in RULES:
        feedback = write_feedback(report, reward, submission, previous=(), rules=rules, over=False)
        assert estimate_tokens(feedback) <= rules.feedback_tokens
        _check(feedback)
        turn = Turn(number=1, completion="", submission=submission, report=report, reward=reward, observation=feedback)
        _check(write_history(turn, rules)[1].content)
    json.loads(dump_document(report_document(report, reward)), parse_constant=_refuse)


def _check(text: str) -> None:
    steering = next((character for character in text if character not in "\n\t" and not character.isprintable()), None)
    assert steering is None, f"{steering!r} is shown"


def _refuse(name: str) -> NoReturn:
    raise AssertionError(f"{name} is no JSON")
