"""Fixtures that several packages' tests share, and the threads that tests may use."""

from collections.abc import Iterator

import pytest
import torch

from sandboxes.errors import SandboxUnavailable
from sandboxes.isolation.docker.engine import Engine, connect
from tests.tracer import Tracer

torch.set_num_threads(1)  # tests run side by side, and on tensors so small that handing them out takes longer


@pytest.fixture(scope="session")
def tracer() -> Iterator[Tracer]:
    """A warm sandbox that traces candidates; started when the first test asks for it."""
    with Tracer() as warm:
        yield warm


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Engine]:
    """The Docker engine that `DOCKER_HOST` names; `.ci/run` starts one where none runs."""
    try:
        engine = connect()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    yield engine
    engine.close()
