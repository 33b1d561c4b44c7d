"""The policy `openai`: a model behind an OpenAI-compatible chat completions endpoint; needs the extra `api`."""

from policies.openai.entry import make_openai
from policies.openai.errors import (
    AnswerTooLong,
    BudgetSpent,
    ContextExceeded,
    EndpointError,
    GaveUp,
    ModelOverrun,
    Refused,
)
from policies.openai.ledger import Totals
from policies.openai.options import OpenAIOptions, read_options

__all__ = [
    # making one
    "OpenAIOptions", "make_openai", "read_options",
    # what it has spent
    "Totals",
    # errors
    "AnswerTooLong", "BudgetSpent", "ContextExceeded", "EndpointError", "GaveUp", "ModelOverrun", "Refused",
]  # fmt: skip
