"""`kernelgym worker` with processes that answer at once: `python -m benchmarks.hosted.noop_worker REDIS_URL SLOTS`."""

import sys

from kernelgym.serving.hosting.host import host
from kernelgym.serving.hosting.host_options import HostOptions

if __name__ == "__main__":
    sys.exit(
        host(HostOptions(redis_url=sys.argv[1], processes=int(sys.argv[2]), worker_module="benchmarks.hosted.noop"))
    )
