"""One request through real processes: its id is in the logs of client, API and worker, its source and token in none."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kernelgym.serving.faults.service import until
from tests.kernelgym.serving.redis_server import RedisServer

pytestmark = [pytest.mark.broker, pytest.mark.slow]

COMMAND = [sys.executable, "-c", "from kernelgym.cli import main; main()"]
MARK = "SOURCE_OF_THE_CANDIDATE"
CLIENT = """
import sys
from kernelgym.evaluators.remote import KernelGymClient
from kernelgym.problems import get_problem
from kernelgym.serving.telemetry.logs import configure_logging
from sandboxes.contracts import EvalConfig, Submission

configure_logging("json", role="evaluator", stream=open(sys.argv[2], "w"))
source = open(sys.argv[3]).read()
with KernelGymClient(sys.argv[1]) as client:
    print(client.evaluate(Submission(source=source), get_problem("core/add_relu"), EvalConfig()).outcome)
"""


class Processes:
    """What is started, each with a log; all of it ends with the test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KERNELGYM_")},
            "KERNELGYM_SANDBOX": "process",
        }

    def start(self, name: str, *arguments: str) -> Path:
        """Starts a command; returns its log."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as errors, (self.folder / f"{name}.out").open("wb") as output:
            process = subprocess.Popen(
                [*COMMAND, *arguments], stdout=output, stderr=errors, stdin=subprocess.DEVNULL, env=self.environment
            )
        self.stack.callback(self._end, process)
        return log

    def run(self, *command: str) -> str:
        ended = subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=90, check=False)
        assert ended.returncode == 0, ended.stderr[-3000:]
        return ended.stdout

    @staticmethod
    def _end(process: "subprocess.Popen[bytes]") -> None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with ExitStack() as stack:
        yield Processes(tmp_path, stack)


def lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_request_is_followed_through_all_processes(
    processes: Processes, redis_server: RedisServer, tmp_path: Path
) -> None:
    tokens, candidate = tmp_path / "tokens.yaml", tmp_path / "candidate.py"
    bundled = Path(__file__).parents[4] / "kernelgym/problems/core/solutions/add_relu/correct.py"
    candidate.write_text(f"# {MARK}\n{bundled.read_text()}")
    made = processes.run(*COMMAND, "serve", "token", "t", "--scopes", "read,submit,operate", "--file", str(tokens))
    token = re.search(r"kg_\S+", made)
    assert token is not None
    processes.environment["KERNELGYM_TOKEN"] = token[0]
    worker = processes.start("worker", "worker", "--redis", redis_server.url, "--log", "json")
    api = processes.start(
        "api", "serve", "--port", "0", "--redis", redis_server.url, "--tokens", str(tokens), "--log", "json"
    )
    url = until(lambda: re.search(r"http://\S+", api.read_text()), 60.0, "an address")[0]

    client = tmp_path / "client.log"
    assert processes.run(sys.executable, "-c", CLIENT, url, str(client), str(candidate)).strip() == "ok"

    submitted, answered = lines(client)
    id, job = submitted["request_id"], submitted["job"]
    assert (submitted["event"], answered["event"], answered["outcome"]) == ("submitted", "answered", "ok")
    in_api = [line for line in lines(api) if line.get("request_id") == id]
    assert {line["event"] for line in in_api} == {"request", "submitted"}
    assert {line.get("client") for line in in_api if line["event"] == "request"} == {"t"}
    of_job = [line for line in lines(worker) if line.get("job") == job]
    assert [(line["event"], line["station"]) for line in of_job] == [
        ("job_began", "trace"), ("job_kept", "trace"), ("job_began", "replay"), ("job_answered", "replay"),
    ]  # fmt: skip
    assert {line["request_id"] for line in of_job} == {id}
    assert {"trace", "replay", "station_replay"} <= of_job[-1]["seconds"].keys()  # type: ignore[attr-defined]
    for log in (client, api, worker):
        assert MARK not in log.read_text()
        assert token[0] not in log.read_text()

    status = json.loads(processes.run(*COMMAND, "status", url, "--json"))
    assert status["counters"]["outcome:ok"] == 1
    assert status["latency"]["replay"]["count"] == 1
    assert MARK not in processes.run(*COMMAND, "status", redis_server.url, "--once")
