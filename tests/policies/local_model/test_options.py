"""Options of a local model are texts; one that can't be used is named with its value and the remedy."""

import pytest

from kernelgym.errors import BadUsage
from policies import get_policy


@pytest.mark.parametrize(
    ("option", "value", "remedy"),
    [
        ("model", "", "give a folder, or the name of a model"),
        ("dtype", "int4", "give auto, float32, bfloat16 or float16"),
        ("max_new_tokens", "many", "give a whole number"),
        ("max_new_tokens", "0", "give at least 1"),
        ("batch_size", "-1", "give at least 1"),
        ("temperature", "-0.1", "give 0 or more"),
        ("temperature", "nan", "give 0 or more"),
        ("temperature", "warm", "give a number"),
        ("batch_wait_s", "inf", "give 0 or more"),
        ("top_p", "0", "give a number above 0, at most 1"),
        ("download", "maybe", "give yes or no"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_the_remedy(option: str, value: str, remedy: str) -> None:
    with pytest.raises(BadUsage, match=f"^the policy `transformers` can't use {option}={value}.*; {remedy}$"):
        get_policy("transformers", {"model": "some-model"} | {option: value})


def test_a_model_has_to_be_named() -> None:
    with pytest.raises(BadUsage, match="needs the option `model`; add --policy-option model=VALUE"):
        get_policy("transformers")


def test_what_decides_the_completions_is_in_the_name() -> None:
    options = {"model": "some/model", "revision": "v2", "temperature": "0.7", "top_p": "0.95", "max_new_tokens": "512"}
    name = get_policy("transformers", options).name
    assert name == "transformers:some/model@v2 (temperature 0.7, top_p 0.95, 512 tokens)"
