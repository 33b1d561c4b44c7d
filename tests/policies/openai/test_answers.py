"""Good answers, and bad ones that are tried again: what a completion says and what is counted."""

import json
import re

import pytest

from policies.openai import AnswerTooLong, GaveUp, Refused
from tests.policies.openai.conftest import Ask
from tests.policies.openai.endpoint import (
    DONE,
    HANG,
    Answer,
    Endpoint,
    endless,
    event,
    fail,
    good,
    raw,
    reset,
    says,
    send,
    used,
    whole,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


def test_a_stream_is_put_together_and_its_usage_kept(ask: Ask) -> None:
    completion = ask(send(says("Hel"), says("lo"), says(None, "stop"), used(11, 22), DONE))
    assert completion.text == "Hello"
    usage = completion.usage
    assert usage is not None
    assert (usage.model, usage.prompt_tokens, usage.completion_tokens, usage.finish_reason, usage.attempts) == (
        "served", 11, 22, "stop", 1,
    )  # fmt: skip
    assert usage.latency_s is not None
    assert 0 < usage.latency_s < 10
    assert usage.cost_usd is None, "without prices nobody knows"


def test_a_body_is_read_when_streaming_is_off_and_when_the_server_does_not_stream(ask: Ask, endpoint: Endpoint) -> None:
    for options in ({"stream": "false"}, {}):
        completion = ask(whole("Hello"), **options)
        assert completion.text == "Hello"
        assert completion.usage is not None
        assert (completion.usage.prompt_tokens, completion.usage.finish_reason) == (7, "stop")
    assert "stream" not in endpoint.requests[0].body
    assert endpoint.requests[1].body["stream_options"] == {"include_usage": True}


def test_the_cost_follows_from_the_prices(ask: Ask) -> None:
    completion = ask(send(says("x", "stop"), used(1000, 500), DONE), prompt_price="2", completion_price="8")
    assert completion.usage is not None
    assert completion.usage.cost_usd == pytest.approx(0.006)


@pytest.mark.parametrize(
    "usage", [b"", used(None, None), used("many", -1), used(True, 1.5), event({"choices": [], "usage": []})]
)
def test_usage_that_is_missing_or_nonsense_is_unknown_and_not_guessed(ask: Ask, usage: bytes) -> None:
    completion = ask(send(says("x", "stop"), usage, DONE), prompt_price="1", completion_price="1")
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (None, None)
    assert completion.usage.cost_usd is None


def test_reasoning_is_no_part_of_the_text_but_of_the_tokens(ask: Ask) -> None:
    thoughts = [says(None, reasoning_content="hmm"), says("", reasoning="so"), says("code"), says(None, "stop")]
    completion = ask(send(*thoughts, used(7, 900), DONE))
    assert completion.text == "code"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 900


def test_an_answer_that_was_cut_off_says_so(ask: Ask) -> None:
    completion = ask(good("half a ker", finish="length"))
    assert completion.text == "half a ker"
    assert completion.usage is not None
    assert completion.usage.finish_reason == "length"


@pytest.mark.parametrize("answer", [send(says(None, "stop"), DONE), whole(None)])
def test_a_model_that_says_nothing_gives_an_empty_text(ask: Ask, answer: Answer) -> None:
    assert ask(answer).text == ""


def test_a_refusal_is_what_the_model_says(ask: Ask) -> None:
    assert ask(whole(None, refusal="I can't.")).text == "I can't."


def test_characters_may_be_cut_anywhere(ask: Ask) -> None:
    stream = says("α🚀") + says("é", "stop") + DONE
    assert ask(send(*(stream[at : at + 1] for at in range(len(stream))))).text == "α🚀é"


def test_a_character_in_two_halves_is_put_together_and_a_lone_half_replaced(ask: Ask) -> None:
    halves = (
        b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % half for half in (b"\\ud83d", b"\\ude80", b"\\ud83d")
    )
    assert ask(send(*halves, says("", "stop"))).text == "🚀\ufffd"


def test_comments_names_and_lines_of_data_are_read_as_the_standard_says(ask: Ask) -> None:
    lines = b'\xef\xbb\xbf: keep-alive\r\n\r\nevent: message\r\nid: 4\r\nretry: 10\r\ndata: {"choices":\r\n'
    lines += b'data:[{"delta":{"content":"ok"},"finish_reason":"stop"}]}\r\n\r\n: bye\r\n\r\n'
    assert ask(send(lines, DONE)).text == "ok"


def test_a_stream_may_begin_with_a_byte_order_mark(ask: Ask) -> None:
    assert ask(send(b"\xef\xbb\xbf" + says("all", "stop"), DONE)).text == "all"


def test_chunks_without_choices_are_passed_over(ask: Ask) -> None:
    remarks = event({"object": "ping"}), event({"choices": None, "error": None})
    unnumbered = event({"choices": [{"index": None, "delta": {"content": "all"}, "finish_reason": ""}]})
    assert ask(send(*remarks, unnumbered, says(None, "stop"), DONE)).text == "all"


def test_only_the_first_choice_counts(ask: Ask) -> None:
    other = event({"choices": [{"index": 1, "delta": {"content": "other"}, "finish_reason": "stop"}]})
    assert ask(send(says("mine"), other, says(None, "stop"), DONE)).text == "mine"


@pytest.mark.parametrize(
    "answer",
    [
        send(says("all"), says(None, "stop")),
        raw(CHUNKED, chunked(says("all"), says(None, "stop"))),
        send(says("all"), says(None, "stop"), HANG),
        send(says("all"), says(None, "stop"), b'data: {"choi'),
        send(says("all"), DONE, HANG),
    ],
    ids=["no done", "cut after the end", "hang after the end", "half a usage", "connection left open"],
)
def test_an_answer_that_is_complete_is_not_asked_for_again(ask: Ask, endpoint: Endpoint, answer: Answer) -> None:
    assert ask(answer, chunk_timeout_s="1").text == "all"
    assert len(endpoint.requests) == 1


BROKEN: dict[str, Answer] = {
    "500": fail(500),
    "429": fail(429, Retry_After="0"),
    "503 without a body": send(status=503, kind=None),
    "408": fail(408),
    "hang before headers": raw(HANG),
    "hang in the headers": raw(HEAD, HANG),
    "hang before the first event": send(HANG),
    "hang in the stream": send(says("par"), HANG),
    "hang in an error": send(b'{"err', HANG, status=500, kind="application/json"),
    "no answer": raw(),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "reset": reset,
    "malformed JSON": send(b'{"choices": [', kind="application/json"),
    "malformed event": send(says("par"), b"data: {nonsense}\n\n", DONE),
    "not UTF-8": send(b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n', DONE),
    "deep JSON": send(b"data: " + b"[" * 100_000 + b"\n\n"),
    "truncated stream": send(says("par")),
    "truncated chunk": raw(CHUNKED, chunked(says("par")), b"ff\r\ndata: {"),
    "empty stream": send(),
    "done at once": send(DONE),
    "done without a text or a reason": send(says(None), DONE),
    "a number": send(b"data: 17\n\n", DONE),
    "choices that are no list": send(event({"choices": {"0": "x"}}), DONE),
    "no choices": send(event({"object": "chunk"}), DONE),
    "empty choices": send(event({"choices": []}), DONE),
    "a choice of text": send(event({"choices": ["x"]}), DONE),
    "a choice without delta": send(event({"choices": [{"delta": "x"}]}), DONE),
    "content of parts": send(event({"choices": [{"delta": {"content": [1]}}]}), DONE),
    "empty body": send(b"", kind="application/json"),
    "HTML": send(b"<html>Welcome to the hotel</html>", kind="text/html"),
    "no type": send(b"ok", kind=None),
    "error in the stream": send(says("par"), event({"error": {"message": "worker died", "code": 502}})),
    "error without a code": send(event({"error": "overloaded"})),
    "finish reason error": send(says("par"), says(None, "error"), DONE),
}


@pytest.mark.parametrize(("name", "answer"), BROKEN.items(), ids=BROKEN.keys())
def test_what_may_pass_is_tried_again_from_the_start(ask: Ask, endpoint: Endpoint, name: str, answer: Answer) -> None:
    completion = ask(answer, good("whole"), chunk_timeout_s="0.6" if "hang" in name else "60")
    assert completion.text == "whole"
    assert completion.usage is not None
    assert completion.usage.attempts == len(endpoint.requests) == 2
    assert endpoint.requests[0].body == endpoint.requests[1].body


@pytest.mark.parametrize(("name", "answer"), BROKEN.items(), ids=BROKEN.keys())
def test_what_does_not_pass_is_given_up_with_its_reason(
    ask: Ask, endpoint: Endpoint, name: str, answer: Answer
) -> None:
    with pytest.raises(
        GaveUp, match=r"no completion after 2 attempts, the last: .+; attempts is 2: raise it"
    ) as caught:
        ask(answer, attempts="2", chunk_timeout_s="0.1" if "hang" in name else "60")
    assert len(endpoint.requests) == 2
    assert "\n" not in str(caught.value)


def test_a_slow_drip_ends_with_the_attempt(ask: Ask, endpoint: Endpoint) -> None:
    drip = send(*(piece for _ in range(100) for piece in (b": wait\n\n", 0.05)))
    completion = ask(drip, good(), timeout_s="0.5", chunk_timeout_s="10")
    assert completion.text == "Hello"
    with pytest.raises(GaveUp, match=r"did not finish within 0\.2 s"):
        ask(drip, timeout_s="0.2", attempts="1")


def test_a_server_that_is_not_there_is_named(ask: Ask, endpoint: Endpoint) -> None:
    with Endpoint() as gone:
        url = gone.url
    with pytest.raises(GaveUp, match=rf"after 3 attempts.*{url}/chat/completions: ConnectError"):
        ask(good(), base_url=url, attempts="3")


def test_the_deadline_ends_all_attempts(ask: Ask, endpoint: Endpoint) -> None:
    with pytest.raises(GaveUp, match=r"deadline_s is 0\.3"):
        ask(fail(500), attempts="100", backoff_s="0.05", deadline_s="0.3")
    assert 2 <= len(endpoint.requests) < 20
    with pytest.raises(GaveUp, match=r"did not finish within 0\.2 s"):
        ask(send(HANG), attempts="100", deadline_s="0.2", timeout_s="60")


@pytest.mark.parametrize("seconds", ["3601", "1e+300"])
def test_a_server_that_wants_to_be_left_alone_for_too_long_is_given_up_at_once(ask: Ask, seconds: str) -> None:
    with pytest.raises(
        GaveUp, match=rf"after 1 attempt, .*the next is due in {re.escape(seconds)} s, and deadline_s is 3600"
    ):
        ask(fail(429, Retry_After=seconds))


@pytest.mark.parametrize(
    "piece",
    [says("x" * 1000), b": keep-alive\n\n", b"data: " + b"x" * 60_000, says(None, reasoning_content="x" * 1000)],
    ids=["text", "comments", "one line", "reasoning"],
)
def test_an_endless_stream_is_cut_and_not_asked_for_again(ask: Ask, endpoint: Endpoint, piece: bytes) -> None:
    with pytest.raises(AnswerTooLong, match=r"sent more than 0\.25 MiB in one answer; give max_tokens"):
        ask(endless(piece), max_response_mib="0.25")
    assert len(endpoint.requests) == 1


def test_a_huge_body_is_cut_and_a_huge_error_is_read_only_at_its_start(ask: Ask, endpoint: Endpoint) -> None:
    huge = json.dumps({"choices": [{"message": {"content": "x" * 500_000}}]}).encode()
    with pytest.raises(AnswerTooLong, match=r"sent more than 0\.25 MiB"):
        ask(send(huge, kind="application/json"), max_response_mib="0.25")
    with pytest.raises(Refused) as caught:
        ask(send(b"y" * 5_000_000, status=418, kind="text/plain"))
    assert len(str(caught.value)) < 600


def test_compression_is_not_asked_for_and_not_unpacked(ask: Ask, endpoint: Endpoint) -> None:
    with pytest.raises(Refused, match="compresses its answers"):
        ask(send(b"\x1f\x8b", Content_Encoding="gzip"))
    assert endpoint.requests[0].headers["accept-encoding"] == "identity"


def test_redirects_are_not_followed(ask: Ask, endpoint: Endpoint) -> None:
    with pytest.raises(Refused, match="answered 307"):
        ask(send(status=307, Location="http://127.0.0.1:9/v1"))
