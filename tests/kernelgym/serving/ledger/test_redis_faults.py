"""What happens to the ledger when something happens to Redis; every fault is a real one."""

import multiprocessing
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path

import pytest

from kernelgym.serving.errors import LedgerUnavailable, TooBusy
from kernelgym.serving.identity import job_id
from kernelgym.serving.jobs import Claim, JobState, Priority
from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.ledger.redis_ledger import RedisLedger
from kernelgym.serving.ledger.redis_news import FRESH_S
from kernelgym.serving.ledger.redis_store import ANSWER_TIMEOUT_S, RedisStore
from kernelgym.serving.routing import Station
from tests.kernelgym.serving.ledger.cutting import CuttingProxy
from tests.kernelgym.serving.ledger.orders import finished, order
from tests.kernelgym.serving.redis_server import RedisServer

pytestmark = pytest.mark.broker

NewRedis = Callable[..., RedisServer]


@contextmanager
def ledger_at(url: str, **limits: float) -> Iterator[RedisLedger]:
    ledger = RedisLedger(url, bounds=Bounds(**limits))  # type: ignore[arg-type]
    try:
        yield ledger
    finally:
        ledger.close()


def claimed(ledger: RedisLedger, number: int = 0, station: Station = Station.TRACE) -> Claim:
    id = ledger.submit(order(number), "me")[0].id
    claim = ledger.claim(id, station, "worker")
    assert claim is not None
    return claim


def settled(ledger: RedisLedger, number: int = 0) -> str:
    claim = claimed(ledger, number)
    assert ledger.settle(claim.id, claim.token, finished(str(number)), {})
    return claim.id


def names(server: RedisServer) -> list[str]:
    with server.client() as client:
        return sorted(key.decode() for key in client.keys("*"))


def test_a_kill_of_a_redis_that_keeps_a_file_loses_nothing(new_redis: NewRedis) -> None:
    server = new_redis(appendonly=True)
    with ledger_at(server.url) as ledger:
        done, running = settled(ledger, 0), claimed(ledger, 1)
        ledger.advance(running.id, running.token, Station.REPLAY, b"bundle", {"trace": 1.0})
        replaying = ledger.claim(running.id, Station.REPLAY, "worker")
        assert replaying is not None
        waiting = ledger.submit(order(2), "me")[0].id
        server.restart()
        assert ledger.view([done])[0].answer == finished("0")  # type: ignore[union-attr]
        assert {job.id for job in ledger.open_jobs()} == {running.id, waiting}
        assert ledger.bundle(running.id) == b"bundle"
        assert ledger.settle(running.id, replaying.token, finished(), {})
        assert ledger.claim(waiting, Station.TRACE, "worker") is not None


def test_after_a_kill_of_a_redis_without_a_file_who_waits_asks_again(new_redis: NewRedis) -> None:
    server = new_redis()
    with ledger_at(server.url) as ledger:
        lost = claimed(ledger)
        server.restart()
        assert ledger.wait([lost.id], 10.0) == {lost.id}
        assert ledger.view([lost.id]) == [None]
        assert not ledger.note(lost.id, lost.token, "trace")
        assert not ledger.settle(lost.id, lost.token, finished("before"), {})
        assert ledger.submit(order(), "me")[1]
        assert not ledger.advance(lost.id, lost.token, Station.REPLAY, b"", {})
        again = claimed(ledger)
        assert ledger.settle(again.id, again.token, finished("after"), {})
        assert ledger.view([again.id])[0].answer == finished("after")  # type: ignore[union-attr]


def test_who_waits_while_everything_is_deleted_is_told_within_seconds(redis_server: RedisServer) -> None:
    with ledger_at(redis_server.url) as ledger:
        id = claimed(ledger).id
        timer = threading.Timer(0.2, redis_server.flush)
        timer.start()
        begun = time.monotonic()
        assert ledger.wait([id], 30.0) == {id}
        assert time.monotonic() - begun < 3.0
        timer.join()
        assert ledger.submit(order(), "me")[1]


