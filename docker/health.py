"""What HEALTHCHECK runs inside an image: `health.py api` or `health.py worker`; exit status 0 if it is well."""

import os
import socket
import sys
import time
from urllib.request import urlopen

ALIVE = "http://127.0.0.1:8000/health/live"
BEAT_S = 6.0
"""A worker beats every 2 s."""


def main(what: str) -> int:
    """Prints what was found; returns the exit status."""
    well, words = _api() if what == "api" else _worker()
    print(words)
    return 0 if well else 1


def _api() -> tuple[bool, str]:
    try:
        with urlopen(ALIVE, timeout=3.0) as answer:  # a fixed address of this container
            return True, f"{ALIVE}: {answer.status}"
    except OSError as error:
        return False, f"{ALIVE}: {error}"


def _worker() -> tuple[bool, str]:
    """Whether a process of this container beats; a store that does not answer is not the worker's illness."""
    from kernelgym.serving.errors import LedgerUnavailable  # noqa: PLC0415 - the API's check needs none of it
    from kernelgym.serving.ledger.redis_ledger import RedisLedger  # noqa: PLC0415

    ledger = RedisLedger(os.environ["KERNELGYM_REDIS_URL"])
    host, deadline, seen = socket.gethostname(), time.monotonic() + BEAT_S, {}
    try:
        while time.monotonic() < deadline:
            for worker in ledger.overview(1).workers:
                if worker.host == host and worker.beat > seen.setdefault(worker.id, worker.beat):
                    return True, f"{worker.id} beats"
            time.sleep(0.25)
    except LedgerUnavailable as error:
        return True, f"nobody can tell: {error}"
    finally:
        ledger.close()
    return False, f"no worker on {host} beats; its log says more"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
