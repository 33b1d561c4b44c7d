"""Which kernels are tried, and what is expected of each: Liger-Kernel's operators, and Triton's tutorials anew."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sandboxes.contracts import EvalConfig, Outcome, Reference, Submission

FOLDER = Path(__file__).parent
Suite = Literal["liger", "tutorials"]

BOTH = ("forward", "backward")
FORWARD = ("forward",)
BACKWARD = ("backward",)
HALF = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One candidate, `<suite>/<name>.py`, and what it is compared with."""

    suite: Suite
    name: str
    parts: tuple[str, ...] = BOTH
    """`forward`, `backward`: what it computes."""
    dtypes: tuple[str, ...] = ("float32",)
    reference: str = ""
    """File in `references/`; the candidate's name if empty."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Replace assignments of the same names in both sources."""
    target: str = "h200"
    outcome: Outcome = Outcome.OK
    reason: str = ""
    """Why the outcome is not `ok`."""

    @property
    def title(self) -> str:
        """How the table names it."""
        settings = ", ".join(f"{name.lower()} {value}" for name, value in self.constants.items())
        return f"{self.name} ({settings})" if settings else self.name

    def submission(self) -> Submission:
        """The candidate."""
        text = (FOLDER / self.suite / f"{self.name}.py").read_text(encoding="utf-8")
        if "Tape()" in text:
            text = f"{_shared('liger/_tape.py')}\n\n{text}"
        return Submission(source=_settled(text, self.constants))

    def problem(self, dtype: str) -> Reference:
        """What it has to compute, with inputs of this dtype."""
        text = (FOLDER / "references" / f"{self.reference or self.name}.py").read_text(encoding="utf-8")
        if "with_gradients(" in text:
            text = f"{_shared('references/_gradients.py')}\n\n{text}"
        if dtype != "float32":
            text = _settled(text, {"DTYPE": f"torch.{dtype}"}, required=True)
        return Reference(id=f"{self.suite}/{self.name}", source=_settled(text, self.constants, required=True))

    def config(self) -> EvalConfig:
        """How it is evaluated; the seed is fixed, so that numbers in the documentation can be found again."""
        return EvalConfig(
            target=self.target, seed=2027, trace_timeout_s=60.0, compile_timeout_s=120.0, replay_timeout_s=120.0
        )


def _shared(path: str) -> str:
    return (FOLDER / path).read_text(encoding="utf-8")


def _settled(source: str, constants: Mapping[str, str], *, required: bool = False) -> str:
    """Returns the source with other values assigned to these names.

    Raises:
        KeyError: A name is required, and the source assigns nothing to it.
    """
    for name, value in constants.items():
        source, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", source, flags=re.MULTILINE)
        if required and found != 1:
            raise KeyError(name)
    return source


EQUAL = "`torch.equal(grad_output, 1.0)` decides in Python"
UNTRACEABLE = Outcome.UNTRACEABLE
OUTSIDE = "with a number that was read back, in a library: only the candidate's own arithmetic is followed"


def _liger(name: str, **settings: object) -> Kernel:
    return Kernel(suite="liger", name=name, **settings)  # type: ignore[arg-type]


def _scaling(name: str, reason: str = EQUAL) -> Kernel:
    """The backward of an operator that makes its gradient in the forward, and only scales it later."""
    return _liger(name, parts=BACKWARD, reference="scaled_gradient", outcome=UNTRACEABLE, reason=reason)


