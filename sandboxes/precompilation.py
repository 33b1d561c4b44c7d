"""Compiles ahead in forked children: in parallel, with a time limit, and without dying of a compiler that crashes.

A child leaves its result in Triton's compile cache, where `compile_variant` then finds it, so nothing but the number of
the variant it is busy with has to come back. The text is the candidate's: if the compiler dies or does not end on it,
that is a fault of this variant only.
"""

import contextlib
import gc
import os
import select
import signal
import time
from collections.abc import Sequence

from sandboxes.compilation import CompileFailure, CompilerMissing, triton_kernel
from sandboxes.contracts import Outcome, Target, Variant
from sandboxes.errors import MachineFailed
from sandboxes.isolation import syscalls
from sandboxes.isolation.cgroups import out_of_memory_kills
from sandboxes.machine import killed_from_outside


class CompileTimeout(Exception):
    """The compiler had to be stopped.

    Args:
        busy_with: Positions of the variants that it was compiling.
        unfinished: Positions of all that are not compiled, those among them.
    """

    def __init__(self, busy_with: Sequence[int], unfinished: Sequence[int] = ()) -> None:
        super().__init__(busy_with, unfinished)
        self.busy_with = busy_with
        self.unfinished = unfinished


def precompile(variants: Sequence[Variant], target: Target, *, processes: int, timeout_s: float) -> dict[int, str]:
    """Compiles variants into the cache.

    Args:
        variants: What to compile; failures are not reported here, `compile_variant` repeats them.
        target: The GPU.
        processes: Children at a time.
        timeout_s: Wall time for all of them.

    Returns:
        By position the variants that brought the compiler down, with the name of the signal.

    Raises:
        CompileTimeout: The time was up; all children are gone.
        MachineFailed: Somebody ends children from outside.
    """
    kills = out_of_memory_kills()
    repeated: set[int] = set()
    deadline = time.monotonic() + timeout_s
    crashed: dict[int, str] = {}
    waiting = list(range(len(variants)))
    children: list[_Child] = []
    try:
        while waiting or children:
            while waiting and len(children) < processes:
                share = -(-len(waiting) // (processes - len(children)))
                children.append(_Child([(number, variants[number]) for number in waiting[:share]], target))
                del waiting[:share]
            if not select.select([child.pipe for child in children], [], [], max(0.0, deadline - time.monotonic()))[0]:
                busy_with = [child.busy_with for child in children]
                begun = [number for child in children for number in child.left]
                raise CompileTimeout(busy_with, sorted({*busy_with, *begun, *waiting}))
            for child in [child for child in children if child.ended()]:
                children.remove(child)
                if child.signal is None:
                    continue
                waiting += child.left
                if not killed_from_outside(child.signal, kills):
                    crashed[child.busy_with] = signal.Signals(child.signal).name
                elif child.busy_with in repeated:
                    name = signal.Signals(child.signal).name
                    raise MachineFailed(f"the compiler was ended from outside ({name}), twice; look who does that")
                else:
                    repeated.add(child.busy_with)
                    waiting.append(child.busy_with)
    finally:
        for child in children:
            child.kill()
    return crashed


class _Child:
    """One forked process with its share of the variants."""

    def __init__(self, share: list[tuple[int, Variant]], target: Target) -> None:
        self._share = [number for number, _ in share]
        self._started = 0
        self.signal: int | None = None
        self.pipe, write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self.pipe)
            _work(share, target, write)
        os.close(write)
        with contextlib.suppress(OSError):  # the child does the same; who comes first does not matter
            os.setpgid(self._pid, self._pid)

    @property
    def busy_with(self) -> int:
        """The variant it began last."""
        return self._share[max(0, self._started - 1)]

    @property
    def left(self) -> list[int]:
        """Variants it has not begun."""
        return self._share[max(1, self._started) :]

    def ended(self) -> bool:
        """Reads its progress; True once it is gone."""
        if not select.select([self.pipe], [], [], 0)[0]:
            return False
        progress = os.read(self.pipe, 4096)
        self._started += len(progress)
        if progress:
            return False
        os.close(self.pipe)
        _, status = os.waitpid(self._pid, 0)
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        return True

    def kill(self) -> None:
        """Ends it at once, with the assembler it may have started."""
        os.killpg(self._pid, signal.SIGKILL)
        os.close(self.pipe)
        os.waitpid(self._pid, 0)


def _work(share: list[tuple[int, Variant]], target: Target, progress: int) -> None:
    """Compiles a share and ends the process; never returns."""
    status = 1
    try:
        os.setpgid(0, 0)
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        gc.freeze()  # collecting would copy the pages shared with the parent
        for _, variant in share:
            os.write(progress, b".")
            try:
                triton_kernel(variant, target)
            except (CompileFailure, CompilerMissing, MachineFailed):
                continue  # `compile_variant` repeats it in the parent
        status = 0
    finally:
        os._exit(status)


def crash(name: str) -> CompileFailure:
    """Returns the failure of a variant that brought the compiler down."""
    return CompileFailure(
        Outcome.COMPILE_ERROR,
        f"the compiler died of {name} on this kernel",
        hint="Simplify the kernel; unusual shapes or types can trip the compiler.",
    )
