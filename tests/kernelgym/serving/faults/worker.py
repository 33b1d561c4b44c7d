"""`kernelgym worker` as a process that tests may break: `python -m ... OPTIONS`, options as JSON of `HostOptions`."""

import json
import sys

from kernelgym.serving import identity


def pretend(code: str) -> None:
    """Makes this process one of another version."""
    found = {**identity.judge_versions(), "code": code}
    identity.judge_versions = lambda: found  # type: ignore[assignment]


if __name__ == "__main__":
    fields = json.loads(sys.argv[1])
    if "code" in fields:
        pretend(fields.pop("code"))
    from kernelgym.serving.hosting.host import host_on
    from kernelgym.serving.hosting.host_options import HostOptions

    sys.exit(host_on(HostOptions(**fields)))
