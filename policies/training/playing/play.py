"""Plays the episodes of a batch: samples actions together, and has them evaluated while others are sampled.

The evaluator and the model are two machines that want to be busy at the same time. An action goes to the evaluator as
soon as its batch is sampled; whatever has been answered by then is the next batch. What a rollout becomes depends on
its request alone and not on this schedule, as every action is drawn by a seed of its own.
"""

import warnings
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from kernelgym.chat import Message, Role
from kernelgym.envs import Answer, History, KernelVectorEnv
from kernelgym.errors import BadUsage, EvaluatorBroken, InvalidReference
from policies.errors import PolicyBroken
from policies.training.playing.chat_tokens import ChatTokens
from policies.training.playing.conversation import Conversation
from policies.training.playing.played import Ending, EpisodeRequest, PlayedEpisode, fault_of
from policies.training.playing.sampler import CollectiveSampler, Sampler
from policies.training.playing.seating import Unseated, begin


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBudget:
    """How long an episode may become, in tokens.

    A turn begins only if there is room for `least` tokens of it, behind the feedback on the one before.

    Raises:
        BadUsage: The numbers leave no room for a turn.
    """

    turn: int
    """Of one action."""
    episode: int
    """Of all actions and the feedback between them: `max_completion_length` of the trainer."""
    context: int | None = None
    """Of prompt and episode together, which the model can hold; None: nobody says."""
    least: int | None = None
    """Room that an action needs to be begun; None: `turn`, so that no action is cut off earlier than others."""

    def __post_init__(self) -> None:
        for name in ("turn", "episode", "context", "least"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadUsage(f"the token budget {name} is {value}; give 1 or more")
        if self.floor > self.turn:
            raise BadUsage(f"an action needs room for {self.floor} tokens, but has at most {self.turn}; lower `least`")
        if self.floor > self.episode:
            raise BadUsage(
                f"an action needs room for {self.floor} tokens, but the whole episode has {self.episode}; give the "
                "episode more tokens, or a turn fewer"
            )

    @property
    def floor(self) -> int:
        """Room that an action needs to be begun."""
        return self.turn if self.least is None else self.least

    def room(self, prompt: int, completion: int) -> int:
        """Returns how long the next action may become; 0: there is no room for one.

        Args:
            prompt: Tokens of the prompt.
            completion: Tokens behind it, with the feedback that comes before the action.
        """
        room = min(self.turn, self.episode - completion)
        if self.context is not None:
            room = min(room, self.context - prompt - completion)
        return room if room >= self.floor else 0

    def refusal(self, problem: str, prompt: int) -> str | None:
        """Returns why the prompt of a problem, of so many tokens, can't be played; None: it can."""
        if self.room(prompt, 0):
            return None
        return (
            f"the prompt of {problem} has {prompt} tokens, so that the context of {self.context} has no room for an "
            f"action of {self.floor}; leave the problem out, or give more context"
        )


def play(
    requests: Sequence[EpisodeRequest],
    environment: KernelVectorEnv,
    sampler: Sampler,
    chat: ChatTokens,
    budget: TokenBudget,
    *,
    batch: int,
    overlap: bool = True,
) -> list[PlayedEpisode]:
    """Plays one episode per request and returns them in the order of the requests.

    A turn that is lost to a fault of the infrastructure, or in which the evaluator raises, ends its episode (`LOST`),
    and no other. So does a fault before its first turn, a reference that can't be described, or a prompt that leaves no
    room for an action: such an episode has one turn, without a word (docs/training.md).

    Args:
        requests: What is played; none at all is allowed, e.g. beside other processes.
        environment: With `history="full"`. It may have fewer seats than there are requests, which then wait.
        sampler: Writes the actions.
        chat: Of the sampler's model.
        budget: In tokens.
        batch: Most actions that are sampled together.
        overlap: Whether actions are sampled while others are evaluated. Without it, rounds are played: all actions are
            sampled, then all are evaluated.

    Raises:
        BadUsage: The environment's chat does not only grow, or `batch` is 0.
        PolicyBroken: The sampler could not be asked; no episode is returned.
        KernelGymError: A problem does not exist.
    """
    if batch < 1:
        raise BadUsage(f"batch is {batch}; sample at least 1 action at a time")
    if environment.rules.history != History.FULL:
        raise BadUsage(
            f"the environment has history={str(environment.rules.history)!r}, which takes words out of older turns; "
            "what is trained is a conversation that only grows: make the environment with history='full'"
        )
    table = _Table(requests, environment, sampler, chat, budget, batch)
    try:
        table.play(overlap=overlap)
    except BaseException:
        environment.give_up()
        raise
    if isinstance(sampler, CollectiveSampler):
        while sampler.accompany():
            pass
    return [row.episode(chat.ends[0]) for row in table.rows]


class _Table:
    """Requests that wait for a seat, and the rows in the seats."""

    def __init__(
        self,
        requests: Sequence[EpisodeRequest],
        environment: KernelVectorEnv,
        sampler: Sampler,
        chat: ChatTokens,
        budget: TokenBudget,
        batch: int,
    ) -> None:
        self._environment = environment
        self._sampler = sampler
        self._chat = chat
        self._budget = budget
        self._batch = batch
        self._requests = requests
        self._waiting = deque(range(len(requests)))
        self._free = set(range(environment.num_envs))
        self._ready: deque[int] = deque()
        """Seats whose turn it is to act."""
        self._seated: dict[int, Conversation] = {}
        self._rows: dict[int, Conversation] = {}

    @property
    def rows(self) -> list[Conversation]:
        """In the order of the requests."""
        return [self._rows[index] for index in range(len(self._requests))]

    def play(self, *, overlap: bool) -> None:
        """Plays all requests to their end."""
        while self._waiting or self._seated:
            self._sit_down()
            if not self._seated:  # none of them could begin
                continue
            if self._ready:
                self._act()
            if self._ready and not overlap:
                continue
            self._listen(wait=not self._ready or not overlap, everyone=not overlap)

    def _sit_down(self) -> None:
        """Gives free seats to requests that wait."""
        chosen = dict(zip(sorted(self._free), self._waiting, strict=False))
        if not chosen:
            return
        tasks = begin(self._environment, {seat: self._requests[index].problem for seat, index in chosen.items()})
        for seat, index in chosen.items():
            self._waiting.popleft()
            row = self._rows[index] = self._begin(self._requests[index], tasks[seat])
            if not row.over:
                self._free.discard(seat)
                self._seated[seat] = row
                self._ready.append(seat)

    def _begin(self, request: EpisodeRequest, task: str | Unseated) -> Conversation:
        if isinstance(task, EvaluatorBroken):
            return self._lost(request, f"{type(task).__name__}: {task}")
        if isinstance(task, InvalidReference):
            warnings.warn(f"an episode is lost: {task}", UserWarning, stacklevel=2)
            return self._lost(request, str(task))
        row = Conversation(request, task, self._chat.prompt((Message(role=Role.USER, content=task),)))
        refusal = self._budget.refusal(request.problem, row.prompt_tokens)
        if refusal is None:
            return row
        warnings.warn(f"an episode is lost: {refusal}", UserWarning, stacklevel=2)
        return self._lost(request, refusal)

    def _lost(self, request: EpisodeRequest, fault: str) -> Conversation:
        row = Conversation(request, f"This episode could not begin: {fault}", self._chat.ends[:1])
        row.forfeit(fault)
        return row

    def _act(self) -> None:
        """Samples a batch of actions and sends them."""
        seats = [self._ready.popleft() for _ in range(min(self._batch, len(self._ready)))]
        rows = [self._seated[seat] for seat in seats]
        requests = [row.next(self._budget.room(row.prompt_tokens, row.completion_tokens)) for row in rows]
        sampled = self._sampler.sample(requests)
        if len(sampled) != len(requests):
            raise PolicyBroken(f"the sampler was asked for {len(requests)} actions and gave {len(sampled)}")
        for seat, row, action in zip(seats, rows, sampled, strict=True):
            text = self._chat.text(action.tokens)
            row.act(action, text)
            self._environment.send(seat, text)

    def _listen(self, *, wait: bool, everyone: bool) -> None:
        """Takes answers: all that are there, at least one if it is to wait, or those to everyone."""
        while self._environment.in_flight:
            try:
                answer = self._environment.receive(None if wait else 0)
            except TimeoutError:
                return
            self._hear(answer)
            wait = everyone

    def _hear(self, answer: Answer) -> None:
        row = self._seated[answer.index]
        row.judge(answer.reward, None if answer.turn is None else answer.turn.report, answer.elapsed_s)
        ending = self._ending(row, answer)
        if ending is None:
            self._ready.append(answer.index)
            return
        report = None if answer.turn is None else answer.turn.report
        row.end(ending, answer.info.get("error") or fault_of(report) if ending is Ending.LOST else None)
        del self._seated[answer.index]
        self._free.add(answer.index)

    def _ending(self, row: Conversation, answer: Answer) -> Ending | None:
        """Returns why the episode is over; if it is not, adds the observation."""
        if answer.reward is None:
            return Ending.LOST
        if answer.terminated or answer.truncated:
            return Ending.FINISHED
        tokens = self._chat.reply(answer.observation, ended=row.last_token in self._chat.ends)
        if not self._budget.room(row.prompt_tokens, row.completion_tokens + len(tokens)):
            return Ending.BUDGET
        row.hear(answer.observation, tokens)
        return None
