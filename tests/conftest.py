"""Fixtures that several packages' tests share."""

from collections.abc import Iterator

import pytest

from tests.tracer import Tracer


@pytest.fixture(scope="session")
def tracer() -> Iterator[Tracer]:
    """A warm sandbox that traces candidates; started when the first test asks for it."""
    with Tracer() as warm:
        yield warm
