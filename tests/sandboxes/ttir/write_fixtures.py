"""Writes ``tests/data/ttir/<version>/*.ttir`` with the Triton on the path; run once per version."""

from pathlib import Path

import triton

from tests.sandboxes.ttir import kernels
from tests.sandboxes.ttir.frontend import ttir_of

F32 = "*fp32"
SPECIALISATIONS: dict[str, tuple[tuple[str, ...], dict[str, object]]] = {
    "add_relu": ((F32, F32, F32, "i32"), {"BLOCK": 128}),
    "gelu_erf": ((F32, F32, F32, "i32", "i32"), {"BLOCK": 128}),
    "gelu_tanh": ((F32, F32, "i32"), {"BLOCK": 128}),
    "row_sum": (("*fp16", F32, "i32"), {"BLOCK": 64}),
    "softmax": ((F32, F32, "i32"), {"BLOCK": 128}),
    "layernorm": ((F32, F32, F32, F32, "i32", "fp32"), {"BLOCK": 128}),
    "rmsnorm": (("*bf16", F32, "*bf16", "i32", "fp32"), {"BLOCK": 128}),
    "matmul": ((F32, F32, F32, *["i32"] * 9), {"BM": 32, "BN": 32, "BK": 16}),
    "matmul_grouped": (
        ("*fp16", "*fp16", F32, "*fp16", *["i32"] * 9),
        {"BM": 32, "BN": 16, "BK": 16, "GROUP": 2},
    ),
    "attention": (("*fp16", "*fp16", "*fp16", "*fp16", "i32", "fp32"), {"BM": 16, "BN": 16, "D": 32}),
    "max_pool": ((F32, F32, *["i32"] * 5), {"KS": 3, "BLOCK": 64}),
    "cumulative": ((F32, F32, "i32"), {"BLOCK": 32}),
    "cross_entropy": ((F32, "*i64", F32, "i32"), {"BLOCK": 32}),
    "atomic_sum": ((F32, F32, "i32"), {"BLOCK": 64}),
    "histogram_atomic": (("*i32", "*i32", "*i32", "i32"), {"BLOCK": 64}),
    "argmax": ((F32, "*i32", F32, "i32"), {"BLOCK": 64}),
    "early_exit": ((F32, F32, "i32"), {"BLOCK": 32}),
    "collatz": (("*i32", "*i32"), {}),
    "linear_scan": ((F32, F32, F32), {"BLOCK": 32, "REVERSE": False}),
    "welford_rows": ((F32, F32, F32, "i32"), {"BM": 4, "BN": 32}),
    "calls": ((F32, F32, "fp32"), {"BLOCK": 32}),
    "shapes": ((F32, F32), {"BLOCK": 32}),
    "math_zoo": ((F32, F32, "i32"), {"BLOCK": 32}),
    "dots": ((F32, F32, F32), {"B": 2, "S": 16}),
    "inline_asm": ((F32, F32), {"BLOCK": 32}),
    "descriptors": ((F32, F32, "i32", "i32"), {"BM": 16, "BN": 16}),
    "block_pointers": ((F32, F32, "i32", "i32"), {"BM": 16, "BN": 16}),
    "random_numbers": ((F32,), {"BLOCK": 8}),
    "int8_dot": (("*i8", "*i8", "*i32"), {"S": 32}),
}
FOLDER = Path(__file__).resolve().parents[2] / "data" / "ttir"


def main() -> None:
    folder = FOLDER / triton.__version__
    folder.mkdir(parents=True, exist_ok=True)
    for name, (signature, constexprs) in SPECIALISATIONS.items():
        try:
            text = ttir_of(getattr(kernels, name), signature, **constexprs)
        except (triton.CompilationError, NotImplementedError) as error:
            print(triton.__version__, name, "refused:", str(error)[-300:])
            continue
        (folder / f"{name}.ttir").write_text(text)


if __name__ == "__main__":
    main()
