"""Which files untrusted code may see: the interpreter, its packages, system libraries, and `sandboxes` itself.

The other packages of this project hold problems, rewards and detectors; a submission that can read them can be
written against them, so they must be absent, wherever the project is installed.
"""

import sys
from importlib.machinery import PathFinder
from pathlib import Path

__all__ = ["PROJECT_ROOT", "hidden_paths", "interpreter_paths", "readable_paths", "system_paths"]

PROJECT_ROOT = Path(__file__).resolve().parents[2]
"""The directory that holds the `sandboxes` package: a checkout, or a site-packages."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "debian_version", "os-release")
_CPU_FACTS = "/sys/devices/system/cpu"
_PACKAGES = ("torch", "triton")
"""An environment may use another one's of these, or the user's, which lie outside of it."""
_HIDDEN = ("kernelgym", "rewards", "policies", "tests", "benchmarks", "docs", "examples", "docker")


def system_paths() -> list[str]:
    """Libraries, compilers and the few settings the dynamic linker reads."""
    candidates = [*_SYSTEM, *(f"/etc/{name}" for name in _SETTINGS), _CPU_FACTS]
    return [path for path in candidates if Path(path).exists()]


def interpreter_paths() -> list[str]:
    """The interpreter's installation, its virtual environment, and where else torch and Triton are installed."""
    named = [sys.base_prefix, sys.base_exec_prefix, sys.prefix, sys.exec_prefix]
    prefixes = dict.fromkeys(spelling for name in named for spelling in (name, str(Path(name).resolve())))
    paths = [path for path in prefixes if not _is_within(Path(path), _SYSTEM)]
    for name in _PACKAGES:
        spec = PathFinder.find_spec(name)
        if spec is not None and spec.origin is not None:
            folder = str(Path(spec.origin).parents[1])
            if not _is_within(Path(folder), (*_SYSTEM, *paths)):
                paths.append(folder)
    return paths


def hidden_paths() -> list[str]:
    """Siblings of `sandboxes` that a visible tree would show; empty in a checkout that no visible tree contains."""
    if not _is_within(PROJECT_ROOT, (*_SYSTEM, *interpreter_paths())):
        return []
    return [str(PROJECT_ROOT / name) for name in _HIDDEN if (PROJECT_ROOT / name).is_dir()]


def readable_paths() -> list[str]:
    """`system_paths` and `interpreter_paths` with the hidden ones cut out, for a pure allowlist (Landlock)."""
    hidden = [Path(path) for path in hidden_paths()]
    paths: list[str] = []
    for path in (*system_paths(), *interpreter_paths()):
        paths += _without(Path(path), hidden)
    return [*paths, str(PROJECT_ROOT / "sandboxes")]


def _without(tree: Path, hidden: list[Path]) -> list[str]:
    if tree.resolve() in hidden:
        return []
    if not any(path.is_relative_to(tree.resolve()) for path in hidden):
        return [str(tree)]
    return [kept for child in sorted(tree.iterdir()) for kept in _without(child, hidden)]


def _is_within(path: Path, trees: tuple[str, ...]) -> bool:
    resolved = path.resolve()
    return any(resolved.is_relative_to(Path(tree).resolve()) for tree in trees if Path(tree).exists())
