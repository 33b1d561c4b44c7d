"""Compiles the stub of NVIDIA's driver library against the real header, which Triton's wheel carries."""

import shutil
import subprocess
from pathlib import Path

import pytest
import triton

SOURCE = Path(__file__).with_name("stub_libcuda.c")
HEADERS = Path(triton.__file__).parent / "backends" / "nvidia" / "include"


def compiled_stub(folder: Path) -> Path:
    """Returns `libcuda.so.1` in `folder`; skips the test if it can't be compiled here."""
    library = folder / "libcuda.so.1"
    compile_c(SOURCE, library, "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1")
    return library


def compile_c(source: Path, output: Path, *options: str) -> None:
    """Compiles C, warnings being errors; skips the test without a compiler or the header."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    if not (HEADERS / "cuda.h").exists():
        pytest.skip("this Triton has no cuda.h")
    command = [compiler, "-Wall", "-Wextra", "-Werror", *options, f"-I{HEADERS}", str(source), "-o", str(output)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
