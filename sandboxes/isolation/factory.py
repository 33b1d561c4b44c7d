"""From the name of a kind of sandbox to a sandbox."""

import difflib

from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation.bubblewrap import BubblewrapSandbox
from sandboxes.isolation.docker import DockerSandbox
from sandboxes.isolation.entry import Entry
from sandboxes.isolation.forking import ForkingSandbox
from sandboxes.isolation.process import ProcessSandbox

__all__ = ["SANDBOX_KINDS", "check_sandbox_kind", "create_sandbox", "describe_sandbox"]

SANDBOX_KINDS = ("auto", "process", "bubblewrap", "docker")
MAX_REASON_CHARACTERS = 200


def create_sandbox(kind: str, entry: Entry) -> ForkingSandbox:
    """Create the sandbox called `kind`.

    Args:
        kind: `bubblewrap`, `process`, `docker`, or `auto`: bubblewrap where it starts (it is started to find out),
            else process. Of the latter, `fallback_reason` says why.
        entry: What runs inside.

    Raises:
        ValueError: If there is no such kind.
        SandboxUnavailable: If bubblewrap was asked for and is not installed.
    """
    check_sandbox_kind(kind)
    if kind == "process":
        return ProcessSandbox(entry)
    if kind == "bubblewrap":
        return BubblewrapSandbox(entry)
    if kind == "docker":
        return DockerSandbox(entry)
    reason = _why_not_bubblewrap()
    if reason is None:
        return BubblewrapSandbox(entry)
    sandbox = ProcessSandbox(entry)
    sandbox.fallback_reason = reason
    return sandbox


def check_sandbox_kind(kind: str) -> None:
    """Check that there is a sandbox called `kind`.

    Raises:
        ValueError: If there is none.
    """
    if kind not in SANDBOX_KINDS:
        near = difflib.get_close_matches(kind, SANDBOX_KINDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown sandbox {kind!r}{hint} (one of {', '.join(SANDBOX_KINDS)})")


def describe_sandbox(sandbox: ForkingSandbox) -> str:
    """What `sandbox` is, in one line: `bubblewrap`, `process (bubblewrap does not work here: ...)`.

    Of a container, once it is warm, it names the runtime: `docker (runtime runc)`.
    """
    if sandbox.fallback_reason is None:
        runtime = sandbox.features.get("runtime")
        return f"{sandbox.name} (runtime {runtime})" if runtime else sandbox.name
    reason = " ".join(sandbox.fallback_reason.split())
    return f"{sandbox.name} (bubblewrap does not work here: {reason[:MAX_REASON_CHARACTERS]})"


def _why_not_bubblewrap() -> str | None:
    try:
        with BubblewrapSandbox(Entry(target="sandboxes.isolation.conformance:run_python")) as trial:
            trial.warm_up()
    except SandboxUnavailable as error:
        return str(error)
    return None
