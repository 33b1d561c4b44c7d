"""Triton's interpreter in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.agreement.case import Case

ROOT = Path(__file__).resolve().parents[2]


class InterpreterFailure(Exception):
    """The interpreter refused a kernel or died on it."""


class Interpreter:
    """Runs many cases in one process, which starts with the first and again after a crash."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="agreement-")
        self._process: subprocess.Popen[str] | None = None
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process and removes its files."""
        self._stop()
        self._folder.cleanup()

    def _stop(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None:
            environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.agreement.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=ROOT,
                env=environment,
            )
        return self._process

    def run(self, case: Case) -> dict[str, Tensor]:
        """All tensor arguments as the interpreter leaves them.

        Raises:
            InterpreterFailure: it raised or died.
        """
        self._count += 1
        source = Path(self._folder.name) / f"case_{self._count}.py"
        source.write_text(case.source)
        path = Path(self._folder.name) / "tensors.safetensors"
        save_file({a.name: a.value for a in case.arguments if isinstance(a.value, Tensor)}, path)
        request = {
            "source": str(source),
            "tensors": str(path),
            "numbers": {a.name: a.value for a in case.arguments if not isinstance(a.value, Tensor)},
            "order": [a.name for a in case.arguments],
            "grid": case.grid,
        }
        process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        source.unlink()
        if not line:
            self._stop()
            raise InterpreterFailure("the interpreter's process died")
        answer = json.loads(line)
        if "error" in answer:
            raise InterpreterFailure(answer["error"])
        return load_file(path)
