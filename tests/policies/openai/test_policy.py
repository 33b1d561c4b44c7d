"""Many players and one endpoint: what is sent, how many at a time, how it ends."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kernelgym.chat import Message, Role
from kernelgym.problems import get_problem
from policies.errors import PolicyClosed
from policies.openai import BudgetSpent, GaveUp
from policies.openai.policy import OpenAIPolicy, request_seed
from tests.policies.openai.conftest import CHAT, MakePolicy
from tests.policies.openai.endpoint import DONE, HANG, Endpoint, Request, fail, good, raw, says, send, used, wait_until

SOFTMAX = get_problem("core/softmax")


def test_the_chat_and_the_options_are_sent(make: MakePolicy, endpoint: Endpoint) -> None:
    endpoint.answers = [good()]
    chat = (*CHAT, Message(role=Role.ASSISTANT, content="α"), Message(role=Role.USER, content="Turn 1"))
    make(temperature="0.5", max_tokens="100", extra_body='{"top_k": 20}').begin(SOFTMAX, 3).act(chat)
    (request,) = endpoint.requests
    assert request.path == "/v1/chat/completions"
    assert request.body == {
        "model": "asked",
        "messages": [
            {"role": "user", "content": "Write a kernel."},
            {"role": "assistant", "content": "α"},
            {"role": "user", "content": "Turn 1"},
        ],
        "temperature": 0.5, "max_tokens": 100, "top_k": 20, "seed": request_seed(3, 1),
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip


def test_seeds_differ_by_episode_and_turn_and_are_the_same_again(make: MakePolicy, endpoint: Endpoint) -> None:
    endpoint.answers = [good()]
    policy = make()
    for episode in (0, 1, 0):
        player = policy.begin(SOFTMAX, episode)
        player.act(CHAT)
        player.act(CHAT)
    seeds = [request.body["seed"] for request in endpoint.requests]
    assert seeds[:2] == seeds[4:]
    assert len(set(seeds)) == 4
    many = {request_seed(episode, turn) for episode in range(1000) for turn in range(1, 11)}
    assert len(many) >= 9_999
    assert 0 <= min(many) <= max(many) < 2**31
    make(send_seed="false").begin(SOFTMAX, 0).act(CHAT)
    assert "seed" not in endpoint.requests[-1].body


def test_players_ask_at_the_same_time_but_no_more_than_allowed(make: MakePolicy, endpoint: Endpoint) -> None:
    now, most = 0, 0

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(now, most)
        await asyncio.sleep(0.02)
        now -= 1
        await send(says("x", "stop"), used(2, 3), DONE)(request, writer)

    endpoint.answers = [answer]
    policy = make(concurrency="4", prompt_price="1", completion_price="1")
    with ThreadPoolExecutor(20) as pool:
        completions = list(pool.map(lambda seed: policy.begin(SOFTMAX, seed).act(CHAT), range(40)))
    assert [completion.text for completion in completions] == ["x"] * 40
    assert most == 4
    spent = policy.usage
    assert (spent.completions, spent.attempts, spent.prompt_tokens, spent.completion_tokens) == (40, 40, 80, 120)
    assert (spent.tokens, spent.uncounted) == (200, 0)
    assert spent.cost_usd == pytest.approx(200e-6)


def test_attempts_that_failed_are_counted_and_what_they_took_is_not(make: MakePolicy, endpoint: Endpoint) -> None:
    endpoint.answers = [fail(500), fail(429), send(says("x", "stop"), DONE)]
    policy = make()
    policy.begin(SOFTMAX, 0).act(CHAT)
    spent = policy.usage
    assert (spent.completions, spent.attempts, spent.uncounted, spent.cost_usd) == (1, 3, 1, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens_total": "25"}, "the tokens of max_tokens_total=25 are used up; raise it to go on"),
        ({"max_cost_usd": "0.25", "prompt_price": "1e4", "completion_price": "1e4"}, "max_cost_usd=0.25 are spent"),
    ],
)  # fmt: skip
def test_no_request_is_made_when_the_budget_is_spent(
    make: MakePolicy, endpoint: Endpoint, options: dict[str, str], message: str
) -> None:
    endpoint.answers = [good()]  # 12 tokens each
    policy = make(**options)
    for _ in range(3):
        policy.begin(SOFTMAX, 0).act(CHAT)
    with pytest.raises(BudgetSpent) as caught:
        policy.begin(SOFTMAX, 0).act(CHAT)
    assert message in str(caught.value)
    assert len(endpoint.requests) == policy.usage.completions == 3


def test_a_budget_that_can_not_be_kept_stops_after_the_first_completion(make: MakePolicy, endpoint: Endpoint) -> None:
    endpoint.answers = [send(says("x", "stop"), DONE)]
    policy = make(max_tokens_total="1000")
    assert policy.begin(SOFTMAX, 0).act(CHAT).text == "x"
    with pytest.raises(BudgetSpent, match="reports no usage, so no budget can be kept"):
        policy.begin(SOFTMAX, 0).act(CHAT)


def test_closing_brings_waiting_players_back_at_once(make: MakePolicy, endpoint: Endpoint) -> None:
    endpoint.answers = [send(says("par"), HANG), raw(HANG), fail(500)]
    policy = make(concurrency="3", backoff_s="60")  # two hang, one waits to try again, one waits for its turn
    errors: list[Exception] = []

    def play() -> None:
        try:
            policy.begin(SOFTMAX, 0).act(CHAT)
        except Exception as error:  # noqa: BLE001 - all of them are looked at
            errors.append(error)

    threads = [threading.Thread(target=play) for _ in range(5)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(endpoint.requests) >= 3)
    began = time.monotonic()
    policy.close()
    for thread in threads:
        thread.join(5)
    assert time.monotonic() - began < 2
    assert [type(error) for error in errors] == [PolicyClosed] * 5
    wait_until(lambda: endpoint.open == 0)  # the server is told
    with pytest.raises(PolicyClosed, match="the policy is closed"):
        policy.begin(SOFTMAX, 0).act(CHAT)
    policy.close()


def test_a_policy_that_was_never_asked_starts_no_thread(make: MakePolicy) -> None:
    before = threading.active_count()
    policy: OpenAIPolicy = make()
    policy.begin(SOFTMAX, 0)
    assert threading.active_count() == before
    policy.close()


def test_the_rate_limit_holds_between_players(make: MakePolicy, endpoint: Endpoint) -> None:
    endpoint.answers = [good()]
    policy = make(requests_per_minute="1200")  # 120 at once, then 18 a second
    with ThreadPoolExecutor(32) as pool:
        began = time.monotonic()
        list(pool.map(lambda seed: policy.begin(SOFTMAX, seed).act(CHAT), range(126)))
    assert time.monotonic() - began >= 0.3


def test_a_rate_limit_of_tokens_learns_what_an_answer_took(make: MakePolicy, endpoint: Endpoint) -> None:
    endpoint.answers = [good()]
    policy = make(tokens_per_minute="100000", max_tokens="9000")
    began = time.monotonic()
    for _ in range(5):  # five times 9,000 would take 18 s
        policy.begin(SOFTMAX, 0).act(CHAT)
    assert time.monotonic() - began < 5


def test_the_server_decides_when_it_is_asked_again(make: MakePolicy, endpoint: Endpoint) -> None:
    endpoint.answers = [fail(429, Retry_After="0.3"), good()]
    began = time.monotonic()
    completion = make().begin(SOFTMAX, 0).act(CHAT)
    assert time.monotonic() - began >= 0.3
    assert completion.usage is not None
    assert completion.usage.attempts == 2
    endpoint.answers = [fail(503, Retry_After="Fri, 01 Jan 2100 00:00:00 GMT")]
    with pytest.raises(GaveUp, match="the next is due in"):
        make().begin(SOFTMAX, 0).act(CHAT)
