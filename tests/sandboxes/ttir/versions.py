"""Which operations a version of Triton has, so that tests of newer ones are skipped on older versions."""

import pytest
import triton

from sandboxes.ttir.coverage import SINCE, UNTIL


def exists_in(name: str, version: str) -> bool:
    """True if Triton `version` has the operation `name`."""
    numbers = tuple(int(part) for part in version.split(".")[:2])
    first = SINCE.get(name, "3.6").split(" ")[0]
    last = UNTIL.get(name, "99.0")
    return tuple(map(int, first.split("."))) <= numbers <= tuple(map(int, last.split(".")))


def needs(*names: str) -> pytest.MarkDecorator:
    """Skips a test whose kernel is made of operations that the installed Triton does not have yet."""
    missing = [f"{name}: since {SINCE[name]}" for name in names if not exists_in(name, triton.__version__)]
    return pytest.mark.skipif(bool(missing), reason=f"Triton {triton.__version__} has not {'; '.join(missing)}")
