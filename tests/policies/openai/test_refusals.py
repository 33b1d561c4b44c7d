"""What is not tried again: one request, one clear line, and never the key."""

import logging
import pickle

import pytest

from policies.errors import PoliciesError
from policies.openai import AnswerTooLong, BudgetSpent, ContextExceeded, GaveUp, Refused
from policies.openai.errors import Transient
from policies.openai.secret import Secret
from tests.policies.openai.conftest import KEY, Ask, MakePolicy
from tests.policies.openai.endpoint import DONE, Endpoint, event, fail, good, says, send


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (400, "correct the policy's options"),
        (401, "put a valid key into the environment variable OPENAI_API_KEY"),
        (402, "top up the account"),
        (403, "may ask this model"),
        (404, "check the options model and base_url"),
        (422, "check the options"),
        (204, "check the options"),
    ],
)
def test_a_refusal_is_one_request_and_one_line_with_status_message_and_remedy(
    ask: Ask, endpoint: Endpoint, status: int, remedy: str
) -> None:
    with pytest.raises(Refused) as caught:
        ask(fail(status, {"error": {"message": "no such\nthing", "code": "x"}}))
    assert f"answered {status}" in str(caught.value)
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)
    if status != 204:  # has no body
        assert "(no such thing)" in str(caught.value)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"error": "plainly no"},
        {"error": {"message": "plainly no", "code": 400}},
        {"message": "plainly no"},
        {"detail": "plainly no"},
        {"object": "error", "message": "plainly no"},
        "plainly no",
        ["plainly no"],
    ],
)
def test_a_servers_message_is_found_in_every_form(ask: Ask, body: object) -> None:
    with pytest.raises(Refused, match="plainly no"):
        ask(fail(400, body))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"message": "This model's maximum context length is 4096 tokens.", "code": "context_length_exceeded"}),
        (400, {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"}),
        (400, {"message": "prompt is too long: 300000 tokens > 200000 maximum", "type": "invalid_request_error"}),
        (413, {"message": "Input is too long for this context window"}),
        (500, {"message": "context size exceeded"}),
    ],
)
def test_a_chat_that_is_too_long_is_told_from_other_refusals(
    ask: Ask, endpoint: Endpoint, status: int, error: dict[str, str]
) -> None:
    with pytest.raises(ContextExceeded, match="the chat is longer than the model's context; play or keep fewer turns"):
        ask(fail(status, {"error": error}))
    assert len(endpoint.requests) == 1


def test_a_context_error_inside_a_stream_is_one_too(ask: Ask, endpoint: Endpoint) -> None:
    with pytest.raises(ContextExceeded):
        ask(send(event({"error": {"message": "maximum context length is 10", "code": 400}})))
    assert len(endpoint.requests) == 1


def test_a_quota_that_is_used_up_is_not_a_rate_limit(ask: Ask, endpoint: Endpoint) -> None:
    with pytest.raises(Refused, match="top up the account"):
        ask(fail(429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}))
    assert len(endpoint.requests) == 1


def test_a_server_that_repeats_the_key_does_not_get_it_into_a_message(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    long = "x" * (300 - len(KEY) // 2)  # the key across the place where the message is cut
    bodies = [
        {"error": {"message": f"Incorrect API key: {KEY}."}},
        {"error": f"{long}{KEY}"},
        {KEY: KEY},
        f"Bearer {KEY}",
    ]
    for body in bodies:
        with pytest.raises(Refused) as caught:
            ask(fail(401, body))
        assert KEY[:10] not in str(caught.value)
    with pytest.raises(GaveUp) as given_up:
        ask(send(kind=f"text/{KEY}"), fail(500, {"error": KEY}), attempts="2")
    assert KEY[:10] not in str(given_up.value)
    assert KEY[:10] not in caplog.text
    assert "HTTP Request" in caplog.text, "something was logged"


def test_a_server_that_repeats_the_key_does_not_get_it_into_a_record(ask: Ask) -> None:
    echo = event({"model": "m" * 290 + KEY, "choices": [{"delta": {"content": KEY[:9]}}]})
    completion = ask(send(echo, says(KEY[9:] + "!", KEY), DONE))
    assert completion.text == "[key]!"
    assert KEY[:10] not in completion.model_dump_json()


def test_a_short_key_is_a_word_of_completions_and_stays(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    assert ask(good("EMPTY = 0")).text == "EMPTY = 0"


def test_the_key_is_sent_and_is_in_nothing_that_is_printed(ask: Ask, make: MakePolicy, endpoint: Endpoint) -> None:
    ask(good())
    assert endpoint.requests[0].headers["authorization"] == f"Bearer {KEY}"
    policy = make()
    assert KEY not in f"{policy.name} {policy!r} {vars(policy)} {vars(policy._client)} {vars(policy._client._exchange)}"
    assert repr(Secret(KEY)) == "Secret([key])"


def test_a_servers_words_can_not_steer_a_terminal(ask: Ask) -> None:
    with pytest.raises(Refused) as caught:
        ask(fail(400, {"error": {"message": "\x1b[2J\x1b]0;hi\x07\r\u202eevil\u2066\x9b31m"}}))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", [Transient, GaveUp, Refused, BudgetSpent, ContextExceeded, AnswerTooLong])
def test_errors_survive_pickling(kind: type[PoliciesError]) -> None:
    error = pickle.loads(pickle.dumps(kind("what happened")))  # noqa: S301 - made here
    assert (type(error), str(error)) == (kind, "what happened")
