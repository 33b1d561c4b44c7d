"""The policy `openai`: a model behind an OpenAI-compatible chat completions endpoint; needs the extra `api`."""

from policies.openai.entry import make_openai
from policies.openai.errors import BudgetSpent, ContextExceeded, EndpointError, GaveUp, PolicyClosed, Refused
from policies.openai.ledger import Totals
from policies.openai.options import OpenAIOptions, read_options

__all__ = [
    # making one
    "OpenAIOptions", "make_openai", "read_options",
    # what it has spent
    "Totals",
    # errors
    "BudgetSpent", "ContextExceeded", "EndpointError", "GaveUp", "PolicyClosed", "Refused",
]  # fmt: skip
