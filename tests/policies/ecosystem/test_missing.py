"""What happens where the packages that adapters are made for are not installed."""

import importlib
import sys

import pytest

from policies.errors import PackageMissing


@pytest.mark.parametrize("package", ["openenv", "verifiers"])
def test_an_adapter_without_its_package_names_the_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = f"policies.ecosystem.{package}"
    for name in list(sys.modules):
        if name.startswith((f"{package}.", adapter)):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    remedy = rf"{adapter} needs the package {package}; install it: pip install 'kernelgym\[{package}\]'"
    with pytest.raises(PackageMissing, match=remedy):
        importlib.import_module(adapter)
