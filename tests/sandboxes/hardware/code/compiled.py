"""Kernels compiled in full, without a GPU: what Triton's middle representation looks like for a target."""

import functools
import tempfile
from pathlib import Path
from typing import Any

import triton
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from tests.sandboxes.hardware.code import kernels

GPUS = {
    "a100": GPUTarget("cuda", 80, 32),
    "l40s": GPUTarget("cuda", 89, 32),
    "h200": GPUTarget("cuda", 90, 32),
    "b200": GPUTarget("cuda", 100, 32),
    "mi300x": GPUTarget("hip", "gfx942", 64),
}


@functools.cache
def compiled(
    kernel: Any,
    signature: str,
    target: str = "h200",
    warps: int = 4,
    stages: int = 2,
    aligned: str = "all",
    **constexprs: Any,
) -> Any:
    """Returns Triton's compiled kernel.

    Args:
        kernel: Of `kernels`.
        signature: Triton's types of the parameters, without constexprs, separated by spaces.
        target: One of `GPUS`.
        warps: `num_warps`.
        stages: `num_stages`.
        aligned: Parameters known to be multiples of 16, separated by spaces; all of them, or none.
        constexprs: By name.
    """
    types = iter(signature.split())
    full = {name: "constexpr" if name in constexprs else next(types) for name in kernel.arg_names}
    values = {(kernel.arg_names.index(name),): value for name, value in constexprs.items()}
    chosen = [name for name in full if name not in constexprs] if aligned == "all" else aligned.split()
    facts = {
        (kernel.arg_names.index(name),): [["tt.divisibility", 16]]
        for name in chosen
        if full[name].startswith(("*", "i"))
    }
    options = {"num_warps": warps, "num_stages": stages, "enable_fp_fusion": True}
    with tempfile.TemporaryDirectory() as cache, knobs.cache.scope():
        knobs.cache.dir = cache
        return triton.compile(ASTSource(kernel, full, values, facts), target=GPUS[target], options=options)


def ttgir(kernel: Any, signature: str, target: str = "h200", **options: Any) -> str:
    """Returns the TTGIR of a kernel, with paths as candidates have them; see `compiled`."""
    text = str(compiled(kernel, signature, target, **options).asm["ttgir"])
    root = str(Path(triton.__file__).resolve().parent)
    return text.replace(str(Path(kernels.__file__).resolve()), "candidate.py").replace(root, "triton")
