"""Starts a worker that nobody waits for yet: what is heavy to load is loaded at a lower priority than others' work.

`python -I -m kernelgym.evaluators.gently MODULE ARGUMENTS...` is `python -I -m MODULE ARGUMENTS...`, but for that. On
Linux a thread has a priority of its own, so the loading is done by one that ends; going back up would need privileges.
"""

import importlib
import os
import runpy
import sys
import threading
from typing import Final

NICE: Final = 10
"""Added to the priority; a thread of normal priority gets ten times as much of a contended core."""


def load(module: str) -> None:
    """Loads a module and all it imports, in a thread of low priority."""

    def work() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        importlib.import_module(module)

    loader = threading.Thread(target=work, name="kernelgym-loader")
    loader.start()
    loader.join()


if __name__ == "__main__":
    del sys.argv[0]
    _module = sys.argv[0]
    load(_module)
    sys.modules.pop(_module, None)  # it runs as `__main__`, with everything that it imports loaded
    runpy.run_module(_module, run_name="__main__", alter_sys=True)
