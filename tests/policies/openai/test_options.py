"""Options from texts and the environment: everything wrong is one line that names the remedy."""

import subprocess
import sys

import pytest

from kernelgym.errors import BadUsage
from policies import get_policy
from policies.openai import make_openai, read_options
from policies.openai.options import OpenAIOptions


def test_every_option_is_read_from_text() -> None:
    options = read_options(
        {
            "model": "m", "base_url": "http://localhost:8000/v1/", "temperature": "0.7", "top_p": "0.9",
            "max_tokens": "4096", "extra_body": '{"top_k": 20}', "send_seed": "false", "stream": "false",
            "requests_per_minute": "60",
        },
        {},
    )  # fmt: skip
    assert options.base_url == "http://localhost:8000/v1"
    assert (options.temperature, options.max_tokens, options.extra_body) == (0.7, 4096, {"top_k": 20})
    assert (options.send_seed, options.stream, options.requests_per_minute) == (False, False, 60)


def test_the_address_comes_from_the_option_then_the_environment_then_openai() -> None:
    environment = {"OPENAI_BASE_URL": "http://server/v1"}
    assert read_options({"model": "m", "base_url": "http://mine/v1"}, environment).base_url == "http://mine/v1"
    assert read_options({"model": "m"}, environment).base_url == "http://server/v1"
    assert read_options({"model": "m"}, {"OPENAI_BASE_URL": ""}).base_url == "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs the option `model`; add --policy-option model=VALUE"),
        ({"model": ""}, "the option `model`"),
        ({"model": "m", "temprature": "1"}, "no option `temprature`; did you mean 'temperature'?"),
        ({"model": "m", "zzz": "1"}, "no option `zzz`; it has model, base_url"),
        ({"model": "m", "temperature": "warm"}, "`temperature` of the policy `openai` is 'warm': input should be"),
        ({"model": "m", "temperature": "nan"}, "is 'nan'"),
        ({"model": "m", "concurrency": "0"}, "greater than or equal to 1"),
        ({"model": "m", "extra_body": "top_k=20"}, "the option `extra_body`"),
        ({"model": "m", "extra_body": "[1]"}, "the option `extra_body`"),
        ({"model": "m", "extra_body": '{"n": 2, "stream": false}'}, "n, stream can't be set there"),
        ({"model": "m", "base_url": "localhost:8000"}, "give an address that begins with http:// or https://"),
        ({"model": "m", "base_url": "ftp://x/v1"}, "give an address that begins with http:// or https://"),
        ({"model": "m", "base_url": "http://[::1"}, "the option `base_url`"),
        ({"model": "m", "base_url": "http://x/v1?api-version=1"}, "give scheme, host and path only"),
        ({"model": "m", "max_cost_usd": "5"}, "max_cost_usd needs prompt_price and completion_price"),
        ({"model": "m", "max_cost_usd": "5", "prompt_price": "1"}, "needs prompt_price and completion_price"),
    ],
)  # fmt: skip
def test_what_can_not_be_followed_is_named_with_its_remedy(given: dict[str, str], message: str) -> None:
    with pytest.raises(BadUsage) as caught:
        read_options(given, {})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    for given, environment in (
        ({"base_url": "https://me:hunter2@host/v1"}, {}),
        ({}, {"OPENAI_BASE_URL": "https://hunter2@host/v1"}),
    ):
        with pytest.raises(BadUsage, match="a key belongs in the variable that api_key_env names") as caught:
            read_options({"model": "m", **given}, environment)
        assert "hunter2" not in str(caught.value)


def test_the_name_tells_what_decides_the_behaviour_and_nothing_else() -> None:
    def name(**options: str) -> str:
        return make_openai(model="m", base_url="http://x/v1", **options).name

    assert name() == name(concurrency="8", attempts="2", timeout_s="5") == "openai:m"
    assert name(temperature="0.7", max_tokens="9") == 'openai:m {"max_tokens": 9, "temperature": 0.7}'
    assert name(extra_body='{"a": 1, "b": 2}') == name(extra_body='{"b": 2, "a": 1}') != name()


def test_openai_itself_needs_a_key_and_a_local_server_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(BadUsage, match=r"OPENAI_API_KEY is not set; put the key for https://api\.openai\.com/v1 there"):
        make_openai(model="m")
    make_openai(model="m", base_url="http://localhost:8000/v1").close()
    with pytest.raises(BadUsage, match="MY_KEY is not set"):
        make_openai(model="m", base_url="http://localhost:8000/v1", api_key_env="MY_KEY")


@pytest.mark.parametrize("key", ["sk-hidden\nX-Evil: 1", "sk-hidden é", "sk-hidden two"])
def test_a_key_that_can_not_be_one_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("MY_KEY", key)
    with pytest.raises(BadUsage, match="MY_KEY holds characters that no key has") as caught:
        make_openai(model="m", api_key_env="MY_KEY")
    assert "hidden" not in str(caught.value)


def test_it_is_found_by_name_with_its_options() -> None:
    assert get_policy("openai", {"model": "m", "base_url": "http://x/v1"}).name == "openai:m"
    with pytest.raises(BadUsage, match="did you mean 'model'"):
        get_policy("openai", {"modle": "m"})


def test_without_httpx_the_extra_is_named() -> None:
    code = "import sys; sys.modules['httpx'] = None\nfrom policies import get_policy\n"
    code += (
        "try: get_policy('openai', {'model': 'm', 'base_url': 'http://x/v1'})\nexcept Exception as error: print(error)"
    )
    result = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "the policy `openai` needs httpx; install it: pip install 'kernelgym[api]'\n"


def test_every_option_is_in_the_documentation(request: pytest.FixtureRequest) -> None:
    text = (request.config.rootpath / "docs" / "policies.md").read_text(encoding="utf-8")
    assert [name for name in OpenAIOptions.model_fields if f"`{name}`" not in text] == []
