"""Whatever the network does between a client and a server, each request has one verdict, and none is computed twice."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kernelgym.evaluators import Request
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.remote import KernelGymClient
from kernelgym.problems import get_problem
from kernelgym.serving.engines.embedded import EmbeddedEngine
from sandboxes.contracts import EvalConfig, Outcome, Submission
from tests.kernelgym.evaluators.double_staged import DoubleStaged
from tests.kernelgym.evaluators.remote.proxy import Proxy, Weather
from tests.kernelgym.evaluators.remote.served import served

PROBLEM = get_problem("core/add_relu")
PATIENT = Manners(
    in_flight=32, batch=8, patience_s=30.0, pause_s=0.01, longest_pause_s=0.1, silence_s=0.4, longest_wait_s=0.3
)


def request(number: int) -> Request:
    return Submission(source=f"number = {number}"), PROBLEM, EvalConfig()


@pytest.fixture
def staged() -> DoubleStaged:
    return DoubleStaged(0.01)


@pytest.fixture
def url(staged: DoubleStaged) -> Iterator[str]:
    engine = EmbeddedEngine(4, open_evaluator=staged.opener)
    try:
        with served(engine) as address:
            yield address
    finally:
        engine.close()


@pytest.mark.slow
@pytest.mark.parametrize("weather", [each for each in Weather if each is not Weather.FAIR], ids=lambda each: each.name)
def test_a_partition_loses_nothing_and_doubles_nothing(url: str, staged: DoubleStaged, weather: Weather) -> None:
    count, over = 200, threading.Event()

    def change() -> None:
        while not over.wait(0.3):
            proxy.become(weather)
            time.sleep(0.6)
            proxy.become(Weather.FAIR)

    with Proxy(url) as proxy, KernelGymClient(proxy.url, manners=PATIENT) as client:
        changing = threading.Thread(target=change)
        changing.start()
        found = list(client.evaluate_many(map(request, range(count))))
        over.set()
        changing.join()
    assert sorted(index for index, _ in found) == list(range(count))
    assert {report.outcome for _, report in found} == {Outcome.INCORRECT}
    assert all(report.submission == request(index)[0].digest for index, report in found)
    assert len(staged.times_done) == count
    assert set(staged.times_done.values()) == {1}


@pytest.mark.slow
def test_a_partition_beyond_all_patience_is_infrastructure_and_the_answers_are_there_afterwards(
    url: str, staged: DoubleStaged
) -> None:
    hasty = Manners(patience_s=0.5, pause_s=0.01, longest_pause_s=0.1, silence_s=0.4, longest_wait_s=0.3)
    staged.seconds = 0.3
    with Proxy(url) as proxy, KernelGymClient(proxy.url, manners=hasty) as client:
        stream = client.evaluate_many(map(request, range(20)))
        first = next(stream)
        proxy.become(Weather.REFUSES)
        rest = dict(stream)
        assert sorted([first[0], *rest]) == list(range(20))
        assert Outcome.INFRASTRUCTURE in {report.outcome for report in rest.values()}
        proxy.become(Weather.FAIR)
        again = dict(client.evaluate_many(map(request, range(20))))
    assert {report.outcome for report in again.values()} == {Outcome.INCORRECT}


SCRIPT = """
import sys
from kernelgym.evaluators import evaluate_all
from kernelgym.evaluators.remote import KernelGymClient
from tests.kernelgym.evaluators.remote.test_partition import request
with KernelGymClient(sys.argv[1]) as client:
    for index, report in evaluate_all(client, map(request, range(40))):
        print(index, report.outcome, flush=True)
"""


@pytest.mark.slow
def test_a_client_that_is_killed_and_started_again_gets_what_was_done_from_memory(
    url: str, staged: DoubleStaged
) -> None:
    staged.seconds = 0.05
    root = Path(__file__).resolve().parents[4]

    def start() -> "subprocess.Popen[str]":
        return subprocess.Popen([sys.executable, "-c", SCRIPT, url], stdout=subprocess.PIPE, text=True, cwd=root)

    with start() as killed:
        assert killed.stdout is not None
        for _ in range(8):
            killed.stdout.readline()
        killed.send_signal(signal.SIGKILL)
    with start() as second:
        printed = second.communicate(timeout=60)[0].splitlines()
    assert sorted(int(line.split()[0]) for line in printed) == list(range(40))
    assert all(line.endswith(" incorrect") for line in printed)
    assert set(staged.times_done.values()) == {1}


@pytest.mark.slow
def test_a_server_that_is_started_again_at_the_same_address_is_found_again(tmp_path: Path) -> None:
    staged, answers = DoubleStaged(0.02), tmp_path / "answers.sqlite"
    rest: list[tuple[int, object]] = []
    with ExitStack() as first, ExitStack() as second:
        url = first.enter_context(served(_engine(first, staged, answers)))
        client = second.enter_context(KernelGymClient(url, manners=PATIENT))
        stream = client.evaluate_many(map(request, range(60)))
        rest.append(next(stream))
        reading = threading.Thread(target=lambda: rest.extend(stream))
        reading.start()
        first.close()
        second.enter_context(served(_engine(second, staged, answers), port=int(url.rpartition(":")[2])))
        reading.join(60)
        assert sorted(index for index, _ in rest) == list(range(60))


def _engine(stack: ExitStack, staged: DoubleStaged, answers: Path) -> EmbeddedEngine:
    engine = EmbeddedEngine(2, open_evaluator=staged.opener, answers=answers)
    stack.callback(engine.close)
    return engine
