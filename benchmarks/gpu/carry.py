"""Collects the wheels that a GPU machine without a package registry lacks: `python -m benchmarks.gpu.carry FOLDER`.

Run it where packages can be downloaded, and copy the folder (some 20 MB) and the checkout to the GPU machine. There
`PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER make gpu-test GPU_PYTHON=python3` does the rest. torch, Triton, numpy, scipy are
not in it: the machine's own are used, which fit its driver.
"""

import argparse
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOTS: Final = ("kernelgym[gpu]", "pytest", "pytest-timeout", "hatchling", "editables", "setuptools")
"""hatchling and editables build what `pip install --editable` installs. A new environment of Python 3.11 begins with a
setuptools that is older than torch asks for, and hides the machine's own."""
THERE: Final = frozenset({"torch", "triton", "numpy", "scipy"})
"""Expected on the GPU machine."""


def needed(roots: tuple[str, ...], python: str) -> dict[str, str]:
    """Returns name and version of every package that must be carried, as they are installed here.

    Args:
        roots: Requirements.
        python: Version of the Python there, e.g. `3.12`.
    """
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(root), "") for root in roots]
    while waiting:
        requirement, extra = waiting.pop()
        environment = {"extra": extra, "python_version": python, "python_full_version": f"{python}.0"}
        if requirement.marker is not None and not requirement.marker.evaluate(environment):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in ("", *requirement.extras):
            if name in THERE or (name, wanted) in seen:
                continue
            seen.add((name, wanted))
            package = distribution(name)
            found[name] = package.version
            waiting += [(Requirement(text), wanted) for text in package.requires or ()]
    del found["kernelgym"]  # that is the checkout
    return dict(sorted(found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="receives the wheels")
    parser.add_argument("--python", default="3.12", help="Python of the GPU machine (3.12)")
    parser.add_argument("--machine", default="x86_64", help="its processor, as `uname -m` says (x86_64)")
    options = parser.parse_args()
    packages = [f"{name}=={version}" for name, version in needed(ROOTS, options.python).items()]
    platforms = [f"--platform={tag}_{options.machine}" for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--only-binary=:all:", f"--python-version={options.python}", *platforms),
            *(f"--dest={options.folder}", *packages),
        ],
        check=True,
    )
    wheels = list(options.folder.glob("*.whl"))
    print(f"{len(wheels)} wheels, {sum(wheel.stat().st_size for wheel in wheels) / 1e6:.0f} MB in {options.folder}")


if __name__ == "__main__":
    main()
