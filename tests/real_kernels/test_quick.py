"""A few real kernels in the default lane: one of each suite that matches, one that can't be judged here."""

from tests.real_kernels.catalogue import KERNELS
from tests.real_kernels.measuring import measure

QUICK = ("selective_log_softmax", "dropout_seeded", "grouped_gemm_pointers")


def test_a_few_kernels_get_the_verdict_that_the_table_shows() -> None:
    kernels = [kernel for kernel in KERNELS if kernel.name in QUICK]
    assert len(kernels) == len(QUICK)
    for item in measure(kernels, workers=1):
        assert item.as_expected, item.words
