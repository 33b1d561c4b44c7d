"""One running worker process: how it is started, until it says that it is ready, and how it is ended."""

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path
from typing import Final

from kernelgym.evaluators.messages import MAX_FRAME_BYTES, MESSAGE, Sheltered, StageBegan
from kernelgym.evaluators.nursery import START_TIMEOUT_S, Nursery, WorkersProcess
from kernelgym.evaluators.sweeping import sweep_compilers
from sandboxes.hardware.targets import VARIABLE, named_paths

WORKER_MODULE: Final = "kernelgym.evaluators.worker"
GENTLE_MODULE: Final = "kernelgym.evaluators.gently"
CRADLE_MODULE: Final = "kernelgym.evaluators.cradle"


KEPT_VARIABLES: Final = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "NVIDIA_VISIBLE_DEVICES",
    "DOCKER_HOST",
)
"""What a worker inherits of the environment."""

KEEPS_FREED_MEMORY: Final = {"MALLOC_MMAP_THRESHOLD_": str(2**28), "MALLOC_TRIM_THRESHOLD_": str(2**28)}
"""Environment of a worker: temporaries of a few MiB come and go with every operation of a kernel, and memory that the
system takes back and clears each time makes elementwise kernels three times slower."""

SHARES_CORES: Final = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Environment of a worker: threads that wait for each other sleep. Where other processes want the cores, too, threads
that spin instead make a matrix product 50 times slower, and honest candidates run out of time."""

AUTO_GPU: Final = "auto"

_numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """What a worker process is told when it starts."""

    sandbox: str
    """Kind of sandbox it traces in."""
    threads: int
    """CPU threads it may use."""
    module: str = WORKER_MODULE
    """What to run, called with a file descriptor, the kind of sandbox, and options."""
    truths: Path | None = None
    """Folder in which workers that run the same code keep truths."""
    gpu: str = AUTO_GPU
    """Which GPU it opens when a candidate needs one, see `sandboxes.devices.cuda.opening.open_gpu`."""

    def arguments(self, warm: Sequence[str]) -> list[str]:
        """Returns what comes after the file descriptor.

        Args:
            warm: What is to be made ready before it says that it is: `gpu`, `sandbox`.
        """
        kept = [] if self.truths is None else ["--truths", str(self.truths)]
        gpu = [] if self.gpu == AUTO_GPU else ["--gpu", self.gpu]
        return [self.sandbox, *kept, *gpu, *(["--warm", ",".join(warm)] if warm else [])]


class StartedWorker:
    """A worker process; made when it starts, of use once it is ready.

    Args:
        plan: What it is told.
        folder: For its files; several may share one.
        warm: What it makes ready first; what it needs is loaded at a lower priority, since nobody waits for it.
        nursery: Where it is born; None: it is started, and loads everything itself.

    Raises:
        OSError: It can't be started.
    """

    def __init__(
        self, plan: WorkerPlan, folder: Path, warm: Sequence[str] = (), nursery: Nursery | None = None
    ) -> None:
        self.sheltered: Sheltered | None = None
        """Where it will trace, if it has found out already."""
        self.log = folder / f"worker-{next(_numbers)}.log"
        self.connection, theirs = Pipe()
        self.process: WorkersProcess
        with self.log.open("wb") as log, theirs:
            if nursery is not None:
                self.process = nursery.bear(plan.arguments(warm), theirs.fileno(), log.fileno())
                return
            module = [GENTLE_MODULE, plan.module] if warm else [plan.module]
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-m", *module, str(theirs.fileno()), *plan.arguments(warm)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(plan, folder),
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """True as long as the process has not ended."""
        return self.process.poll() is None

    def await_ready(self) -> None:
        """Returns when it says that it is ready.

        Raises:
            EOFError, OSError, ValidationError: It ends, takes too long or talks nonsense.
        """
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while self.connection.poll(max(0.0, deadline_s - time.monotonic())):
            message = MESSAGE.validate_json(self.connection.recv_bytes(MAX_FRAME_BYTES))
            if isinstance(message, StageBegan):
                return
            if isinstance(message, Sheltered):
                self.sheltered = message
        raise OSError(f"the worker did not start within {START_TIMEOUT_S:g} s")

    def kill(self) -> None:
        """Ends the process and everything it started; returns when it is gone."""
        self._end()
        self.process.wait()
        self.log.unlink(missing_ok=True)

    def retire(self) -> threading.Thread:
        """Ends the process as `kill` does, without waiting: a context of a GPU takes its time to go.

        Returns:
            What waits for it.
        """
        self._end()
        waiter = threading.Thread(target=self._reap, name="kernelgym-reaper", daemon=True)
        waiter.start()
        return waiter

    def _end(self) -> None:
        self.connection.close()
        self.process.kill()
        sweep_compilers(self.process.pid)

    def _reap(self) -> None:
        self.process.wait()
        self.log.unlink(missing_ok=True)


def make_nursery(plan: WorkerPlan, folder: Path) -> Nursery | None:
    """Returns where spare workers of this kind are born; None if they can only be started.

    Args:
        plan: What they are told.
        folder: For their files.
    """
    if plan.module != WORKER_MODULE:
        return None
    return Nursery([GENTLE_MODULE, CRADLE_MODULE], _environment(plan, folder), folder / "cradle.log")


def _environment(plan: WorkerPlan, folder: Path) -> dict[str, str]:
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    targets = [str(path.absolute()) for path in named_paths(os.environ.get(VARIABLE, ""))]
    return (
        environment
        | ({VARIABLE: os.pathsep.join(targets)} if targets else {})
        | {
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "TRITON_CACHE_DIR": str(folder / "triton"),
            "OMP_NUM_THREADS": str(plan.threads),
            "TRITON_DEFAULT_FP_FUSION": "1",
        }
        | KEEPS_FREED_MEMORY
        | SHARES_CORES
    )
