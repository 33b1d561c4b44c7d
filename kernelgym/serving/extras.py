"""What the parts of serving that need packages of an extra say where those are missing."""

from importlib.util import find_spec


def need_serve(*modules: str) -> None:
    """Sees to it that modules of the extra `serve` are there.

    Raises:
        ImportError: One isn't; names it, and what to install.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        names = ", ".join(missing)
        raise ImportError(f"serving needs {names}; install the extra: pip install 'kernelgym[serve]'", name=missing[0])
