"""`python -m benchmarks.gpu [NAME ...]`: runs all benchmarks of a GPU, or those that are named, and ends with a table.

To add one: a module of this folder with `SHARE`, its minutes in a full run, `run(setting) -> dict`, numbers with units
in their names, and `rows(found) -> list of (what, measured, aim)` for the table. One whose times are made up, whatever
GPU there is, says `SIMULATES = True`, and runs on a GPU's time only if it is named.
"""

import argparse
import pkgutil
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

from benchmarks.gpu.keeping import keep
from benchmarks.gpu.setting import find_setting
from sandboxes.devices.cuda.errors import NoGpu

QUICK: Final = 0.02
"""Share of the usual time that `--quick` takes."""

Row = tuple[str, str, str]


def main(arguments: list[str]) -> None:
    """Runs, keeps and prints; names on standard error what is running."""
    found = benchmarks()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of {', '.join(found)}; without one, all that need the GPU"
    )
    parser.add_argument("--minutes", type=float, help="for all of them together; about twenty without it")
    parser.add_argument("--quick", action="store_true", help="small and short: shows that everything works")
    parser.add_argument("--gpu", default="auto", help="`auto`, or `simulated` for a rehearsal without one")
    parser.add_argument("--workers", type=int, default=4, help="evaluations at a time, which share the GPU")
    parser.add_argument("--out", type=Path, help="folder of the results; benchmarks/results without it, if measured")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(found)):
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(found)}")
    needed = [
        name for name, module in found.items() if options.gpu != "auto" or not getattr(module, "SIMULATES", False)
    ]
    chosen = {name: found[name] for name in options.names or needed}
    shares: float = sum(module.SHARE for module in chosen.values())
    minutes = options.minutes or shares * (QUICK if options.quick else 1.0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what a benchmark has started ends with it
    rows: list[Row] = []
    for name, module in chosen.items():
        seconds = 60 * minutes * module.SHARE / shares
        try:
            setting = find_setting(options.gpu, seconds=seconds, quick=options.quick, workers=options.workers)
        except NoGpu as error:
            sys.exit(f"error: {error}")
        print(f"running {name} for {seconds:.0f} s on {setting.facts.title}", file=sys.stderr)
        begin = time.monotonic()
        numbers = module.run(setting)
        numbers["took_s"] = round(time.monotonic() - begin, 1)
        simulates = getattr(module, "SIMULATES", False)
        path = keep(name, numbers, setting, options.out, simulates=simulates)
        word = " (simulated)" if simulates or setting.facts.simulated else ""
        rows += [(f"{what}{word}", measured, aim) for what, measured, aim in module.rows(numbers)]
        print(f"{name}: {numbers['took_s']} s; {path or 'not kept'}", file=sys.stderr)
    print(table(rows))


def benchmarks() -> dict[str, ModuleType]:
    """Returns the benchmarks by name: the modules of this folder that have a share of the time."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = {name: import_module(f"benchmarks.gpu.{name}") for name in names if not name.startswith("_")}
    return {name: module for name, module in modules.items() if hasattr(module, "SHARE")}


def table(rows: list[Row]) -> str:
    """Returns rows as lines of text, aligned."""
    lines = [("what", "measured", "aim"), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


if __name__ == "__main__":
    main(sys.argv[1:])
