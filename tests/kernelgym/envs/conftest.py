"""One local evaluator for the whole folder: starting its sandbox takes seconds."""

from collections.abc import Iterator

import pytest

from kernelgym.evaluators import LocalEvaluator


@pytest.fixture(scope="session")
def evaluator() -> Iterator[LocalEvaluator]:
    with LocalEvaluator() as local:
        yield local
