"""Makes the policy `openai` from texts; the entry point."""

import os
from typing import TYPE_CHECKING

from policies.errors import PolicyUnavailable
from policies.openai.options import read_options
from policies.openai.secret import read_key

if TYPE_CHECKING:
    from policies.openai.policy import OpenAIPolicy


def make_openai(**options: str) -> "OpenAIPolicy":
    """Returns the policy; its options are the fields of `OpenAIOptions`, the key is in the environment.

    Raises:
        BadUsage: The options can't be followed, or the key is missing.
        PolicyUnavailable: httpx is not installed.
    """
    read = read_options(options, os.environ)
    secret = read_key(read, os.environ)
    try:
        from policies.openai.policy import OpenAIPolicy  # noqa: PLC0415 - httpx is an optional dependency
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        raise PolicyUnavailable("the policy `openai` needs httpx; install it: pip install 'kernelgym[api]'") from error
    return OpenAIPolicy(read, secret)
