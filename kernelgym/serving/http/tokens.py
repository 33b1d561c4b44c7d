"""Who may do what: a file of tokens' digests, scopes and limits, read again when it changes."""

import hmac
import logging
import re
import secrets
import stat
import threading
import time
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import Field, ValidationError, field_validator

from kernelgym.errors import BadUsage, first_line
from sandboxes.contracts import Contract

PREFIX: Final = "kg_"
"""How a token begins, so that it is known for one where it does not belong."""

MAX_FILE_BYTES: Final = 2**20
CHECK_S: Final = 1.0
"""How often a file is looked at for a change, at most."""

NAME: Final = r"^[A-Za-z0-9_.-]{1,64}$"

_LOG = logging.getLogger("kernelgym.http")


class Scope(StrEnum):
    """What a token is good for."""

    READ = "read"
    """Problems, and jobs whose id one knows."""
    SUBMIT = "submit"
    """Evaluate candidates for the server's own problems, and cancel that."""
    REFERENCES = "references"
    """Send references: code that the server runs as its own, outside of the sandbox."""
    OPERATE = "operate"
    """Status, metrics, and what others have had evaluated."""


class Caller(Contract):
    """An entry of the file: who holds a token, and what it is good for."""

    name: Annotated[str, Field(pattern=NAME)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Digest of the token; the token itself is nowhere."""
    scopes: frozenset[Scope]
    requests_per_minute: Annotated[int, Field(ge=1)] = 6000
    open_jobs: Annotated[int, Field(ge=1)] = 8192
    """Jobs without an answer that it may have at a time, on one server."""
    body_bytes: Annotated[int, Field(ge=1024, le=2**28)] = 16 * 2**20
    """Longest body of a request."""

    @field_validator("scopes", mode="before")
    @classmethod
    def _list(cls, scopes: Any) -> Any:
        return frozenset(scopes) if isinstance(scopes, list) else scopes


class _File(Contract):
    tokens: Annotated[tuple[Caller, ...], Field(min_length=1, max_length=1000)]


LOCAL_CALLER: Final = Caller(
    name="local", sha256=sha256(b"").hexdigest(), scopes=frozenset(Scope), requests_per_minute=10**6, open_jobs=10**6,
    body_bytes=64 * 2**20,
)  # fmt: skip
"""Who everybody on this machine is while there are no tokens."""


def new_token() -> str:
    """Returns a secret that nobody guesses."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Returns what the file keeps of a token."""
    return sha256(token.encode("utf-8", errors="surrogatepass")).hexdigest()


def entry(caller: Caller) -> str:
    """Returns the lines that add a caller to a token file."""
    return (
        f"  - name: {caller.name}\n"
        f"    sha256: {caller.sha256}\n"
        f"    scopes: [{', '.join(sorted(caller.scopes))}]\n"
        f"    requests_per_minute: {caller.requests_per_minute}\n"
        f"    open_jobs: {caller.open_jobs}\n"
        f"    body_bytes: {caller.body_bytes}\n"
    )


def read_tokens(path: Path) -> tuple[Caller, ...]:
    """Returns the entries of a token file.

    Raises:
        BadUsage: It can't be read or believed, others may write it, or two entries share a name or a token.
    """
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()[: MAX_FILE_BYTES + 1]
    except OSError as error:
        raise BadUsage(f"the token file {path} can't be read: {error.strerror or error}; correct its path") from error
    if mode & (stat.S_IWOTH | stat.S_IWGRP):
        raise BadUsage(f"the token file {path} may be written by others; chmod go-w {path}")
    if len(data) > MAX_FILE_BYTES:
        raise BadUsage(f"the token file {path} is longer than {MAX_FILE_BYTES} bytes; remove old entries")
    try:
        callers = _File.model_validate(yaml.safe_load(data)).tokens
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadUsage(f"the token file {path} makes no sense: {_reason(error)}; `kernelgym serve token` prints "
                       "entries") from error  # fmt: skip
    for key in ("name", "sha256"):
        values = [getattr(caller, key) for caller in callers]
        if twice := next((value for value in values if values.count(value) > 1), None):
            raise BadUsage(f"the token file {path} has two entries with {key} {twice}; remove one")
    return callers


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}"
    return re.sub(r"\s+", " ", first_line(error))


class TokenFile:
    """The callers of a file, as it is now; one that has become unusable stays as it was, and says so in the log.

    Raises:
        BadUsage: The file is unusable from the beginning.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen = self._signature()
        self._callers = read_tokens(path)
        self._looked_at = time.monotonic()

    def caller(self, token: str) -> Caller | None:
        """Returns who holds `token`; None if nobody does. Takes the same time for all tokens."""
        digest = digest_of(token)
        found: Caller | None = None
        for caller in self._current():
            if hmac.compare_digest(caller.sha256, digest):
                found = caller
        return found

    def _current(self) -> tuple[Caller, ...]:
        with self._lock:
            if time.monotonic() - self._looked_at >= CHECK_S:
                self._looked_at = time.monotonic()
                seen = self._signature()
                if seen != self._seen:
                    self._seen = seen
                    self._read_again()
            return self._callers

    def _read_again(self) -> None:
        try:
            self._callers = read_tokens(self._path)
        except BadUsage as error:
            _LOG.error("%s; the tokens of before stay valid", error)
        else:
            _LOG.info("read %s again: %d tokens", self._path, len(self._callers))

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size
