"""The options of the policy `openai`, from `--policy-option key=value`."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, Json, field_validator, model_validator

from policies import options

OPENAI_URL: Final = "https://api.openai.com/v1"

OURS: Final = frozenset({"model", "messages", "stream", "stream_options", "n", "seed"})
"""Fields of a request that `extra_body` can't set: the client relies on them."""

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, le=1e9)]


class OpenAIOptions(BaseModel):
    """What is asked, where, how patiently, and for how much money."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: Annotated[str, Field(min_length=1)]
    """Name of the model, as the server knows it."""
    base_url: str = OPENAI_URL
    """Where the API is, up to and with `/v1`; by default what `OPENAI_BASE_URL` says, else OpenAI."""
    api_key_env: Annotated[str, Field(min_length=1)] = "OPENAI_API_KEY"
    """Environment variable that holds the key."""
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """As the server's default if not given, like the next two."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of probability that is sampled from."""
    max_tokens: Count | None = None
    """Most tokens of a completion."""
    extra_body: Json[dict[str, Any]] = Field(default_factory=dict)
    """Further fields of each request, as a JSON object, e.g. `{"top_k": 20}`."""
    send_seed: bool = True
    """Send a seed that follows from the episode's and the turn; false for servers that refuse it."""
    stream: bool = True
    """Ask for the answer piece by piece; false for servers that can't."""
    concurrency: Annotated[int, Field(ge=1, le=4096)] = 64
    """Most requests at the same time."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 6
    """Most requests for one completion."""
    backoff_s: Positive = 1.0
    """Pause after the first failure; doubled after each further one, up to 60 s."""
    connect_timeout_s: Positive = 10.0
    """Longest wait for a connection."""
    chunk_timeout_s: Positive = 300.0
    """Longest silence of a streaming server, also before its first byte."""
    timeout_s: Positive = 1800.0
    """Longest time of one attempt."""
    deadline_s: Positive = 3600.0
    """Longest time of all attempts and the pauses between them."""
    max_response_mib: Positive = 16.0
    """Longest answer, with reasoning and everything around it."""
    requests_per_minute: Count | None = None
    """Rate limit; unlimited if not given, like the next one."""
    tokens_per_minute: Count | None = None
    """Rate limit of prompts and completions together."""
    prompt_price: Price | None = None
    """US dollars per million tokens of prompts; without prices, no cost is known."""
    completion_price: Price | None = None
    """US dollars per million tokens of completions."""
    max_cost_usd: Positive | None = None
    """No request is made after so much was spent; needs prices."""
    max_tokens_total: Count | None = None
    """No request is made after so many tokens of prompts and completions."""

    @field_validator("base_url")
    @classmethod
    def _a_plain_address(cls, url: str) -> str:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("give an address that begins with http:// or https://")
        if parts.username is not None or parts.password is not None or "?" in url or "#" in url:
            raise ValueError("give scheme, host and path only; a key belongs in the variable that api_key_env names")
        return url.strip().rstrip("/")

    @field_validator("extra_body")
    @classmethod
    def _nothing_of_ours(cls, body: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(OURS & body.keys()):
            raise ValueError(f"{', '.join(taken)} can't be set there; see the other options")
        return body

    @model_validator(mode="after")
    def _a_budget_can_be_counted(self) -> Self:
        if self.max_cost_usd is not None and (self.prompt_price is None or self.completion_price is None):
            raise ValueError("max_cost_usd needs prompt_price and completion_price")
        return self

    @property
    def label(self) -> str:
        """The model, and whatever else of the options decides what it says."""
        sampling = {"temperature", "top_p", "max_tokens", "extra_body", "send_seed"}
        settings = self.model_dump(include=sampling, exclude_defaults=True)
        return f"{self.model} {json.dumps(settings, sort_keys=True)}" if settings else self.model

    def cost_usd(self, prompt_tokens: int | None, completion_tokens: int | None) -> float | None:
        """Returns what so many tokens cost; None if that is not known."""
        if self.prompt_price is None or self.completion_price is None:
            return None
        if prompt_tokens is None or completion_tokens is None:
            return None
        return (prompt_tokens * self.prompt_price + completion_tokens * self.completion_price) / 1e6


def read_options(given: Mapping[str, str], environment: Mapping[str, str]) -> OpenAIOptions:
    """Returns the options that a command line gives; `OPENAI_BASE_URL` of `environment` is the default of `base_url`.

    Raises:
        BadUsage: One is missing, unknown or has a value that can't be used.
    """
    defaults = {"base_url": environment["OPENAI_BASE_URL"]} if environment.get("OPENAI_BASE_URL") else {}
    # an address may hold a password
    return options.read_options("openai", OpenAIOptions, given, defaults=defaults, secret=("base_url",))
