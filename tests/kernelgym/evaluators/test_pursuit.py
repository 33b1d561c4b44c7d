"""Whatever is said on a line that fails, each task has one answer in the end, and in bounded time."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kernelgym.errors import BadUsage
from kernelgym.evaluators.manners import Manners
from kernelgym.evaluators.messages import Finished, Job, Refused, Task
from kernelgym.evaluators.pursuit import GRACE_S, Pursuit
from kernelgym.evaluators.rhythm import LONGEST_RETRY_S
from kernelgym.evaluators.steps import Ask, Drop, Rest, Send, Told, Words
from kernelgym.evaluators.troubles import Again, Busy, Passing, Senseless, Unmanned
from kernelgym.problems import get_problem
from kernelgym.serving.identity import job_id
from kernelgym.serving.jobs import JobState, JobView
from sandboxes.contracts import EvalConfig, Submission
from tests.kernelgym.serving.scripted_engine import incorrect

REFERENCE = get_problem("core/add_relu").reference
AWAY = Passing("nobody is there")


def task(number: int) -> Job:
    return Job(submission=Submission(source=f"n = {number}"), reference=REFERENCE, config=EvalConfig())


def tasks(count: int) -> list[Task]:
    return [task(number) for number in range(count)]


class Chase:
    """A pursuit with a clock of its own, and a most obedient other side."""

    def __init__(self, wanted: Any, *, draw: float = 1.0, manners: Manners | None = None, **options: Any) -> None:
        self.now = 1000.0
        self.said: list[Words] = []
        self.found: list[tuple[int, Any]] = []
        self.pursuit = Pursuit(wanted, manners or Manners(), now=lambda: self.now, draw=lambda: draw, **options)

    def step(self) -> Words:
        """Returns what is said next; pauses only take the clock's time."""
        for _ in range(100):
            step = self.pursuit.next()
            self.found += self.pursuit.take()
            assert step is not None
            if not isinstance(step, Rest):
                self.said.append(step)
                return step
            self.now += step.seconds
        raise AssertionError("it only rests")

    def sent(self) -> Send:
        step = self.step()
        assert isinstance(step, Send), step
        return step

    def asked(self) -> Ask:
        step = self.step()
        assert isinstance(step, Ask), step
        return step

    def take_all(self) -> Send:
        """Sends once, and has it taken."""
        step = self.sent()
        self.pursuit.taken(step, [view(want.task) for want in step.wants])
        return step

    def run(self, answer: Callable[[Words], None]) -> list[tuple[int, Any]]:
        """Goes on to the end; `answer` says what comes of each step."""
        for _ in range(10_000):
            step = self.pursuit.next()
            self.found += self.pursuit.take()
            if step is None:
                return self.found
            if isinstance(step, Rest):
                self.now += step.seconds
            else:
                self.said.append(step)
                answer(step)
        raise AssertionError("it does not end")

    def obey(self, step: Words) -> None:
        """Takes and answers everything."""
        if isinstance(step, Send):
            self.pursuit.taken(step, [view(want.task) for want in step.wants])
        elif isinstance(step, Ask):
            known = {job_id(task(number)): task(number) for number in range(100)}
            self.pursuit.told(step, Told(views=[view(known[id], incorrect(known[id])) for id in step.ids]))

    def messages(self) -> list[str]:
        return [answer.message for _, answer in self.found if isinstance(answer, Refused)]


def view(task: Task, answer: Any = None) -> JobView:
    return JobView(id=job_id(task), state=JobState.QUEUED if answer is None else JobState.DONE, answer=answer)


def test_tasks_are_sent_together_and_followed_to_their_answers() -> None:
    chase = Chase(tasks(5))
    found = dict(chase.run(chase.obey))
    assert [type(step) for step in chase.said] == [Send, Ask]
    assert all(found[number].report.submission == task(number).submission.digest for number in range(5))


def test_no_more_is_read_than_may_be_in_flight() -> None:
    read: list[int] = []

    def source() -> Iterator[Task]:
        for number in range(100):
            read.append(number)
            yield task(number)

    chase = Chase(source(), manners=Manners(in_flight=8, batch=4))
    chase.take_all()
    chase.take_all()
    ask = chase.asked()
    assert len(read) == len(ask.ids) == 8
    chase.pursuit.told(ask, Told(views=[view(task(0), incorrect(task(0)))]))
    chase.pursuit.next()
    assert len(read) == 8, "what was found and not fetched counts, too"
    chase.pursuit.take()
    chase.pursuit.told(ask, Told(views=[view(task(1), incorrect(task(1)))]))
    chase.found += chase.pursuit.take()
    assert len(chase.sent().wants) == 2
    assert len(read) == 10


