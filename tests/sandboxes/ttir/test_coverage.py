"""Nothing that Triton can emit is unaccounted for."""

import pytest
import triton

from sandboxes.ttir.coverage import FOREIGN, STRUCTURE, UNSUPPORTED, UNTIL
from sandboxes.ttir.table import CONSTANT, DENSE, LAZY, RUN, executes
from tests.sandboxes.ttir.inventory import builder_methods, registered_operations
from tests.sandboxes.ttir.loaders import LATEST, VERSIONS, fixture, fixture_names
from tests.sandboxes.ttir.versions import exists_in
from tests.sandboxes.ttir.write_operations import PAGE, page

LISTED = {*DENSE, *LAZY, *RUN, *CONSTANT, *STRUCTURE, *UNSUPPORTED}
NO_OPERATION = {
    "create_block", "create_block_with_parent", "create_loc", "create_module", "create_name_loc",
    "create_tensor_descriptor_type",
}  # fmt: skip
"""Builder methods that make something else than an operation."""


def _words(text: str) -> list[str]:
    return text.split()


MADE_BY: dict[str, tuple[str, ...]] = {
    "call": ("tt.call",),
    "ret": ("tt.return",),
    **{f"create_icmp{p}": ("arith.cmpi",) for p in _words("EQ NE SLT SLE SGT SGE ULT ULE UGT UGE")},
    **{f"create_fcmp{o}{p}": ("arith.cmpf",) for o in "OU" for p in _words("EQ NE LT LE GT GE")},
    **{f"create_{n}": (f"arith.{n}",) for n in _words("maximumf maxnumf maxsi maxui minimumf minnumf minsi minui")},
    **{f"create_{n}": (f"arith.{n}i",) for n in _words("add sub mul and or xor")},
    **{f"create_f{n}": (f"arith.{n}f",) for n in _words("add sub mul div rem neg")},
    **{f"create_{n}": (f"math.{n}",) for n in _words("ceil cos erf exp exp2 floor fma log log2 rsqrt sin sqrt")},
    **{
        f"create_{n}": (f"tt.{n}",)
        for n in _words(
            "addptr approx_divf assert atomic_cas atomic_load atomic_poll atomic_rmw atomic_store broadcast cat clampf "
            "descriptor_gather descriptor_load descriptor_reduce descriptor_scatter descriptor_store dot dot_scaled "
            "expand_dims extern_elementwise fp_to_fp gather get_num_programs get_program_id "
            "grid_dependency_launch_dependents grid_dependency_wait histogram int_to_ptr join load "
            "make_range make_tensor_descriptor map_elementwise precise_divf precise_sqrt print ptr_to_int reduce "
            "reshape scan splat split store trans unsplat"
        )
    },
    **{f"create_{n}_ret": (f"tt.{n}.return",) for n in ["map_elementwise", "reduce", "scan"]},
    "create_ashr": ("arith.shrsi",),
    "create_assume": ("llvm.intr.assume",),
    "create_barrier": ("ttg.barrier", "gpu.barrier", "ttg.local_barrier"),
    "create_bitcast": ("tt.bitcast", "arith.bitcast"),
    "create_branch": ("cf.br",),
    "create_cond_branch": ("cf.cond_br",),
    "create_condition_op": ("scf.condition",),
    "create_fabs": ("math.absf",),
    "create_for_op": ("scf.for",),
    "create_fp_ext": ("arith.extf",),
    "create_fp_to_si": ("arith.fptosi",),
    "create_fp_to_ui": ("arith.fptoui",),
    "create_fp_trunc": ("arith.truncf",),
    "create_iabs": ("math.absi",),
    "create_if_op": ("scf.if",),
    "create_inline_asm": ("tt.elementwise_inline_asm",),
    "create_int_cast": ("arith.extsi", "arith.extui", "arith.trunci", "arith.bitcast"),
    "create_lshr": ("arith.shrui",),
    "create_masked_load": ("tt.load",),
    "create_masked_store": ("tt.store",),
    "create_poison": ("ub.poison",),
    "create_sdiv": ("arith.divsi",),
    "create_select": ("arith.select",),
    "create_shl": ("arith.shli",),
    "create_si_to_fp": ("arith.sitofp",),
    "create_srem": ("arith.remsi",),
    "create_udiv": ("arith.divui",),
    "create_ui_to_fp": ("arith.uitofp",),
    "create_umulhi": ("tt.mulhiui",),
    "create_urem": ("arith.remui",),
    "create_while_op": ("scf.while",),
    "create_yield_op": ("scf.yield",),
    # until Triton 3.7
    "create_advance": ("tt.advance",),
    "create_make_block_ptr": ("tt.make_tensor_ptr",),
    "create_tensor_pointer_load": ("tt.load",),
    "create_tensor_pointer_store": ("tt.store",),
}
"""What each builder method of Triton's frontend emits."""


@pytest.fixture(scope="module")
def registered() -> set[str]:
    return registered_operations()


def test_the_inventory_finds_operations_and_nothing_else(registered: set[str]) -> None:
    assert {"tt.load", "arith.addi", "scf.for", "math.exp2", "ub.poison", "ttg.convert_layout"} <= registered
    assert not {"tt.divisibility", "tt.ptr", "arith.fastmath", "tt.tensordesc"} & registered


def test_every_operation_of_the_installed_triton_executes_or_has_a_reason(registered: set[str]) -> None:
    assert sorted(n for n in registered if n not in LISTED and n.partition(".")[0] not in FOREIGN) == []


def test_every_listed_operation_exists_in_the_versions_that_the_page_names(registered: set[str]) -> None:
    expected = {name for name in LISTED if exists_in(name, triton.__version__)}
    assert expected == LISTED & registered


def test_every_builder_method_emits_an_operation_that_executes_or_has_a_reason() -> None:
    assert sorted(builder_methods() - NO_OPERATION - set(MADE_BY)) == []
    assert sorted({name for names in MADE_BY.values() for name in names} - LISTED) == []


def test_the_frontend_emits_few_operations_that_do_not_execute() -> None:
    emitted = {name for names in MADE_BY.values() for name in names}
    assert emitted & set(UNSUPPORTED) == {"tt.elementwise_inline_asm", "tt.advance", "tt.make_tensor_ptr"}


@pytest.mark.parametrize("version", VERSIONS)
def test_whole_kernels_hold_only_listed_operations_and_no_block_pointers(version: str) -> None:
    found = {o.name for name in fixture_names(version) for f in fixture(name, version).functions for o in f.walk()}
    assert found <= LISTED
    assert not found & set(UNTIL) - {"ttg.local_barrier"}
    assert version == LATEST or "block_pointers" in fixture_names(version)


def test_no_operation_is_listed_twice() -> None:
    assert not [name for name in (*STRUCTURE, *UNSUPPORTED) if executes(name)]
    assert not set(STRUCTURE) & set(UNSUPPORTED)


def test_the_page_of_operations_is_fresh() -> None:
    assert PAGE.read_text() == page(), "run python -m tests.sandboxes.ttir.write_operations"
