import io
import json
import logging
from collections.abc import Iterator

import pytest

from kernelgym.serving.telemetry.logs import configure_logging, log_context, log_event

ATTACK = 'x\n{"event":"forged"}\r\x1b[2J\u2028\u202e" level=error event=forged'


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("kernelgym").setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_its_ids_and_durations(stream: io.StringIO) -> None:
    configure_logging("json", role="worker", stream=stream)
    log_event("job_settled", request_id="r-1", job="ab", outcome="ok", seconds={"trace": 0.25}, attempt=1, stage="")
    (line,) = lines(stream)
    assert line["event"] == "job_settled"
    assert (line["role"], line["request_id"], line["outcome"], line["attempt"]) == ("worker", "r-1", "ok", 1)
    assert line["seconds"] == {"trace": 0.25}
    assert "stage" not in line, "what is empty is left out"


@pytest.mark.parametrize("style", ["json", "text"])
def test_no_value_can_forge_a_line_or_move_the_cursor(stream: io.StringIO, style: str) -> None:
    configure_logging(style, role="api", stream=stream)
    log_event("request", request_id=ATTACK, worker=ATTACK, seconds={ATTACK: 1.0})
    logging.getLogger(ATTACK).warning("%s", ATTACK)
    written = stream.getvalue()
    assert len(written.splitlines()) == 2
    assert "\x1b" not in written
    assert "\u202e" not in written
    if style == "json":
        assert [line["event"] for line in lines(stream)] == ["request", "log"]


def test_fields_of_a_context_are_in_every_line_of_it_also_in_those_of_libraries(stream: io.StringIO) -> None:
    configure_logging("json", role="worker", stream=stream)
    with log_context(request_id="r-2", worker="w"):
        log_event("job_claimed")
        logging.getLogger("redis").warning("connection lost")
    log_event("worker_idle")
    first, second, third = lines(stream)
    assert first["request_id"] == second["request_id"] == "r-2"
    assert "request_id" not in third


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cret",
        "redis://:s3cret@host:6379/0 is away",
        "KERNELGYM_TOKEN=s3cret was set",
        '{"token": "s3cret"}',
    ],
)
def test_what_looks_like_a_secret_is_struck_out_of_what_libraries_say(stream: io.StringIO, text: str) -> None:
    configure_logging("text", role="api", stream=stream)
    try:
        raise ConnectionError(text)
    except ConnectionError:
        logging.getLogger("redis").exception(text)
    assert "s3cret" not in stream.getvalue()
    assert "[...]" in stream.getvalue()


def test_configuring_again_does_not_write_lines_twice(stream: io.StringIO) -> None:
    configure_logging("text", role="api", stream=stream)
    configure_logging("text", role="api", stream=stream)
    log_event("started", message="two words")
    assert stream.getvalue().count("started") == 1
    assert 'message="two words"' in stream.getvalue()
