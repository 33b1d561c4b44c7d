"""A process's right to a GPU: opened when it is first needed, or before, and used up once a kernel has spoiled it.

A CUDA context that has seen an illegal access can't be used again, nor can its process. So evaluations on a GPU are
done in a process that somebody above replaces (`kernelgym.evaluators`); this says when. Compilers are forked by a
helper that is older than the context.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandboxes.compile_helper import CompileHelper
from sandboxes.contracts import Target
from sandboxes.devices.cuda.errors import GpuError, GpuLost
from sandboxes.devices.cuda.gpu import Gpu, GpuFacts
from sandboxes.devices.cuda.opening import check_backend, check_target
from sandboxes.devices.cuda.turn import FOLDER, OnTurn, turn
from sandboxes.precompilation import precompile
from sandboxes.programs import Ahead

MAX_CAUSES = 20
"""Length of a chain of errors that is followed."""


class GpuLease:
    """The GPU of this process, for one evaluation after the other.

    Args:
        open_gpu: Makes the context; called at most once.
        on_turn: Told whether this process waits for the GPU, or uses it.
        folder: Where processes that share the GPU find each other.
    """

    def __init__(self, open_gpu: Callable[[], Gpu], on_turn: OnTurn = lambda turn: None, folder: Path = FOLDER) -> None:
        self._open_gpu = open_gpu
        self.on_turn = on_turn
        self._folder = folder
        self._gpu: Gpu | None = None
        self._helper: CompileHelper | None = None
        self._spoiled: str | None = None

    @property
    def spoiled(self) -> str | None:
        """Why this process can't use its GPU any more; None as long as it can."""
        return self._spoiled

    @property
    def ahead(self) -> Ahead:
        """What compiles ahead for this process: forks of it as long as there is no context, else the helper."""
        return precompile if self._helper is None else self._helper.precompile

    def open(self, target: Target | None = None) -> GpuFacts:
        """Makes the context if there is none yet; returns what the GPU is.

        Args:
            target: What it has to be.

        Raises:
            NoGpu: There is none, or it is another one.
            GpuLost: A kernel has spoiled it, or it failed.
        """
        if self._spoiled is not None:
            raise GpuLost(f"this process can't use its GPU any more ({self._spoiled}); a new one can")
        if target is not None:
            check_backend(target)
        if self._gpu is None:
            self._helper = self._helper or CompileHelper()
            self._gpu = self._open_gpu()
        facts = self._gpu.facts
        if target is not None:
            check_target(facts, target)
        return facts

    @contextmanager
    def turn(self, target: Target) -> Iterator[Gpu]:
        """Inside it the GPU is this process's alone; waits until it is. Notes if it is spoiled meanwhile.

        What is in the GPU's memory has to belong to calls that are made inside, not to who makes them: it is given back
        before another process has its turn, which has all of the memory then, but for contexts.

        Raises:
            NoGpu, GpuLost: As `open`.
            MachineFailed: The lock can't be used.
        """
        facts = self.open(target)
        assert self._gpu is not None
        with turn(None if facts.simulated else facts.uuid, self.on_turn, self._folder):
            try:
                yield self._gpu
            except BaseException as error:
                self._spoiled = self._spoiled or _spoiling(error) or _state(self._gpu)
                _let_go(error)
                raise
            finally:
                self._give_back(self._gpu)

    def _give_back(self, gpu: Gpu) -> None:
        """Gives unused memory back; what goes wrong then is nothing that the turn has to do with."""
        if self._spoiled is None:
            try:
                gpu.release()
            except (GpuError, GpuLost) as error:
                self._spoiled = str(error)

    def close(self) -> None:
        """Gives everything back; calling it again does nothing."""
        if self._gpu is not None and self._spoiled is None:
            self._gpu.close()
        self._gpu = None
        if self._helper is not None:
            self._helper.close()
            self._helper = None


def _spoiling(error: BaseException) -> str | None:
    """Returns what in an error, or behind it, makes a context useless; None if there is nothing."""
    at: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if at is None:
            return None
        if isinstance(at, GpuLost) or (isinstance(at, GpuError) and at.fault.spoils):
            return str(at)
        at = at.__cause__ or at.__context__
    return None


def _let_go(error: BaseException) -> None:
    """Empties the frames that an error has come through: tensors in them would be held as long as the error is."""
    at: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if at is None:
            return
        traceback.clear_frames(at.__traceback__)
        at = at.__cause__ or at.__context__


def _state(gpu: Gpu) -> str | None:
    """Returns what the driver says is wrong with a context; None if it is sound.

    Errors are sticky, so this finds also what a kernel did after the last time that anybody looked.
    """
    try:
        gpu.synchronize()
    except GpuError as error:
        return str(error) if error.fault.spoils else None
    except GpuLost as error:
        return str(error)
    return None