LIGER = (
    _liger("attn_res", dtypes=HALF),
    _liger(
        "cross_entropy",
        parts=FORWARD,
        outcome=UNTRACEABLE,
        reason="`assert (target * target_mask).max() < _input.shape[-1]` decides in Python",
    ),
    _scaling("cross_entropy_backward"),
    _liger("cross_entropy_kernel", dtypes=HALF),
    _liger("dyt", dtypes=HALF),
    _liger("embedding", dtypes=HALF),
    _liger("fused_add_rms_norm", dtypes=HALF),
    _liger("fused_ce_tvd"),
    _liger("fused_linear_cross_entropy"),
    _scaling("fused_linear_cross_entropy_backward"),
    _liger("fused_linear_jsd"),
    _scaling("fused_linear_jsd_backward"),
    _liger("fused_linear_kl_div"),
    _scaling("fused_linear_kl_div_backward", "`if torch.ne(grad_output, 1.0)` decides in Python"),
    _liger(
        "fused_moe",
        parts=FORWARD,
        outcome=UNTRACEABLE,
        reason="`num_m_tiles = int(expert_tile_offset[-1].item())` becomes a shape and a grid",
    ),
    _liger("fused_neighborhood_attention", dtypes=HALF),
    _liger("geglu", dtypes=HALF),
    _liger("group_norm"),  # keeps mean and rstd in the input's type: in bfloat16 that is at the edge of the tolerance
    _liger("grpo_loss", constants={"LEVEL": '"token"'}, dtypes=HALF),
    _liger("grpo_loss", constants={"LEVEL": '"sequence"'}),
    _liger("jsd", dtypes=HALF),
    _liger("jsd_labels", outcome=UNTRACEABLE, reason=f"`int(round(float(n_non_ignore)))` {OUTSIDE}"),
    _scaling("jsd_backward"),
    _liger(
        "kl_div",
        outcome=UNTRACEABLE,
        reason=EQUAL,
    ),
    _liger("kl_div_kernels", reference="kl_div"),
    _liger("layer_norm", dtypes=HALF),
    _liger("llama4_rope"),
    _liger("mhc_coefficients"),
    _liger("mhc_post_res"),
    _liger("mhc_pre"),
    _liger("mlp", dtypes=("bfloat16",)),
    _liger("mm_int8int2", parts=FORWARD),
    _liger("modulated_rms_norm", dtypes=HALF),
    _liger("multi_token_attention", constants={"SPARSE": "False"}),
    _liger("multi_token_attention", constants={"SPARSE": "True"}),
    _liger("poly_norm", dtypes=HALF),
    _liger("qwen2vl_mrope", dtypes=HALF),
    _liger("relu_squared", dtypes=HALF),
    _liger("rms_norm", dtypes=HALF),
    _liger("rms_norm_blocks", dtypes=HALF),
    _liger("rope", dtypes=HALF),
    _liger("selective_log_softmax", parts=FORWARD),
    _liger("softmax", dtypes=HALF),
    _liger("sparsemax", dtypes=HALF),
    _liger("swiglu", dtypes=HALF),
    _liger("swiglu_fused_gate_up", dtypes=HALF),
    _liger("swiglu_tiled", dtypes=HALF, target="b200"),
    _liger("tvd"),
    _liger("tvd_labels", outcome=UNTRACEABLE, reason=f"`1.0 / n_non_ignore` {OUTSIDE}"),
    _liger("tvd_labels_kernel", reference="tvd_labels"),
    _scaling("tvd_backward"),
    _liger("vocab_parallel_cross_entropy"),
)
"""Every operator of `liger_kernel.ops` with a Triton kernel of its own; `NOT_TRITON` names the other modules."""

NOT_TRITON = {
    "__init__": "names only",
    "_nvidia_shared": "helpers of the CUDA Tile and CuTe implementations",
    "backends": "implementations for Ascend",
    "configure": "settings",
    "cute": "CuTe kernels",
    "cutedsl": "CuTe kernels",
    "cutile": "CUDA Tile kernels",
    "experimental": "its two operators are tried: embedding, mm_int8int2",
    "fused_linear_scaled_cross_entropy": "PyTorch, or a CUTLASS extension",
    "fused_moe_kernels": "the kernels of fused_moe",
    "mhc": "its three operators are tried: mhc_coefficients, mhc_post_res, mhc_pre",
    "tiled_mlp": "calls a module in pieces; no kernel of its own",
    "utils": "`element_mul_kernel` is tried with cross_entropy_kernel",
}
"""What else lies in `liger_kernel.ops`."""


def _tutorial(name: str, **settings: object) -> Kernel:
    return Kernel(suite="tutorials", name=name, **settings)  # type: ignore[arg-type]


TUTORIALS = (
    _tutorial("vector_add", parts=FORWARD, dtypes=HALF),
    _tutorial("fused_softmax", parts=FORWARD),
    _tutorial("matmul", parts=FORWARD, dtypes=("float32", "float16")),
    _tutorial("dropout_baseline", parts=FORWARD),
    _tutorial("dropout_seeded", parts=FORWARD),
    _tutorial("layer_norm_locks", reference="layer_norm"),
    _tutorial("attention", constants={"CAUSAL": "False"}, dtypes=("float32", "float16")),
    _tutorial("attention", constants={"CAUSAL": "True"}, dtypes=("float32", "float16")),
    _tutorial("libdevice", parts=FORWARD),
    _tutorial("grouped_gemm", parts=FORWARD),
    _tutorial("grouped_gemm_descriptors", parts=FORWARD, reference="grouped_gemm"),
    _tutorial(
        "grouped_gemm_pointers",
        parts=FORWARD,
        reference="grouped_gemm",
        outcome=Outcome.UNSUPPORTED,
        reason="addresses in a tensor (`data_ptr()`) can't be followed; a tuple of tensors can",
    ),
    _tutorial("persistent_matmul", parts=FORWARD, reference="matmul_transposed", dtypes=("float32", "float16")),
    _tutorial("persistent_matmul_tma", parts=FORWARD, reference="matmul_transposed", dtypes=("float32", "float16")),
    _tutorial("persistent_matmul_device_tma", parts=FORWARD, reference="matmul_transposed"),
    _tutorial("block_scaled_matmul_fp8", parts=FORWARD, target="b200"),
    _tutorial("block_scaled_matmul_fp4", parts=FORWARD, target="b200"),
    _tutorial("programmatic_dependent_launch", parts=FORWARD),
)
"""Own kernels after Triton's public tutorials."""

KERNELS = LIGER + TUTORIALS
