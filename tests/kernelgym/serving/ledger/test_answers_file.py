"""Answers in a file outlive the process, whatever happens to it; a file that can't be used costs no answer."""

import logging
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.jobs import JobState
from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.ledger.memory_ledger import MemoryLedger
from kernelgym.serving.routing import Station
from tests.kernelgym.serving.ledger.orders import finished, order, refused


@contextmanager
def ledger_in(path: Path, **limits: float) -> Iterator[MemoryLedger]:
    ledger = MemoryLedger(path, bounds=Bounds(**limits))  # type: ignore[arg-type]
    try:
        yield ledger
    finally:
        ledger.close()


def settle(ledger: MemoryLedger, number: int = 0) -> str:
    id = ledger.submit(order(number), "me")[0].id
    claim = ledger.claim(id, Station.TRACE, "worker")
    assert claim is not None
    assert ledger.settle(id, claim.token, finished(str(number)), {})
    return id


def knows(ledger: MemoryLedger, number: int = 0) -> bool:
    return ledger.submit(order(number), "me")[0].answer == finished(str(number))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "answers.sqlite"


def test_answers_outlive_the_process_and_infrastructure_does_not(path: Path) -> None:
    with ledger_in(path) as ledger:
        settle(ledger, 0)
        failed = ledger.submit(order(1), "me")[0].id
        ledger.settle(failed, None, refused(), {})
    with ledger_in(path) as ledger:
        assert knows(ledger, 0)
        assert ledger.view([failed]) == [None]
        assert ledger.overview().remembered == 1


def test_answers_survive_sigkill(path: Path) -> None:
    child = os.fork()
    if child == 0:
        ledger = MemoryLedger(path)
        for number in range(20):
            settle(ledger, number)
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    with ledger_in(path) as ledger:
        assert all(knows(ledger, number) for number in range(20))


def test_two_processes_may_share_a_file(path: Path) -> None:
    with ledger_in(path) as one, ledger_in(path) as another:
        settle(one, 0)
        settle(another, 1)
        assert knows(another, 0)
        assert knows(one, 1)


def test_a_file_keeps_as_many_answers_as_it_may(path: Path) -> None:
    with ledger_in(path, max_answers=5) as ledger:
        for number in range(20):
            settle(ledger, number)
    with ledger_in(path, max_answers=5) as ledger:
        assert [knows(ledger, number) for number in range(13, 20)] == [False] * 2 + [True] * 5


@pytest.mark.parametrize("damage", ["half of it", "nonsense", "another schema", "zeros in the middle"])
def test_a_damaged_file_is_set_aside_with_a_warning_and_begun_anew(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ledger_in(path) as ledger:
        for number in range(200):
            settle(ledger, number)
    content = path.read_bytes()
    match damage:
        case "half of it":
            path.write_bytes(content[: len(content) // 2])
        case "nonsense":
            path.write_bytes(b"no database" * 1000)
        case "another schema":
            path.unlink()
            with sqlite3.connect(path) as other:
                other.execute("CREATE TABLE answers (something TEXT)")
            other.close()
        case _:
            path.write_bytes(content[:4096] + bytes(len(content) - 4096))
    with caplog.at_level(logging.WARNING), ledger_in(path) as ledger:
        for number in range(200):  # damage in the middle shows when it is read
            if not knows(ledger, number):
                settle(ledger, number)
        assert knows(ledger, 7)
        assert knows(ledger, 199)
    assert "begun anew" in caplog.text
    assert path.with_name("answers.sqlite.damaged").exists()
    with ledger_in(path) as ledger:
        assert knows(ledger, 199)


def test_an_answer_with_a_flipped_bit_is_unknown(path: Path) -> None:
    with ledger_in(path) as ledger:
        id = settle(ledger)
    with sqlite3.connect(path) as other:
        (record,) = other.execute("SELECT record FROM answers").fetchone()
        middle = len(record) // 2
        other.execute("UPDATE answers SET record = ?", (record[:middle] + b"?" + record[middle + 1 :],))
    other.close()
    with ledger_in(path) as ledger:
        view, send = ledger.submit(order(), "me")
        assert (view.state, send) == (JobState.QUEUED, True)
        settle(ledger)
        assert ledger.view([id])[0].answer == finished("0")  # type: ignore[union-attr]


def test_a_full_disk_costs_the_memory_of_answers_and_not_the_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mount.returncode != 0:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        with caplog.at_level(logging.WARNING), ledger_in(folder / "answers.sqlite") as ledger:
            ids = [settle(ledger, number) for number in range(400)]
            unkept = ledger.overview().counters["unkept"]
            assert 0 < unkept < 400
            assert all(view is not None and view.answer is not None for view in ledger.view(ids))
        assert caplog.text.count("takes no more") == 1
        with ledger_in(folder / "answers.sqlite") as ledger:
            known = [view for view in ledger.view(ids) if view is not None]
            assert len(known) == 400 - unkept
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnavailable, match=r"answers\.sqlite.*name a file in a folder that can be written to"):
        MemoryLedger(tmp_path / "file" / "answers.sqlite")