def test_who_waits_while_redis_is_killed_and_comes_back_goes_on_waiting_or_is_told(new_redis: NewRedis) -> None:
    server = new_redis(appendonly=True)
    with ledger_at(server.url) as ledger:
        claim = claimed(ledger)
        found: list[set[str]] = []

        def wait() -> None:
            while not found or not found[-1]:
                try:
                    found.append(ledger.wait([claim.id], 20.0))
                except LedgerUnavailable:
                    time.sleep(0.1)

        waiter = threading.Thread(target=wait)
        waiter.start()
        for _ in range(3):
            server.restart()
        with ledger_at(server.url) as another:
            assert another.settle(claim.id, claim.token, finished(), {})
        waiter.join(10.0)
        assert found == [{claim.id}]


def test_a_publication_that_is_lost_costs_about_a_second(redis_server: RedisServer) -> None:
    with ledger_at(redis_server.url) as ledger, redis_server.client() as client:
        claim = claimed(ledger)
        ledger.wait([claim.id], 0.3)
        ended: list[float] = []

        def lose() -> None:
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            ledger.settle(claim.id, claim.token, finished(), {})
            ended.append(time.monotonic())

        timer = threading.Timer(0.3, lose)
        timer.start()
        assert ledger.wait([claim.id], 30.0) == {claim.id}
        timer.join()
        assert time.monotonic() - ended[0] < 2.0


