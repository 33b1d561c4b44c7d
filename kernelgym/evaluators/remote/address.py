"""Where a server is, and what is shown to it."""

import os
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from kernelgym.errors import BadUsage

TOKEN_VARIABLE: Final = "KERNELGYM_TOKEN"
"""Environment variable with the token."""

EXAMPLE: Final = "http://localhost:8000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server and the token for it; shown without the token."""

    url: str
    """Without a `/` at the end."""
    token: str | None = field(repr=False)

    def __str__(self) -> str:
        return self.url


def read_address(url: str, token: str | None) -> Address:
    """Returns the address of a server.

    Args:
        url: As the user gave it.
        token: None: the one in `KERNELGYM_TOKEN`, if there is one.

    Raises:
        BadUsage: It is none, or the token can't be sent.
    """
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_fits = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits:
        raise BadUsage(f"the address {url!r} is not one of a server; give one such as {EXAMPLE}")
    if parts.username is not None or parts.password is not None:
        raise BadUsage(f"the address of {parts.hostname} has a password in it; put the token into {TOKEN_VARIABLE}")
    if parts.query or parts.fragment:
        raise BadUsage(f"the address {url!r} has something after its path; give one such as {EXAMPLE}")
    secret = token if token is not None else os.environ.get(TOKEN_VARIABLE)
    secret = secret.strip() if secret else None
    if secret and not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise BadUsage(f"the token for {url} has characters that none has; look at {TOKEN_VARIABLE} again")
    return Address(url=f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", token=secret or None)
