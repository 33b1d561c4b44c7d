"""`python -m benchmarks [NAME ...]`: runs all benchmarks, or those that are named, and prints one JSON object.

To add one: a module of this folder with a function `run() -> dict` that returns numbers, units in their names.
"""

import json
import pkgutil
import signal
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.machine import machine


def main(chosen: list[str]) -> None:
    """Runs the benchmarks and prints; names on standard error what is running.

    Args:
        chosen: Names of modules; empty for all.
    """
    found = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if not module.name.startswith("_"):
            run = getattr(import_module(f"benchmarks.{module.name}"), "run", None)
            if run is not None:
                found[module.name] = run
    if unknown := sorted(set(chosen) - set(found)):
        sys.exit(f"error: there is no benchmark {unknown[0]!r}; there are {', '.join(found)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what a benchmark has started ends with it
    results = {}
    for name in chosen or found:
        print(f"running {name}", file=sys.stderr)
        results[name] = found[name]()
    print(json.dumps({"machine": machine(), "benchmarks": results}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
