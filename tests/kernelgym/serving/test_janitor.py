"""The janitor takes jobs from workers that stand still, and from nobody else; its clock is its own."""

from contextlib import suppress

from kernelgym.evaluators.messages import Refused
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.janitor import LEASE_S, LONGEST_PAUSE_S, LOOK_EVERY_S, OVERDUE_S, Deed, Janitor, pause_after
from kernelgym.serving.jobs import JobState, JobView
from kernelgym.serving.routing import Station
from tests.kernelgym.serving.doubles import FlakyLedger, Sent, make_job, make_order, make_worker


class World:
    """A ledger, its janitor, and the time."""

    def __init__(self) -> None:
        self.ledger = FlakyLedger()
        self.now_s = 1000.0
        self.waiting = 1
        self.sent = Sent()
        self.deeds: list[Deed] = []
        self.worker = make_worker()
        self.janitor = self.another("first")

    def another(self, who: str) -> Janitor:
        return Janitor(
            self.ledger,
            self.send,
            lambda queue: self.waiting,
            who,
            on_deed=lambda deed, job: self.deeds.append(deed),
            clock=lambda: self.now_s,
        )

    def send(self, queue: str, id: str, *rest: object) -> None:
        self.ledger.sending(id)
        self.sent(queue, id, *rest)  # type: ignore[arg-type]

    def submit(self, source: str = "x = 1", deadline_s: float = 100.0) -> str:
        view, _ = self.ledger.submit(make_order(make_job(source), deadline_s), "me")
        self.ledger.sending(view.id)
        return view.id

    def claim(self, id: str) -> None:
        assert self.ledger.claim(id, Station.TRACE, self.worker.id) is not None

    def pass_(self, seconds: float, *, beating: bool = False, janitor: Janitor | None = None) -> None:
        for _ in range(round(seconds)):
            self.now_s += 1.0
            if beating:
                self.ledger.beat(self.worker)
            with suppress(LedgerUnavailable):
                (janitor or self.janitor).look()

    def view(self, id: str) -> JobView:
        view = self.ledger.view([id])[0]
        assert view is not None
        return view


def test_a_worker_that_beats_keeps_its_job_for_as_long_as_it_takes() -> None:
    world = World()
    world.claim(id := world.submit())
    world.pass_(60, beating=True)
    assert (world.view(id).state, world.deeds) == (JobState.RUNNING, [])


def test_a_worker_whose_beat_stands_still_loses_its_job_after_the_lease() -> None:
    world = World()
    world.ledger.beat(world.worker)
    world.claim(id := world.submit())
    world.pass_(LEASE_S)
    assert world.view(id).state is JobState.RUNNING
    world.pass_(1)
    assert (world.view(id).state, world.deeds) == (JobState.QUEUED, [Deed.RELEASED])
    assert world.sent == [("trace", id)]
    assert world.ledger.beats() == {}, "it is struck off"
    world.pass_(30)
    assert world.deeds == [Deed.RELEASED]


def test_a_worker_that_never_beat_loses_its_job_too() -> None:
    world = World()
    world.claim(world.submit())
    world.pass_(LEASE_S + 1)
    assert world.deeds == [Deed.RELEASED]


def test_nobody_loses_a_job_because_the_janitor_itself_was_halted() -> None:
    world = World()
    world.ledger.beat(world.worker)
    world.claim(id := world.submit())
    world.pass_(2)
    world.now_s += 3600.0
    world.pass_(2)
    world.pass_(20, beating=True)
    assert world.view(id).state is JobState.RUNNING


def test_nobody_loses_a_job_because_the_ledger_was_away() -> None:
    world = World()
    world.ledger.beat(world.worker)
    world.claim(id := world.submit())
    world.pass_(3)
    world.ledger.away = {"open_jobs": 30}
    world.pass_(30)
    world.pass_(2)
    world.pass_(20, beating=True)
    assert world.view(id).state is JobState.RUNNING


def test_a_clock_that_goes_backwards_does_nothing() -> None:
    world = World()
    world.ledger.beat(world.worker)
    world.claim(id := world.submit(deadline_s=50.0))
    world.now_s = 0.0
    world.pass_(5)
    assert world.view(id).state is JobState.RUNNING


def test_a_job_whose_queue_is_empty_is_sent_again_and_again_until_somebody_takes_it() -> None:
    world = World()
    id = world.submit()
    world.waiting = 0
    world.pass_(OVERDUE_S)
    assert world.sent == []
    world.pass_(1)
    assert (world.sent, world.deeds) == ([("trace", id)], [Deed.RESENT])
    world.pass_(OVERDUE_S + 1)
    assert len(world.sent) == 2


def test_a_job_that_others_pass_is_sent_again_and_one_that_waits_its_turn_is_not() -> None:
    world = World()
    lost, passing, patient = (world.submit(f"x = {number}") for number in range(3))
    world.claim(passing)
    world.pass_(OVERDUE_S + 1, beating=True)
    assert world.sent == [("trace", lost)]
    assert world.view(patient).state is JobState.QUEUED


def test_a_job_over_its_deadline_ends_as_infrastructure_whether_it_waits_or_runs() -> None:
    world = World()
    waits, runs = world.submit("x = 1", deadline_s=10.0), world.submit("x = 2", deadline_s=10.0)
    world.claim(runs)
    world.pass_(10, beating=True)
    assert Deed.EXPIRED not in world.deeds
    world.pass_(1, beating=True)
    for id, words in ((waits, "waited for a worker"), (runs, "was under way")):
        answer = world.view(id).answer
        assert isinstance(answer, Refused)
        assert words in answer.message


def test_a_job_lives_as_long_as_the_most_patient_of_those_who_wait() -> None:
    world = World()
    id = world.submit(deadline_s=10.0)
    world.pass_(5)
    world.ledger.submit(make_order(make_job(), deadline_s=60.0), "somebody else")
    world.pass_(20)
    assert world.view(id).state is JobState.QUEUED


def test_a_job_that_is_asked_for_again_at_once_has_all_its_time_anew() -> None:
    world = World()
    id = world.submit(deadline_s=10.0)
    world.pass_(11)
    assert (world.view(id).state, world.deeds) == (JobState.DONE, [Deed.EXPIRED])
    assert world.submit(deadline_s=10.0) == id, "between two looks"
    world.pass_(9)
    assert world.view(id).state is JobState.QUEUED
    world.pass_(2)
    assert world.view(id).state is JobState.DONE


def test_a_cancelled_job_leaves_nothing_of_its_age_to_the_next_one() -> None:
    world = World()
    id = world.submit(deadline_s=10.0)
    world.pass_(8)
    assert world.ledger.cancel(id, "me")
    world.submit(deadline_s=10.0)
    world.pass_(8)
    assert world.view(id).state is JobState.QUEUED


def test_a_look_during_which_the_janitor_was_halted_does_not_put_off_the_next_one_for_long() -> None:
    assert pause_after(0.001) == LOOK_EVERY_S
    assert LOOK_EVERY_S < pause_after(0.2) < LONGEST_PAUSE_S
    assert pause_after(60.0) == LONGEST_PAUSE_S


def test_of_two_janitors_one_acts() -> None:
    world = World()
    world.ledger.beat(world.worker)
    world.claim(world.submit())
    second = world.another("second")
    for _ in range(20):
        world.pass_(1)
        second.look()
    assert world.deeds == [Deed.RELEASED]
