"""Options of a local model are texts; one that can't be used is named with its value and the remedy."""

import pytest

from kernelgym.errors import BadUsage
from policies import get_policy


@pytest.mark.parametrize(
    ("option", "value", "remedy"),
    [
        ("model", "", "should have at least 1 character"),
        ("dtype", "int4", "should be 'auto', 'float32', 'bfloat16' or 'float16'"),
        ("max_new_tokens", "many", "should be a valid integer"),
        ("max_new_tokens", "0", "should be greater than or equal to 1"),
        ("batch_size", "-1", "should be greater than or equal to 1"),
        ("temperature", "-0.1", "should be greater than or equal to 0"),
        ("temperature", "nan", "should be a finite number"),
        ("temperature", "warm", "should be a valid number"),
        ("batch_wait_s", "inf", "should be a finite number"),
        ("top_p", "0", "should be greater than 0"),
        ("download", "maybe", "should be a valid boolean"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_what_can(option: str, value: str, remedy: str) -> None:
    with pytest.raises(BadUsage, match=f"^the option `{option}` of the policy `transformers` is '{value}': .*{remedy}"):
        get_policy("transformers", {"model": "some-model"} | {option: value})


def test_an_unknown_option_is_answered_with_the_closest() -> None:
    with pytest.raises(BadUsage, match=r"has no option `temprature`; did you mean 'temperature'\?"):
        get_policy("transformers", {"model": "some-model", "temprature": "1"})


def test_a_model_has_to_be_named() -> None:
    with pytest.raises(BadUsage, match="needs the option `model`; add --policy-option model=VALUE"):
        get_policy("transformers")


def test_what_decides_the_completions_is_in_the_name() -> None:
    options = {"model": "some/model", "revision": "v2", "temperature": "0.7", "top_p": "0.95", "max_new_tokens": "512"}
    name = get_policy("transformers", options).name
    assert name == "transformers:some/model@v2 (temperature 0.7, top_p 0.95, 512 tokens)"
