"""How stored data is made is found in any text that parses, whether a compiler would take it or not."""

import pytest

from rewards.hacks.provenance import STORED, makers
from sandboxes.ttir import parse


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("operands", ["", "%p"])
def test_a_store_without_data_is_made_of_nothing(name: str, operands: str) -> None:
    text = f'module {{ tt.func public @k(%p: !tt.ptr<f32>) {{ "{name}"({operands}) : () -> ()\ntt.return }} }}'
    assert makers(parse(text)) == []
