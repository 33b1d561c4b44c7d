"""Real kernels give PyTorch's answer on the CPU, forward and backward."""

import pytest

from tests.real_kernels.catalogue import KERNELS
from tests.real_kernels.measuring import Measurement, measure

NAMES = [f"{kernel.suite}/{kernel.title}-{dtype}" for kernel in KERNELS for dtype in kernel.dtypes]


@pytest.fixture(scope="module")
def measurements() -> dict[str, Measurement]:
    return dict(zip(NAMES, measure(KERNELS), strict=True))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_gets_the_verdict_that_the_table_shows(name: str, measurements: dict[str, Measurement]) -> None:
    assert measurements[name].as_expected, measurements[name].words


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("suite", ["liger", "tutorials"])
def test_nine_of_ten_kernels_that_can_be_traced_match(suite: str, measurements: dict[str, Measurement]) -> None:
    found = [item.report.outcome for name, item in measurements.items() if name.startswith(suite)]
    traceable = [outcome for outcome in found if outcome not in ("untraceable", "unsupported")]
    assert traceable.count("ok") >= 0.9 * len(traceable)  # type: ignore[arg-type]
    assert len(traceable) > len(found) / 2