def test_answers_are_held_back_until_it_is_their_turn() -> None:
    chase = Chase(tasks(3), ordered=True)
    chase.take_all()
    ask = chase.asked()
    for number in (2, 1):
        chase.pursuit.told(ask, Told(views=[view(task(number), incorrect(task(number)))]))
        assert chase.pursuit.take() == []
    chase.pursuit.told(ask, Told(views=[view(task(0), incorrect(task(0)))]))
    assert [index for index, _ in chase.pursuit.take()] == [0, 1, 2]


def test_a_job_that_is_unknown_or_was_cancelled_by_others_is_sent_again_and_the_second_time_after_a_pause() -> None:
    chase = Chase(tasks(2))
    chase.take_all()
    ask = chase.asked()
    cancelled = JobView(id=ask.ids[1], state=JobState.CANCELLED)
    chase.pursuit.told(ask, Told(unknown=[ask.ids[0]], views=[cancelled]))
    before = chase.now
    assert len(chase.take_all().wants) == 2
    assert chase.now == before
    chase.pursuit.told(chase.asked(), Told(unknown=ask.ids))
    chase.take_all()
    assert chase.now > before
    assert len(chase.run(chase.obey)) == 2


def test_patience_ends_with_the_same_answer_for_all_that_is_open_or_still_to_be_read() -> None:
    chase = Chase(tasks(50), manners=Manners(in_flight=8, patience_s=30.0))
    chase.take_all()
    began = chase.now
    found = chase.run(lambda step: chase.pursuit.failed(step, AWAY))
    assert sorted(index for index, _ in found) == list(range(50))
    assert set(chase.messages()) == {"tried for 30 s: nobody is there"}
    assert 30 <= chase.now - began < 30 + Manners().longest_pause_s
    assert isinstance(chase.said[-1], Drop)


def test_patience_is_short_where_nobody_has_ever_answered() -> None:
    chase = Chase(tasks(1), met=False)
    chase.run(lambda step: chase.pursuit.failed(step, AWAY))
    assert chase.messages() == ["tried for 20 s: nobody is there"]


def test_patience_begins_anew_with_each_reply() -> None:
    chase = Chase(tasks(1), manners=Manners(patience_s=30.0, deadline_s=86_400.0))
    chase.take_all()
    for _ in range(20):
        chase.pursuit.failed(chase.asked(), AWAY)
        chase.now += 29.0
        chase.pursuit.told(chase.asked(), Told())
    assert chase.found == []


def test_pauses_double_up_to_the_longest_one_and_are_never_shorter_than_wished() -> None:
    chase = Chase(tasks(1), manners=Manners(pause_s=0.1, longest_pause_s=1.0))
    step, times = chase.sent(), [chase.now]
    for error in (AWAY, AWAY, AWAY, AWAY, AWAY, AWAY, Passing("later", 7.0), Passing("much later", 1e9)):
        chase.pursuit.failed(step, error)
        step = chase.sent()
        times.append(chase.now)
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 7.0, LONGEST_RETRY_S])


@pytest.mark.parametrize(("draw", "pause_s"), [(0.0, 3.0), (0.5, 4.5)])
def test_who_is_busy_is_sent_less_and_later_and_still_asked(draw: float, pause_s: float) -> None:
    chase = Chase(tasks(40), draw=draw, manners=Manners(batch=16))
    chase.take_all()
    before = chase.now
    refused = chase.sent()
    chase.pursuit.failed(refused, Busy("no room", 3.0))
    ask = chase.asked()
    assert ask.wait_s == pytest.approx(pause_s)
    chase.now += ask.wait_s
    chase.pursuit.told(ask, Told())
    assert (len(refused.wants), len(chase.sent().wants)) == (16, 8)
    assert chase.now - before == pytest.approx(pause_s)


def test_a_job_that_was_not_answered_in_time_is_lost_and_dropped_after_a_last_question() -> None:
    chase = Chase(tasks(1), manners=Manners(deadline_s=50.0, longest_wait_s=20.0))
    chase.take_all()
    began = chase.now
    while not chase.found:
        step = chase.step()
        if isinstance(step, Ask):
            chase.now += max(step.wait_s, 0.5)
            chase.pursuit.told(step, Told())
    assert chase.messages() == ["there was no answer within 50 s"]
    assert 50 + GRACE_S <= chase.now - began <= 50 + GRACE_S + 1
    assert isinstance(chase.said[-1], Drop) or isinstance(chase.pursuit.next(), Drop)


def test_what_there_never_was_room_for_is_lost_at_its_deadline() -> None:
    chase = Chase(tasks(3), manners=Manners(deadline_s=50.0))
    found = chase.run(lambda step: chase.pursuit.failed(step, Busy("no room", 5.0)))
    assert len(found) == 3
    assert set(chase.messages()) == {"there was no room for it within 50 s"}


