"""`kernelgym worker` with processes that answer at once: `python -m benchmarks.hosted.noop_worker REDIS_URL SLOTS`."""

import sys

from kernelgym.serving.host_options import HostOptions
from kernelgym.serving.hosting import host

if __name__ == "__main__":
    sys.exit(
        host(HostOptions(redis_url=sys.argv[1], processes=int(sys.argv[2]), worker_module="benchmarks.hosted.noop"))
    )
