"""A key, and keeping it out of everything that is shown or stored."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from kernelgym.errors import BadUsage
from policies.openai.options import OPENAI_URL, OpenAIOptions

SHOWN: Final = 300
"""Characters of a server's message that are shown."""

PLACEHOLDER: Final = "[key]"

TELLING: Final = 16
"""Length from which a key is removed from completions, too: a shorter one, e.g. `EMPTY`, may be a word of the text."""


class Secret:
    """A key that is not printed by accident; None: requests are sent without one."""

    def __init__(self, key: str | None) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"Secret({'None' if self._key is None else PLACEHOLDER})"

    @property
    def headers(self) -> dict[str, str]:
        """The header that a request needs."""
        return {} if self._key is None else {"Authorization": f"Bearer {self._key}"}

    def without(self, text: str) -> str:
        """Returns `text` with the key replaced."""
        return text if self._key is None else text.replace(self._key, PLACEHOLDER)

    def from_model(self, text: str) -> str:
        """Returns what a model says, without a key that is long enough to be one."""
        return text if self._key is None or len(self._key) < TELLING else self.without(text)

    def quote(self, text: str) -> str:
        """Returns what a server says, fit for one line of a message: without the key, without control characters."""
        line = " ".join("".join(sign if sign.isprintable() else " " for sign in self.without(text)).split())
        return line if len(line) <= SHOWN else f"{line[:SHOWN]} ..."


def read_key(options: OpenAIOptions, environment: Mapping[str, str]) -> Secret:
    """Returns the key from the variable that `api_key_env` names; no key if that is not set, for local servers.

    Raises:
        BadUsage: The variable is not set, although it was named or OpenAI itself is asked; or it can't be a key.
    """
    key = environment.get(options.api_key_env, "").strip()
    if not key:
        named = "api_key_env" in options.model_fields_set
        if named or urlsplit(options.base_url).hostname == urlsplit(OPENAI_URL).hostname:
            raise BadUsage(
                f"the environment variable {options.api_key_env} is not set; put the key for {options.base_url} there"
            )
        return Secret(None)
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise BadUsage(f"the environment variable {options.api_key_env} holds characters that no key has; correct it")
    return Secret(key)
