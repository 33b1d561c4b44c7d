"""The record of a run names what decides it, and no secret."""

from policies.identity import public_options


def test_secrets_among_the_options_of_a_policy_are_not_kept() -> None:
    options = {"api_key": "sk-1", "max_tokens": "5", "base_url": "https://me:pass@host/v1", "token": "t", "model": "m"}
    assert public_options(options) == {
        "api_key": "(secret)", "max_tokens": "5", "base_url": "https://host/v1", "token": "(secret)", "model": "m",
    }  # fmt: skip
