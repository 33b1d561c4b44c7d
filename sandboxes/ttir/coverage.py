"""What of TTIR does not run here, and why: the one place that says so.

Everything that Triton registers is in a table: `table.py` has what executes, `UNSUPPORTED` has single operations
that do not, `FOREIGN` dialects that are no part of TTIR at all. ``docs/operations.md`` is made from them
(``python -m tests.sandboxes.ttir.write_operations``), and a test compares them with the installed Triton. `STRUCTURE`,
`SINCE` and `UNTIL` are read for that page and that test only; nothing executes by them.
"""

FOREIGN = {
    "amdg": "AMD's lowering: made after TTIR, and only for AMD targets",
    "gluon": "Gluon's layout inference; Gluon skips TTIR",
    "gpu": "MLIR's GPU dialect: not emitted by Triton's frontend, except for the barrier of old versions",
    "nvg": "lowering to LLVM: made after TTIR",
    "nvgpu": "lowering to LLVM: made after TTIR",
    "nvws": "warp specialisation: made after TTIR",
    "ttg": "layouts and shared memory: made after TTIR, except for the barrier",
    "ttng": "tensor memory, TMA and warp groups: made after TTIR",
}
"""Dialects that hold no TTIR, and where they belong. Of them, only what `table.py` lists executes."""

UNSUPPORTED = {
    "arith.scaling_extf": "not emitted by Triton's frontend, which has tt.dot_scaled",
    "arith.scaling_truncf": "not emitted by Triton's frontend, which has tt.dot_scaled",
    "cf.assert": "not emitted by Triton's frontend, which has tt.assert",
    "cf.switch": "not emitted by Triton's frontend: a kernel has no switch",
    "scf.execute_region": "not emitted by Triton's frontend",
    "scf.forall": "not emitted by Triton's frontend: loops are sequential",
    "scf.forall.in_parallel": "not emitted by Triton's frontend: loops are sequential",
    "scf.index_switch": "not emitted by Triton's frontend: a kernel has no switch",
    "scf.parallel": "not emitted by Triton's frontend: loops are sequential",
    "scf.reduce": "part of scf.parallel",
    "scf.reduce.return": "part of scf.parallel",
    "tt.advance": "Triton 3.6 and 3.7 turn block pointers into plain ones before TTIR is complete",
    "tt.elementwise_inline_asm": "PTX is not interpreted; also what tl.float8e4b15, globaltimer and smid are made of",
    "tt.make_tensor_ptr": "Triton 3.6 and 3.7 turn block pointers into plain ones before TTIR is complete",
    "ub.unreachable": "not emitted by Triton's frontend",
}
"""Operations without a meaning here, and why."""

STRUCTURE = {
    "cf.br": "control flow",
    "cf.cond_br": "control flow",
    "scf.condition": "part of scf.while",
    "scf.yield": "part of scf.for, scf.if and scf.while",
    "tt.func": "holds a function",
    "tt.map_elementwise.return": "part of tt.map_elementwise",
    "tt.reduce.return": "part of tt.reduce",
    "tt.return": "ends a function",
    "tt.scan.return": "part of tt.scan",
}
"""Operations that execute as a part of others and so have no function of their own."""

SINCE = {
    "arith.convertf": "3.8",
    "arith.flush_denormals": "3.8",
    "arith.subui_extended": "3.8",
    "math.sincos": "3.7",
    "tt.approx_divf": "3.9",
    "tt.atomic_load": "3.9",
    "tt.atomic_poll": "3.9",
    "tt.atomic_store": "3.9",
    "tt.grid_dependency_launch_dependents": "3.9 (inline PTX before)",
    "tt.grid_dependency_wait": "3.9 (inline PTX before)",
    "ttg.barrier": "3.7",
    "ub.unreachable": "3.7",
}
"""The first version of Triton that has an operation, where that is not 3.6."""

UNTIL = {"tt.advance": "3.7", "tt.make_tensor_ptr": "3.7", "ttg.local_barrier": "3.6"}
"""The last version of Triton that has an operation, where that is not 3.9."""