def test_time_for_all_ends_everything_at_once() -> None:
    chase = Chase(tasks(20), manners=Manners(in_flight=8), total_s=12.0)
    chase.take_all()
    began = chase.now
    while len(chase.found) < 20 and (step := chase.pursuit.next()) is not None:
        chase.found += chase.pursuit.take()
        if isinstance(step, Ask):
            chase.now += step.wait_s
            chase.pursuit.told(step, Told())
        elif isinstance(step, Rest):
            chase.now += step.seconds
    assert chase.now - began == 12.0
    assert set(chase.messages()) == {"there was no answer within the 12 s that all had together"}


def test_one_that_makes_no_sense_costs_itself_alone() -> None:
    chase = Chase(tasks(4))

    def answer(step: Words) -> None:
        if isinstance(step, Send) and any(want.index == 2 for want in step.wants):
            chase.pursuit.failed(step, Senseless(BadUsage("no such target")))
        else:
            chase.obey(step)

    found = dict(chase.run(answer))
    assert isinstance(found[2], BadUsage)
    assert all(isinstance(found[number], Finished) for number in (0, 1, 3))


def test_where_nobody_is_left_for_what_was_under_way_nothing_that_was_found_is_lost() -> None:
    chase = Chase(tasks(8), manners=Manners(batch=4, in_flight=4))
    begun: list[int] = []

    def answer(step: Words) -> None:
        if isinstance(step, Send) and begun:
            chase.pursuit.failed(step, Unmanned(BadUsage("no worker serves measure.h100")))
        elif isinstance(step, Send):
            begun.extend(want.index for want in step.wants)
            chase.obey(step)
        elif isinstance(step, Ask):
            first, *others = step.ids
            known = {job_id(task(number)): task(number) for number in range(8)}
            chase.pursuit.told(step, Told(views=[view(known[first], incorrect(known[first]))], unknown=others))

    found = dict(chase.run(answer))
    assert found.keys() == set(range(8))
    assert isinstance(found[0], Finished)
    assert chase.messages() == ["it could not go on: no worker serves measure.h100"] * 7


def test_a_first_order_that_nobody_can_work_off_is_the_askers_mistake() -> None:
    chase = Chase(tasks(1))
    error = BadUsage("no worker serves measure.h100")
    assert dict(chase.run(lambda step: chase.pursuit.failed(step, Unmanned(error))))[0] is error  # type: ignore[arg-type]


def test_a_reply_from_which_something_was_learned_is_followed_up_at_once() -> None:
    chase = Chase(tasks(2))
    before = chase.now
    chase.pursuit.failed(chase.sent(), Again("sent in full next time"))
    assert len(chase.take_all().wants) == 2
    assert chase.now == before


def test_tasks_that_have_to_be_sent_by_themselves_are() -> None:
    chase = Chase(tasks(4), alone=lambda wanted: wanted == task(1))
    assert [len(chase.take_all().wants) for _ in range(3)] == [1, 1, 2]


def test_a_message_has_no_more_source_than_it_may_but_always_one_task() -> None:
    chase = Chase(tasks(3), manners=Manners(batch_characters=10))
    assert [len(chase.take_all().wants) for _ in range(2)] == [2, 1]
    assert len(Chase(tasks(3), manners=Manners(batch_characters=1)).take_all().wants) == 1


def test_another_jobs_answer_is_nobodys_verdict() -> None:
    chase = Chase(tasks(1))
    chase.take_all()
    ask = chase.asked()
    chase.pursuit.told(
        ask, Told(views=[view(task(0)).model_copy(update={"state": JobState.DONE, "answer": incorrect(task(9))})])
    )
    ((_, answer),) = chase.pursuit.take()
    assert isinstance(answer, Refused)
    assert "was answered with another's" in answer.message


def test_what_is_open_is_known_to_who_cancels_and_a_drop_that_fails_is_forgotten() -> None:
    chase = Chase(tasks(2), manners=Manners(patience_s=5.0))
    chase.take_all()
    assert set(chase.pursuit.open_ids) == {job_id(task(0)), job_id(task(1))}
    chase.run(lambda step: chase.pursuit.failed(step, AWAY))
    assert chase.pursuit.open_ids == ()
    assert sum(isinstance(step, Drop) for step in chase.said) == 1


@pytest.mark.parametrize(
    "wrong", [{"in_flight": 0}, {"in_flight": 2000}, {"deadline_s": 0.0}, {"patience_s": float("nan")}]
)
def test_manners_that_can_not_be_kept_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadUsage, match=next(iter(wrong))):
        Manners(**wrong)