def test_who_waits_for_many_jobs_again_and_again_asks_for_each_once_in_a_while(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger_at(redis_server.url) as ledger, ledger_at(redis_server.url) as worker:
        claims = {claim.id: claim for claim in (claimed(worker, number) for number in range(100))}
        ledger.wait(list(claims), 0.5)  # subscribed
        asked: list[str] = []
        look = ledger._not_open

        def counted(ids: Sequence[str]) -> set[str]:
            asked.extend(ids)
            return look(ids)

        monkeypatch.setattr(ledger, "_not_open", counted)
        begun, told = time.monotonic(), set[str]()
        for claim in list(claims.values()):
            worker.settle(claim.id, claim.token, finished(), {})
            told |= ledger.wait([id for id in claims if id not in told], 5.0)
        assert told == set(claims)
        assert len(asked) < 100 * (3 + (time.monotonic() - begun) / FRESH_S)  # and not 5,050


def test_a_full_redis_takes_no_job_but_gives_and_takes_answers_and_nothing_is_half_done(new_redis: NewRedis) -> None:
    server = new_redis()
    with ledger_at(server.url) as ledger:
        settled(ledger, 0)
        running, waiting = claimed(ledger, 1), ledger.submit(order(2), "me")[0].id
        with server.client() as client:
            client.set("ballast", b"x" * 8_000_000)
        server.set_maxmemory(1)
        before = names(server)
        with pytest.raises(LedgerUnavailable, match=r"127\.0\.0\.1.*its memory is full.*raise its maxmemory"):
            ledger.submit(order(3), "me")
        for last in (10, 200):
            with pytest.raises(LedgerUnavailable, match="memory is full"):
                ledger.submit_many([order(0), *(order(number) for number in range(3, last))], "me")
        with pytest.raises(LedgerUnavailable, match="memory is full"):
            ledger.advance(running.id, running.token, Station.REPLAY, b"x" * 1000, {})
        assert names(server) == before
        assert ledger.submit(order(0), "me")[0].answer == finished("0")
        assert ledger.settle(running.id, running.token, finished("1"), {})
        assert ledger.cancel(waiting, "me")
        assert {view.state for view in ledger.view([running.id, waiting]) if view} == {
            JobState.DONE,
            JobState.CANCELLED,
        }
        server.set_maxmemory(None)
        assert ledger.submit(order(3), "me")[1]
        assert len(ledger.open_jobs()) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(file: RawIOBase) -> None:
    while True:
        file.write(b"x" * 4096)


def submit_all(ledger: RedisLedger, numbers: Iterable[int], taken: list[str]) -> None:
    for number in numbers:
        taken.append(ledger.submit(order(number), "me")[0].id)


def test_a_redis_whose_disk_is_full_says_so_and_loses_nothing(small_disk: Path) -> None:
    options = {"appendfsync": "everysec", "auto-aof-rewrite-percentage": "0"}
    with RedisServer(small_disk, appendonly=True, options=options) as server, ledger_at(server.url) as ledger:
        kept = claimed(ledger, 0)
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            fill(file)
        taken: list[str] = []
        with pytest.raises(LedgerUnavailable, match=r"can't write to its disk.*make room"):
            submit_all(ledger, range(1, 200), taken)
        ballast.unlink()
        deadline = time.monotonic() + 10
        while True:
            try:
                assert ledger.settle(kept.id, kept.token, finished(), {})
                break
            except LedgerUnavailable:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        server.restart()
        assert {job.id for job in ledger.open_jobs()} == set(taken)
        assert ledger.view([kept.id])[0].state is JobState.DONE  # type: ignore[union-attr]


def test_a_halted_redis_makes_nobody_hang(new_redis: NewRedis) -> None:
    server = new_redis()
    with ledger_at(server.url) as ledger:
        claim = claimed(ledger)
        ledger.wait([claim.id], 0.1)
        server.stop()
        calls: list[Callable[[], object]] = [
            lambda: ledger.submit(order(1), "me"),
            lambda: ledger.view([claim.id]),
            lambda: ledger.wait([claim.id], 60.0),
            lambda: ledger.settle(claim.id, claim.token, finished("halted"), {}),
        ]
        begun = time.monotonic()
        failed = []

        def call(one: Callable[[], object]) -> None:
            with pytest.raises(LedgerUnavailable, match="does not answer"):
                one()
            failed.append(time.monotonic() - begun)

        threads = [threading.Thread(target=call, args=(one,)) for one in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(failed) == len(calls)
        assert max(failed) < ANSWER_TIMEOUT_S + 3
        server.resume()
        ledger.settle(claim.id, claim.token, finished("halted"), {})  # once more: the first may have arrived
        assert ledger.wait([claim.id], 10.0) == {claim.id}
        assert ledger.view([claim.id])[0].answer == finished("halted")  # type: ignore[union-attr]
        assert len(ledger.verdicts(10)) == 1


def test_an_answer_whose_reply_came_too_late_is_not_taken_for_a_second_one(new_redis: NewRedis) -> None:
    server = new_redis()
    with ledger_at(server.url) as ledger:
        settled(ledger, 1)  # Redis knows the script
        claim = claimed(ledger, 2)
        server.stop()
        with pytest.raises(LedgerUnavailable, match="does not answer"):
            ledger.settle(claim.id, claim.token, finished("late"), {})
        server.resume()
        assert ledger.settle(claim.id, claim.token, finished("late"), {})
        assert not ledger.settle(claim.id, claim.token, finished("another"), {})
        counters = ledger.overview().counters
        assert (counters["computed"], counters["discarded"]) == (2, 1)


def test_a_claim_whose_reply_came_too_late_is_the_claimers_when_it_asks_again(new_redis: NewRedis) -> None:
    server = new_redis()
    with ledger_at(server.url) as ledger:
        settled(ledger, 1)  # Redis knows the script
        id = ledger.submit(order(2), "me")[0].id
        server.stop()
        with pytest.raises(LedgerUnavailable, match="does not answer"):
            ledger.claim(id, Station.TRACE, "worker")
        server.resume()
        assert ledger.claim(id, Station.TRACE, "another") is None
        claim = ledger.claim(id, Station.TRACE, "worker")
        assert claim is not None
        assert claim.attempt == 1
        assert ledger.settle(id, claim.token, finished(), {})


@pytest.mark.parametrize("jump", ["+40d", "-40d"])
def test_a_clock_that_jumps_takes_no_job_from_a_worker_and_ends_none(new_redis: NewRedis, jump: str) -> None:
    server = new_redis(movable_clock=True)
    with ledger_at(server.url) as ledger, server.client() as client:
        tracing = claimed(ledger, 0)
        replaying = claimed(ledger, 1)
        ledger.advance(replaying.id, replaying.token, Station.REPLAY, b"bundle", {})
        waiting = ledger.submit(order(2, deadline_s=100), "me")[0].id
        assert ledger.lead("one", 5)
        before = client.time()[0]
        server.set_clock(jump)
        assert abs(client.time()[0] - before) > 39 * 86_400
        assert len(ledger.open_jobs()) == 3
        assert ledger.lead("two", 5), "nobody would lead for weeks"
        assert ledger.bundle(replaying.id) == b"bundle"
        assert ledger.submit(order(2, deadline_s=100, priority=Priority.INTERACTIVE), "you")[1]
        assert 100 <= ledger.deadlines([waiting])[waiting] <= 201
        claim = ledger.claim(waiting, Station.TRACE, "worker")
        assert claim is not None
        assert claim.waited_s >= 0
        assert ledger.note(tracing.id, tracing.token, "trace")
        for held in (tracing, claim):
            assert ledger.settle(held.id, held.token, finished(), {})
            assert ledger.view([held.id])[0].state is JobState.DONE  # type: ignore[union-attr]
        assert all(verdict.total_s >= 0 for verdict in ledger.verdicts(10))


@pytest.mark.parametrize("damage", ["cut in half", "one bit", "nothing left", "field gone"])
def test_an_answer_that_can_not_be_read_is_unknown_and_computed_again(redis_server: RedisServer, damage: str) -> None:
    with ledger_at(redis_server.url) as ledger, redis_server.client() as client:
        ids = [settled(ledger, 0), settled(ledger, 1)]
        for id in ids:
            name = f"kernelgym:ended:{id}"
            record = client.hget(name, "record")
            middle = len(record) // 2
            flipped = record[:middle] + bytes([record[middle] ^ 4]) + record[middle + 1 :]
            changed = {"cut in half": record[:middle], "one bit": flipped, "nothing left": b""}
            if damage == "field gone":
                client.hdel(name, "record")
            else:
                client.hset(name, "record", changed[damage])
        assert ledger.view(ids[:1]) == [None]
        for number, id in enumerate(ids):
            view, send = ledger.submit(order(number), "me")
            assert (view.state, send) == (JobState.QUEUED, True)
            again = claimed(ledger, number)
            assert ledger.settle(id, again.token, finished("again"), {})
            assert ledger.view([id])[0].answer == finished("again")  # type: ignore[union-attr]


def test_answers_that_can_not_be_read_do_not_undo_the_rest_of_what_was_asked(redis_server: RedisServer) -> None:
    with ledger_at(redis_server.url, max_open=2) as ledger, redis_server.client() as client:
        damaged = settled(ledger, 0)
        client.hset(f"kernelgym:ended:{damaged}", "record", b"x")
        rows = ledger.submit_many([order(1), order(0), order(2)], "me")
        assert [send for _, send in rows] == [True] * 3
        assert rows[1][0].id == damaged
        client.flushall()
        client.hset(f"kernelgym:ended:{settled(ledger, 0)}", "record", b"x")
        ledger.submit_many([order(1), order(2)], "me")
        with pytest.raises(TooBusy):
            ledger.submit(order(0), "me")


def test_places_of_one_who_ended_before_it_took_them_are_free_again(redis_server: RedisServer) -> None:
    with ledger_at(redis_server.url, max_open=100) as ledger:
        store = RedisStore(redis_server.url, "kernelgym")
        store.run("admit", 100, *(job_id(order(number).task) for number in range(100)))
        store.close()
        with pytest.raises(TooBusy, match="100 jobs are open"):
            ledger.submit(order(100), "me")
        ledger.submit(order(0), "me")
        assert len(ledger.open_jobs()) == 1  # the janitor looks every second
        assert len(ledger.submit_many([order(number) for number in range(100)], "me")) == 100


@pytest.mark.parametrize("field", ["task", "station", "queue", "attempts", "token", "submitted"])
def test_a_job_that_can_not_be_read_is_unknown_and_begins_again(redis_server: RedisServer, field: str) -> None:
    with ledger_at(redis_server.url) as ledger, redis_server.client() as client:
        id = ledger.submit(order(), "me")[0].id
        if field == "task":
            client.hset(f"kernelgym:job:{id}", field, b"no record")
        else:
            client.hdel(f"kernelgym:job:{id}", field)
        assert ledger.claim(id, Station.TRACE, "worker") is None
        ledger.open_jobs()  # as the janitor does, every second
        assert ledger.wait([id], 5.0) == {id}
        assert ledger.view([id]) == [None]
        assert ledger.submit(order(), "me")[1]
        claim = claimed(ledger)
        assert ledger.settle(id, claim.token, finished(), {})
        assert [name for name in names(redis_server) if ":waiting:" in name or ":running:" in name] == []


def test_a_bundle_that_can_not_be_read_is_none(redis_server: RedisServer) -> None:
    with ledger_at(redis_server.url) as ledger, redis_server.client() as client:
        claim = claimed(ledger)
        ledger.advance(claim.id, claim.token, Station.REPLAY, b"bundle" * 100, {})
        client.setrange(f"kernelgym:bundle:{claim.id}", 20, b"?")
        assert ledger.bundle(claim.id) is None


def test_a_reply_that_is_lost_changes_nothing(redis_server: RedisServer) -> None:
    with CuttingProxy(redis_server.port) as way, ledger_at(f"redis://127.0.0.1:{way.port}/0") as ledger:
        warm = claimed(ledger, 9)  # every script is known there
        ledger.release(warm.id, warm.token, lost=False)
        ledger.cancel(warm.id, "me")
        settled(ledger, 8)
        mover = claimed(ledger, 7)
        ledger.advance(mover.id, mover.token, Station.REPLAY, b"", {})
        counters = ledger.overview().counters

        for first, last in ((100, 105), (200, 300)):
            way.cut()
            rows = ledger.submit_many([order(number) for number in range(first, last)], "me")
            assert all(send for _, send in rows)
            for view, _ in rows:
                ledger.cancel(view.id, "me")
        assert ledger.overview().counters["submitted"] == counters["submitted"] + 105
        counters = ledger.overview().counters

        way.cut()
        view, send = ledger.submit(order(0), "me")
        assert send
        way.cut()
        claim = ledger.claim(view.id, Station.TRACE, "worker")
        assert claim is not None
        assert claim.attempt == 1
        way.cut()
        assert ledger.release(view.id, claim.token, lost=True)
        claim = ledger.claim(view.id, Station.TRACE, "worker")
        assert claim is not None
        assert claim.attempt == 2
        way.cut()
        assert ledger.advance(view.id, claim.token, Station.REPLAY, b"bundle", {"trace": 1.0})
        claim = ledger.claim(view.id, Station.REPLAY, "worker")
        assert claim is not None
        assert claim.timings_s == {"trace": 1.0}
        way.cut()
        assert ledger.settle(view.id, claim.token, finished(), {})
        gone = ledger.submit(order(1), "me")[0].id
        way.cut()
        assert ledger.cancel(gone, "me")
        assert way.cuts == 8
        after = ledger.overview().counters
        grown = {
            name: after[name] - counters.get(name, 0) for name in ("submitted", "computed", "cancelled", "retried")
        }
        assert grown == {"submitted": 2, "computed": 1, "cancelled": 1, "retried": 1}
        assert after.get("joined", 0) == after.get("discarded", 0) == 0


def _settle_all(url: str, claims: list[tuple[str, str]], gate: object, results: object, name: str) -> None:
    with ledger_at(url) as ledger:
        gate.wait()  # type: ignore[attr-defined]
        won = [id for id, token in claims if ledger.settle(id, token, finished(name), {})]
        results.put((name, won))  # type: ignore[attr-defined]


def test_of_two_processes_that_answer_at_once_one_wins(redis_server: RedisServer) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ledger_at(redis_server.url) as ledger:
        claims = [claimed(ledger, number) for number in range(200)]
        gate, results = spawn.Barrier(2), spawn.Queue()
        pairs = [(claim.id, claim.token) for claim in claims]
        processes = [
            spawn.Process(target=_settle_all, args=(redis_server.url, pairs, gate, results, name)) for name in "ab"
        ]
        for process in processes:
            process.start()
        won = dict(results.get(timeout=60) for _ in processes)
        for process in processes:
            process.join(20)
        assert len(won["a"]) + len(won["b"]) == len(claims)
        for name, ids in won.items():
            assert all(view is not None and view.answer == finished(name) for view in ledger.view(ids))
        counters = ledger.overview().counters
        assert (counters["computed"], counters["discarded"]) == (200, 200)


def test_a_ledger_works_on_after_a_fork(redis_server: RedisServer) -> None:
    with ledger_at(redis_server.url) as ledger:
        claim = claimed(ledger)
        ledger.wait([claim.id], 0.1)
        child = os.fork()
        if child == 0:
            told = set()
            try:
                told = ledger.wait([claim.id], 20.0)
            finally:
                os._exit(0 if told == {claim.id} else 1)
        time.sleep(0.2)  # so that the child waits, most likely
        ledger.settle(claim.id, claim.token, finished(), {})
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert ledger.view([claim.id])[0].state is JobState.DONE  # type: ignore[union-attr]


def test_nothing_but_what_is_bounded_stays_when_jobs_have_ended(redis_server: RedisServer) -> None:
    with ledger_at(redis_server.url, max_answers=50, max_verdicts=20) as ledger:
        for number in range(400):
            claim = claimed(ledger, number)
            ledger.sending(claim.id)
            match number % 4:
                case 0:
                    ledger.cancel(claim.id, "me")
                case 1:
                    ledger.settle(claim.id, None, finished(), {})
                case 2:
                    ledger.advance(claim.id, claim.token, Station.REPLAY, b"x" * 1000, {"trace": 1.0})
                    ledger.settle(claim.id, claim.token, finished(), {"trace": 1.0})
                case 3:
                    ledger.release(claim.id, claim.token, lost=True)
                    ledger.settle(claim.id, claim.token, finished(), {})
        found = names(redis_server)
        ended = [name for name in found if name.startswith("kernelgym:ended:")]
        assert len(ended) == 50
        assert sorted(set(found) - set(ended)) == [
            "kernelgym:clock",
            "kernelgym:counters",
            "kernelgym:expiry",
            "kernelgym:uses",
            "kernelgym:verdicts",
        ]
        with redis_server.client() as client:
            sizes = (
                client.zcard("kernelgym:expiry"),
                client.zcard("kernelgym:uses"),
                client.llen("kernelgym:verdicts"),
            )
        assert sizes == (50, 50, 20)


def test_answers_that_grow_old_leave_nothing_behind(redis_server: RedisServer) -> None:
    with ledger_at(redis_server.url, answer_ttl_s=0.2) as ledger, redis_server.client() as client:
        for number in range(20):
            settled(ledger, number)
        deadline = time.monotonic() + 10
        while (
            client.exists(f"kernelgym:ended:{'0' * 64}") or client.zcount("kernelgym:expiry", "-inf", time.time()) < 20
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for number in range(20, 23):
            settled(ledger, number)
        assert client.zcard("kernelgym:uses") == client.zcard("kernelgym:expiry") == 3


def test_no_redis_there_says_where_and_what_to_do(redis_server: RedisServer) -> None:
    with ledger_at("redis://:hidden@127.0.0.1:1/0") as ledger:
        begun = time.monotonic()
        with pytest.raises(LedgerUnavailable, match=r"redis://127\.0\.0\.1:1/0 can't be reached.*start it") as caught:
            ledger.submit(order(), "me")
        assert time.monotonic() - begun < 5
        assert "hidden" not in str(caught.value)


def test_a_wrong_password_is_told_and_not_shown(new_redis: NewRedis) -> None:
    server = new_redis(options={"requirepass": "correct"})
    place = f"127.0.0.1:{server.port}/0"
    for user, why in (("", "it wants a password"), (":mistaken@", "the password or the user name is wrong")):
        with ledger_at(f"redis://{user}{place}") as ledger, pytest.raises(LedgerUnavailable, match=why) as caught:
            ledger.open_jobs()
        assert "mistaken" not in str(caught.value)
    with ledger_at(f"redis://:correct@{place}") as ledger:
        assert ledger.open_jobs() == []


def test_a_replica_takes_no_jobs_and_says_so(new_redis: NewRedis) -> None:
    server = new_redis()
    with ledger_at(server.url) as ledger, server.client() as client:
        client.replicaof("127.0.0.1", 1)
        with pytest.raises(LedgerUnavailable, match=r"takes no writes.*primary"):
            ledger.submit(order(), "me")
        client.replicaof("NO", "ONE")
        assert ledger.submit(order(), "me")[1]


def test_somebody_elses_keys_under_our_names_are_told(redis_server: RedisServer) -> None:
    with ledger_at(redis_server.url) as ledger, redis_server.client() as client:
        client.set("kernelgym:open", "a word")
        with pytest.raises(LedgerUnavailable, match="something else under our names"):
            ledger.submit(order(), "me")
