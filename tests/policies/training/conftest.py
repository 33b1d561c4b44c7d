"""The model that all tests of training share, and the warnings that are TRL's own."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.policies.local_model.tiny import save_tiny_model


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # TRL 1.16 uses names that transformers is about to rename
    ignored = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(ignored)


@pytest.fixture(scope="package", autouse=True)
def quick() -> Iterator[None]:
    """Small matrices need no threads, and each training collects garbage, among all that importing TRL has made."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of 30 thousand parameters and its tokenizer."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))
