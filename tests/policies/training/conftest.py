"""The model that all tests of training share, and the warnings that are TRL's own."""

from pathlib import Path

import pytest

from tests.policies.local_model.tiny import save_tiny_model


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # TRL 1.16 uses names that transformers is about to rename
    ignored = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(ignored)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of 30 thousand parameters and its tokenizer."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))
