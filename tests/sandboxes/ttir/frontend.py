"""Triton's frontend without a GPU: a kernel and a signature in, TTIR text out."""

import functools
import tempfile
from pathlib import Path
from typing import Any

import triton
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

TARGET = GPUTarget("cuda", 90, 32)


def _stop_after_ttir(*args: Any) -> Any:
    """The stage hook: keeps ``ttir`` and puts an empty stand-in for the binary."""
    if not args:
        return ("ttir-only", "ttir-only")
    stages = args[1]
    ttir = stages["ttir"]
    stages.clear()
    stages["ttir"] = ttir

    def binary(src: Any, metadata: dict[str, Any]) -> bytes:
        metadata["name"] = "kernel"
        metadata["shared"] = 0
        return b""

    stages["cubin"] = binary
    return None


@functools.cache
def ttir_of(kernel: Any, signature: tuple[str, ...], **constexprs: Any) -> str:
    """TTIR of ``kernel``; ``signature`` has one Triton type per parameter that is not a constexpr."""
    types = iter(signature)
    full = {n: "constexpr" if n in constexprs else next(types) for n in kernel.arg_names}
    names = {(kernel.arg_names.index(n),): v for n, v in constexprs.items()}
    previous = knobs.runtime.add_stages_inspection_hook
    knobs.runtime.add_stages_inspection_hook = _stop_after_ttir
    try:
        with tempfile.TemporaryDirectory() as cache, knobs.cache.scope():
            knobs.cache.dir = cache
            compiled = triton.compile(ASTSource(kernel, full, names), target=TARGET, options={"enable_fp_fusion": True})
            text = str(compiled.asm["ttir"])
    finally:
        knobs.runtime.add_stages_inspection_hook = previous
    here = str(Path(__file__).resolve().parent / "kernels.py")
    root = str(Path(triton.__file__).resolve().parent)
    return text.replace(here, "candidate.py").replace(root, "triton")
