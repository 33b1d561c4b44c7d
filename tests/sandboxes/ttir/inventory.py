"""Which operations the installed Triton registers: its own answer, not a list of ours.

MLIR keeps no list that Python can read. But every name stands in the shared library's constants, and the parser says of
each whether an operation of that name is registered; names of attributes and types, and scraps, are not.
"""

import mmap
import os
import re
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import triton
from triton._C.libtriton import ir, nvidia

DIALECTS = (
    "amdg", "arith", "cf", "gluon", "gpu", "math", "nvg", "nvgpu", "nvws", "scf", "tt", "ttg", "ttng", "ub",
)  # fmt: skip
_NAME = re.compile(
    rb"(?<![\w.])(?:llvm\.intr\.assume|(?:" + "|".join(DIALECTS).encode() + rb")\.[a-z][a-z0-9_.]*)(?=\x00)"
)


def _read_only_data(library: Path) -> Iterator[bytes]:
    """Sections of an ELF file that hold constants."""
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        (table,) = struct.unpack_from("<Q", data, 40)
        size, count, names = struct.unpack_from("<HHH", data, 58)
        headers = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
        for name, _, _, _, start, length in headers:
            position = headers[names][4] + name
            if data[position : position + 7] == b".rodata":
                yield data[start : start + length]


def _is_registered(name: str, context: object, folder: str) -> bool:
    path = Path(folder) / "probe.mlir"
    path.write_text(f'module {{ "{name}"() : () -> () }}')
    reader, writer = os.pipe()
    stderr = os.dup(2)
    os.dup2(writer, 2)
    try:
        ir.parse_mlir_module(str(path), context)
    except RuntimeError:
        pass
    finally:
        os.dup2(stderr, 2)
        os.close(writer)
        os.close(stderr)
        message = b""
        with os.fdopen(reader, "rb") as pipe:
            message = pipe.read()
    return b"unregistered" not in message


def registered_operations() -> set[str]:
    """Names of all operations of `DIALECTS` in the installed Triton, and of LLVM's assumption."""
    library = next((Path(triton.__file__).parent / "_C").glob("libtriton*.so"))
    names = {found.group().decode() for section in _read_only_data(library) for found in _NAME.finditer(section)}
    context = ir.context()
    ir.load_dialects(context)
    nvidia.load_dialects(context)
    with tempfile.TemporaryDirectory() as folder:
        return {name for name in names if _is_registered(name, context, folder)}


def builder_methods() -> set[str]:
    """Methods with which the frontend makes operations."""
    return {name for name in dir(ir.builder) if name.startswith("create_") or name in ("call", "ret")}
