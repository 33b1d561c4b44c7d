"""Makes tokens and keeps their digests: `kernelgym serve token`."""

import os
from pathlib import Path

import typer
from pydantic import ValidationError

from kernelgym.errors import BadUsage, did_you_mean
from kernelgym.serving.http.tokens import Caller, Scope, digest_of, entry, new_token, read_tokens

HEAD = "# Made by `kernelgym serve token`: the digests of tokens, which themselves are nowhere.\ntokens:\n"


def add(name: str, scopes: str, file: Path | None, *, requests_per_minute: int, open_jobs: int) -> None:
    """Prints a new token, and its entry or that it was added to `file`.

    Raises:
        BadUsage: The name or a scope can't be, or the file is no token file or has this name.
    """
    secret = new_token()
    caller = _caller(name, scopes, secret, requests_per_minute, open_jobs)
    if file is not None:
        _append(caller, file)
    typer.echo(secret)
    typer.echo("This is the only time that it is shown; give it to the client as KERNELGYM_TOKEN.", err=True)
    if file is not None:
        typer.echo(f"{file} has {name!r} now; a server that reads it notices.", err=True)
    else:
        typer.echo(f"Add to the token file (under `tokens:`):\n\n{entry(caller)}", err=True)


def _caller(name: str, scopes: str, secret: str, requests_per_minute: int, open_jobs: int) -> Caller:
    wanted = [part.strip() for part in scopes.split(",") if part.strip()]
    for scope in wanted:
        if scope not in set(Scope):
            remedy = did_you_mean(scope, [known.value for known in Scope]) or f"there are {', '.join(Scope)}"
            raise BadUsage(f"no scope is called {scope!r}; {remedy}")
    if not wanted:
        raise BadUsage(f"a token without scopes is good for nothing; give some of {', '.join(Scope)}")
    try:
        return Caller(
            name=name, sha256=digest_of(secret), scopes=frozenset(map(Scope, wanted)),
            requests_per_minute=requests_per_minute, open_jobs=open_jobs,
        )  # fmt: skip
    except ValidationError as error:
        raise BadUsage(f"the name {name!r} can't be a token's; use up to 64 letters, digits, `.`, `_`, `-`") from error


def _append(caller: Caller, file: Path) -> None:
    if file.exists():
        if caller.name in {other.name for other in read_tokens(file)}:
            raise BadUsage(f"{file} has a token {caller.name!r} already; remove its entry, or choose another name")
        text = file.read_text(encoding="utf-8")
        text += "" if text.endswith("\n") else "\n"
    else:
        text = HEAD
    try:
        _replace(file, text + entry(caller))
    except OSError as error:
        raise BadUsage(f"{file} can't be written: {error.strerror or error}") from error
    read_tokens(file)


def _replace(file: Path, text: str) -> None:
    """Writes a file that others can't read, all of it or nothing."""
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
