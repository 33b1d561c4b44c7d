"""An episode while it is being played: tokens that only grow, and whose they are."""

import hashlib
from collections.abc import Sequence

from kernelgym.chat import Message, Role
from policies.training.playing.played import Ending, EpisodeRequest, PlayedEpisode, PlayedTurn
from policies.training.playing.sampler import Sampled, SamplingRequest
from sandboxes.contracts import Report


def turn_seed(seed: int, turn: int) -> int:
    """Returns the seed of one action of an episode.

    Args:
        seed: Of the episode.
        turn: Counted from 0.
    """
    return int.from_bytes(hashlib.blake2b(f"{seed} {turn}".encode(), digest_size=8).digest()) >> 1


class Conversation:
    """One rollout.

    What the environment says is held back until the model has written something after it, so that an episode never ends
    in tokens that are not the model's. Only one in which the model never wrote anything has a single end of sequence.

    Args:
        request: What is played.
        task: The first message.
        prompt: That message as tokens.
    """

    def __init__(self, request: EpisodeRequest, task: str, prompt: tuple[int, ...]) -> None:
        self.request = request
        self._prompt = prompt
        self._messages = [Message(role=Role.USER, content=task)]
        self._tokens: list[int] = []
        self._logprobs: list[float] = []
        self._turns: list[PlayedTurn] = []
        self._held: tuple[int, ...] = ()
        self._action: tuple[int, Sampled, str] | None = None
        """Begin of the newest action, the action, and its text."""
        self._ending: Ending | None = None
        self._fault: str | None = None

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the first message."""
        return len(self._prompt)

    @property
    def completion_tokens(self) -> int:
        """Tokens behind the prompt, with those that are held back."""
        return len(self._tokens) + len(self._held)

    def next(self, max_new_tokens: int) -> SamplingRequest:
        """Returns the request for the next action."""
        return SamplingRequest(
            tokens=(*self._prompt, *self._tokens, *self._held),
            seed=turn_seed(self.request.seed, len(self._turns)),
            max_new_tokens=max_new_tokens,
            temperature=self.request.temperature,
        )

    def act(self, sampled: Sampled, text: str) -> None:
        """Adds an action.

        Args:
            sampled: Its tokens.
            text: What the environment is sent.
        """
        if sampled.tokens:
            self._put(self._held, [0.0] * len(self._held))
            self._held = ()
        self._action = len(self._tokens), sampled, text
        self._put(sampled.tokens, sampled.logprobs)
        self._messages.append(Message(role=Role.ASSISTANT, content=text))

    def judge(self, reward: float | None, report: Report | None, evaluation_s: float) -> None:
        """Adds the verdict on the newest action."""
        assert self._action is not None  # a verdict on nothing
        start, sampled, text = self._action
        self._action = None
        self._turns.append(
            PlayedTurn(
                reward=reward, report=report, start=start, stop=start + len(sampled.tokens), stopped=sampled.stopped,
                text=text, evaluation_s=evaluation_s,
            )
        )  # fmt: skip

    @property
    def last_token(self) -> int | None:
        """Of the newest action that was judged; None if it is empty."""
        newest = self._turns[-1]
        return self._tokens[-1] if newest.stop > newest.start else None

    def hear(self, observation: str, tokens: Sequence[int]) -> None:
        """Adds what the environment says, as the begin of a next turn.

        Args:
            observation: As text.
            tokens: From the end of the action to the begin of the next one.
        """
        self._held = (*self._held, *tokens)
        self._messages.append(Message(role=Role.USER, content=observation))

    @property
    def over(self) -> bool:
        """True if no further turn is played."""
        return self._ending is not None

    def end(self, ending: Ending, fault: str | None = None) -> None:
        """Says that no further turn is played, and by which fault, if it is one."""
        self._ending, self._fault = ending, fault

    def forfeit(self, fault: str) -> None:
        """Ends an episode that could not begin: it has a lost turn, in which the model was not asked for a word."""
        self._turns.append(
            PlayedTurn(reward=None, report=None, start=0, stop=0, stopped=True, text="", evaluation_s=0.0)
        )
        self.end(Ending.LOST, fault)

    def episode(self, end: int) -> PlayedEpisode:
        """Returns what was played.

        Args:
            end: A token that ends an action; all that is left of an episode in which the model never wrote anything.
        """
        assert self._ending is not None  # it is still being played
        tokens, logprobs = (self._tokens, self._logprobs) if self._tokens else ([end], [0.0])
        turn_ids = [-1] * len(tokens)
        for index, turn in enumerate(self._turns):
            turn_ids[turn.start : turn.stop] = [index] * (turn.stop - turn.start)
        return PlayedEpisode(
            problem=self.request.problem,
            seed=self.request.seed,
            temperature=self.request.temperature,
            prompt_ids=self._prompt,
            completion_ids=tuple(tokens),
            env_mask=tuple(int(index >= 0) for index in turn_ids),
            turn_ids=tuple(turn_ids),
            logprobs=tuple(logprobs),
            turns=tuple(self._turns),
            ending=self._ending,
            messages=tuple(self._messages),
            fault=self._fault,
        )

    def _put(self, tokens: Sequence[int], logprobs: Sequence[float]) -> None:
        self._tokens.extend(tokens)
        self._logprobs.extend(logprobs)
