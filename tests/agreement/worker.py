"""The process in which Triton's interpreter runs kernels: one JSON line per launch on standard input.

``TRITON_INTERPRET=1`` must be set before Triton is imported, so it can't share a process with the frontend.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file


def launch(request: dict[str, Any]) -> None:
    """Runs one kernel and writes its tensors back to the file they came from."""
    path = Path(request["source"])
    namespace: dict[str, Any] = {"__name__": path.stem}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    # a file's tensors may lie anywhere; descriptors need aligned ones
    tensors = {name: tensor.clone() for name, tensor in load_file(request["tensors"]).items()}
    arguments = [tensors[n] if n in tensors else request["numbers"][n] for n in request["order"]]
    namespace["kernel"][tuple(request["grid"])](*arguments)
    save_file(tensors, request["tensors"])


def main() -> None:
    """Answers each request with ``{}`` or ``{"error": ...}``."""
    answers, sys.stdout = sys.stdout, sys.stderr
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        try:
            launch(json.loads(line))
            answer = {}
        except Exception as error:  # noqa: BLE001 - whatever the interpreter refuses is an answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
