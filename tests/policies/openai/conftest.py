"""An endpoint, and policies that ask it and are closed at the end."""

from collections.abc import Callable, Iterator

import pytest

from kernelgym.chat import Completion, Message, Role
from kernelgym.problems import get_problem
from policies.openai import make_openai
from policies.openai.policy import OpenAIPolicy
from tests.policies.openai.endpoint import Answer, Endpoint

KEY = "sk-test-0123456789abcdef"
CHAT = (Message(role=Role.USER, content="Write a kernel."),)

MakePolicy = Callable[..., OpenAIPolicy]
Ask = Callable[..., Completion]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        yield server


@pytest.fixture
def make(endpoint: Endpoint) -> Iterator[MakePolicy]:
    """Makes policies that ask the endpoint and lose no time between attempts."""
    made: list[OpenAIPolicy] = []

    def policy(**options: str) -> OpenAIPolicy:
        made.append(make_openai(**{"model": "asked", "base_url": endpoint.url, "backoff_s": "0.001", **options}))
        return made[-1]

    yield policy
    for one in made:
        one.close()


@pytest.fixture
def ask(endpoint: Endpoint, make: MakePolicy) -> Ask:
    """Returns what a policy says when the endpoint answers so."""

    def completion(*answers: Answer, **options: str) -> Completion:
        endpoint.answers[:] = answers
        return make(**options).begin(get_problem("core/softmax"), 3).act(CHAT)

    return completion
