"""Causal attention costs what its fused kernels do: about half, whole blocks of it."""

import pytest

from sandboxes.contracts import Argument, AtenCall, Precision, TensorRef, TensorSpec
from sandboxes.hardware.aten_cost import aten_work
from sandboxes.hardware.causality import seen_pairs, visited_keys
from sandboxes.hardware.pricing import price_aten
from sandboxes.hardware.routine import routine_of
from sandboxes.hardware.targets import get_target

H100 = get_target("h100")
FLASH = "aten::_scaled_dot_product_flash_attention_for_cpu.default"


def attention(
    *rest: Argument,
    queries: int = 4096,
    keys: int = 4096,
    heads: int = 64,
    dtype: str = "bfloat16",
    operator: str = FLASH,
    **named: Argument,
) -> tuple[AtenCall, list[TensorSpec]]:
    def spec(rows: int) -> TensorSpec:
        return TensorSpec.model_validate(
            {"shape": (1, heads, rows, 128), "dtype": dtype, "stride": (heads * rows * 128, rows * 128, 128, 1)}
        )

    args = (TensorRef(id=0), TensorRef(id=1), TensorRef(id=2), *rest)
    called = AtenCall(operator=operator, args=args, kwargs=named, results=(TensorRef(id=3),))
    return called, [spec(queries), spec(keys), spec(keys), spec(queries)]


def flops(called: AtenCall, values: list[TensorSpec]) -> int:
    return aten_work(called, values).total_flops


def time_us(called: AtenCall, values: list[TensorSpec], target: str = "h100") -> float:
    return price_aten(get_target(target), aten_work(called, values), routine=routine_of(called, values)).time_us


@pytest.mark.parametrize(("queries", "keys"), [(64, 64), (40, 96), (96, 40), (1, 128), (128, 1)])
def test_the_pairs_below_the_diagonal_are_counted_one_by_one(queries: int, keys: int) -> None:
    pairs = sum(key <= query for query in range(queries) for key in range(keys))
    assert seen_pairs(queries, keys) == pairs
    assert flops(*attention(0.0, True, queries=queries, keys=keys)) == 4 * 64 * 128 * pairs


@pytest.mark.parametrize("causal", [(0.0, True), {"is_causal": True}])
def test_it_does_not_matter_how_the_mask_is_asked_for(causal: object) -> None:
    asked = attention(**causal) if isinstance(causal, dict) else attention(*causal)  # type: ignore[misc]
    assert flops(*asked) == pytest.approx(flops(*attention()) / 2, rel=1e-3)


@pytest.mark.parametrize(
    "operator",
    ["aten::_scaled_dot_product_flash_attention.default", "aten::_scaled_dot_product_flash_attention.quantized"],
)
def test_the_operators_of_gpus_count_alike(operator: str) -> None:
    half = attention(operator=operator, is_causal=True)
    assert flops(*half) == flops(*attention(is_causal=True))


@pytest.mark.parametrize("off", [False, 0, 1, None])
def test_what_is_not_causal_is_counted_in_full(off: Argument) -> None:
    assert flops(*attention(is_causal=off)) == 4 * 64 * 128 * 4096**2


def test_float64_has_no_fused_kernel_and_computes_everything() -> None:
    assert flops(*attention(is_causal=True, dtype="float64")) == flops(*attention(dtype="float64"))


def test_a_long_causal_sequence_takes_little_more_than_half_the_time() -> None:
    half, whole = time_us(*attention(is_causal=True)), time_us(*attention())
    assert 0.5 < half / whole < 0.56


def test_a_sequence_of_one_block_gains_nothing() -> None:
    """All of its pairs are in one tile, which is computed as a whole."""
    shape = {"queries": 128, "keys": 128, "heads": 2048}
    assert time_us(*attention(is_causal=True, **shape)) == pytest.approx(time_us(*attention(**shape)), rel=0.05)


def test_a_gpu_that_is_not_full_waits_for_the_last_block() -> None:
    """32 blocks of one head on 132 multiprocessors: the last one sees all keys."""
    shape = {"queries": 4096, "keys": 4096, "heads": 1}
    assert time_us(*attention(is_causal=True, **shape)) == pytest.approx(time_us(*attention(**shape)), rel=0.05)


def test_short_causal_sequences_reach_less_of_the_peak_as_published() -> None:
    """FlashAttention-2 on A100, causal, head dimension 128: rises with the sequence, from well below the speed without
    a mask to nearly it (Dao 2023, arXiv:2307.08691, figure 5)."""

    def reached(sequence: int, *, causal: bool) -> float:
        heads = 16 * 16_384 // sequence
        asked = attention(queries=sequence, keys=sequence, heads=heads, dtype="float16", is_causal=causal)
        return flops(*asked) / time_us(*asked, target="a100")

    shares = [reached(size, causal=True) / reached(size, causal=False) for size in (512, 1024, 2048, 4096, 16_384)]
    assert shares == sorted(shares)
    assert shares[0] < 0.85
    assert 0.95 < shares[-1] <= 1.0


def test_blocks_visit_whole_blocks_of_keys() -> None:
    assert visited_keys(512, 512, 128, 128) == [128, 256, 384, 512]
    assert visited_keys(300, 300, 128, 128) == [128, 256, 300]
    assert visited_keys(512, 200, 128, 128) == [128, 200, 200, 200]


def test_precision_does_not_decide_what_is_seen() -> None:
    called, values = attention(is_causal=True, dtype="float32")
    assert aten_work(called, values, Precision.FP32).total_flops == aten_work(called, values).total_flops
