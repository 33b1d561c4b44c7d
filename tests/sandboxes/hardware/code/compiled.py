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
    last: str = "",
    **constexprs: Any,
) -> Any:
    """Returns Triton's compiled kernel.

    Args:
        kernel: Of `kernels`.
        signature: Triton's types of the parameters, without constexprs, separated by spaces.
        target: One of `GPUS`.
        warps: `num_warps`.
        stages: `num_stages`.
        aligned: Parameters known to be multiples of 16, separated by spaces, if there are such; or `all`.
        last: The stage after which nothing is compiled any more, e.g. `ttgir`; to the end if left out.
        constexprs: By name.
    """
    types = iter(signature.split())
    full = {name: "constexpr" if name in constexprs else next(types) for name in kernel.arg_names}
    values = {(kernel.arg_names.index(name),): value for name, value in constexprs.items()}
    chosen = [name for name in full if name not in constexprs] if aligned == "all" else aligned.split()
    facts = {
        (kernel.arg_names.index(name),): [["tt.divisibility", 16]]
        for name in chosen
        if full.get(name, "").startswith(("*", "i"))
    }
    options = {"num_warps": warps, "num_stages": stages, "enable_fp_fusion": True}
    previous = knobs.runtime.add_stages_inspection_hook
    knobs.runtime.add_stages_inspection_hook = functools.partial(_stopping, last) if last else previous
    try:
        with tempfile.TemporaryDirectory() as cache, knobs.cache.scope():
            knobs.cache.dir = cache
            return triton.compile(ASTSource(kernel, full, values, facts), target=GPUS[target], options=options)
    finally:
        knobs.runtime.add_stages_inspection_hook = previous


def _stopping(last: str, *args: Any) -> Any:
    """The stage hook: leaves out what comes after `last`, but for an empty stand-in for the binary."""
    if not args:
        return (last, last)
    stages = args[1]
    names = list(stages)
    for name in names[names.index(last) + 1 :]:
        del stages[name]

    def binary(source: Any, metadata: dict[str, Any]) -> bytes:
        metadata["name"] = "kernel"
        metadata["shared"] = 0
        return b""

    stages["cubin" if "cubin" in names else "hsaco"] = binary
    return None


def ttgir(kernel: Any, signature: str, target: str = "h200", **options: Any) -> str:
    """Returns the TTGIR of a kernel, with paths as candidates have them; see `compiled`."""
    return candidates(compiled(kernel, signature, target, last="ttgir", **options).asm["ttgir"])


def candidates(text: str) -> str:
    """Returns `text` with the paths that a candidate's would have."""
    root = str(Path(triton.__file__).resolve().parent)
    return text.replace(str(Path(kernels.__file__).resolve()), "candidate.py").replace(root, "triton")
