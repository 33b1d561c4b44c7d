"""An address of a Redis is shown without what is secret in it, also if it can't be read."""

import pytest

from kernelgym.serving.ledger.redis_store import RedisStore, shown


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://:secret@host", "redis://host:6379"),
        ("redis://user:secret@host:1/2", "redis://host:1/2"),
        ("redis://host/0?password=secret", "redis://host:6379/0"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock"),
        ("redis://:secret@host:port/0", "redis://...@host:port/0"),
        ("redis://:secret/x@host:1/0", "redis://...@host:1/0"),
        ("redis://:1/secret@host:1/0", "redis://...@host:1/0"),
        ("redis://:1?secret@host:1/0", "redis://...@host:1/0"),
        ("redis://user:secret#x@host:1/0", "redis://...@host:1/0"),
    ],
)
def test_no_word_of_a_password_is_shown(url: str, words: str) -> None:
    assert shown(url) == words


@pytest.mark.parametrize("url", ["redis://:secret@host:port/0", "redis://:secret/x@host/0", "redis://:1/secret@host/0"])
def test_an_address_that_cannot_be_read_says_how_to_write_a_password_and_quotes_none(url: str) -> None:
    with pytest.raises(ValueError, match="%2F") as caught:
        RedisStore(url, "kernelgym")
    assert "secret" not in str(caught.value)
