"""The functions of AMD's device libraries (OCML, OCKL) and of Triton's backend for AMD, by symbol.

Triton's `libdevice` names them where it names NVIDIA's for a target of NVIDIA's; most are the same functions, with the
width in the symbol (``__ocml_exp_f32``). What Triton calls ``__triton_hip_...`` its backend replaces by instructions.
"""

import torch

from sandboxes.ttir.operations.libdevice import I64, INTEGER, OWN
from sandboxes.ttir.operations.mathematics import Function

NAMES = {"pown": "powi", "i0": "cyl_bessel_i0", "i1": "cyl_bessel_i1"}
"""Of OCML's, what NVIDIA calls otherwise."""

SHARED = (
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "copysign", "cos", "cosh", "erf", "erfc",
    "erfcx", "erfinv", "exp", "exp2", "expm1", "floor", "fma", "fmod", "hypot", "i0", "i1", "ilogb", "isfinite",
    "isinf", "isnan", "j0", "j1", "ldexp", "lgamma", "log", "log10", "log1p", "log2", "nearbyint", "nextafter", "pow",
    "pown", "round", "rsqrt", "sin", "sinh", "sqrt", "tan", "tanh", "trunc", "y0", "y1",
)  # fmt: skip
"""OCML's functions that Triton names."""

SYMBOLS: dict[str, Function] = {
    **{f"__ocml_{name}_{width}": OWN[NAMES.get(name, name)] for name in SHARED for width in ("f32", "f64")},
    **{f"__ocml_signbit_{width}": torch.signbit for width in ("f32", "f64")},
    **{f"__ockl_clz_{width}": INTEGER["clz"] for width in ("u32", "u64")},
    **{f"__ockl_popcount_{width}": INTEGER["popc"] for width in ("u32", "u64")},
    **dict.fromkeys(("__triton_hip_fabs", "__triton_hip_iabs"), torch.abs),
    "__triton_hip_rint": torch.round,
    "__triton_hip_llrint": lambda x: OWN["llrint"](x).to(I64),
    "__triton_hip_fast_expf": OWN["exp"],
    "__triton_hip_fast_tanhf": OWN["tanh"],
    "__triton_hip_fast_fdividef": torch.div,
}
"""What each symbol computes."""
