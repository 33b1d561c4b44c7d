"""A sampler that follows a script, and an environment that remembers what it was sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kernelgym.envs import KernelVectorEnv
from kernelgym.errors import EvaluatorBroken
from kernelgym.problems import Problem
from policies.training.playing.chat_tokens import ChatTokens
from policies.training.playing.conversation import turn_seed
from policies.training.playing.play import TokenBudget
from policies.training.playing.played import EpisodeRequest, PlayedEpisode
from policies.training.playing.sampler import Sampled, SamplingRequest
from sandboxes.contracts import EvalConfig, Report, Submission
from tests.kernelgym.envs.script import Scripted, completion
from tests.policies.training.byte_tokenizer import byte_tokenizer

TOKENIZER = byte_tokenizer()
END = int(TOKENIZER.convert_tokens_to_ids("<|im_end|>"))
PLENTY = TokenBudget(turn=400, episode=20_000)


@dataclass(frozen=True)
class Action:
    """What a model writes.

    Args:
        text: With special tokens, too.
        ended: Whether the end of a turn follows.
    """

    text: str
    ended: bool = True

    @property
    def tokens(self) -> tuple[int, ...]:
        return (*TOKENIZER(self.text, add_special_tokens=False)["input_ids"], *([END] if self.ended else []))


def says(word: str) -> Action:
    """A candidate that is judged by `word`, as the scripted evaluator does."""
    return Action(completion(word))


@dataclass
class ScriptedSampler:
    """Writes by the seed of a request; remembers all requests, batch by batch, and what it gave.

    Args:
        actions: By the seed of a turn; a request with another one gets `otherwise`.
    """

    actions: Mapping[int, Action] = field(default_factory=dict)
    otherwise: Action = field(default_factory=lambda: says("slow"))
    watch: Callable[[], None] = lambda: None
    batches: list[list[SamplingRequest]] = field(default_factory=list)
    given: dict[int, Sampled] = field(default_factory=dict)

    def sample(self, requests: Sequence[SamplingRequest]) -> list[Sampled]:
        self.watch()
        self.batches.append(list(requests))
        sampled = []
        for request in requests:
            tokens = self.actions.get(request.seed, self.otherwise).tokens[: request.max_new_tokens]
            logprobs = tuple(-0.01 * index - 0.1 for index in range(len(tokens)))
            stopped = bool(tokens) and tokens[-1] == END
            sampled.append(Sampled(tokens=tokens, logprobs=logprobs, stopped=stopped))
            assert request.seed not in self.given, "no two actions share a seed"
            self.given[request.seed] = sampled[-1]
        return sampled

    @property
    def requests(self) -> list[SamplingRequest]:
        return [request for batch in self.batches for request in batch]


def script(actions: Mapping[EpisodeRequest, Sequence[Action]]) -> ScriptedSampler:
    """Returns a sampler that writes these actions in the turns of these episodes."""
    return ScriptedSampler(
        {turn_seed(request.seed, turn): one for request, each in actions.items() for turn, one in enumerate(each)}
    )


def requests(count: int, problem: str = "core/softmax") -> list[EpisodeRequest]:
    return [EpisodeRequest(problem=problem, seed=100 + index) for index in range(count)]


class Raising(Scripted):
    """Raises for the word `raise`, as an evaluator whose service is gone."""

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        if "# raise" in submission.source:
            raise EvaluatorBroken("nobody is there")
        return super().evaluate(submission, problem, config)


class Remembering(KernelVectorEnv):
    """Remembers all actions that it was sent."""

    sent: list[str]

    def send(self, index: int, action: str) -> None:
        self.__dict__.setdefault("sent", []).append(action)
        super().send(index, action)


def without_times(episodes: Sequence[PlayedEpisode]) -> list[PlayedEpisode]:
    return [
        replace(episode, turns=tuple(replace(turn, evaluation_s=0.0) for turn in episode.turns)) for episode in episodes
    ]


def chat() -> ChatTokens:
    return ChatTokens(TOKENIZER)
