"""Each rule of selection through the whole of a training step: the gradient is that of what the rule leaves, by hand.

All gradients are those of `dapo` on policy, whose denominator is the number of tokens that are learned from: so also a
rule that masks turns without an advantage changes it.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from kernelgym.envs import KernelVectorEnv
from policies.curriculum import TRAINING, DifficultyBook, ThompsonSampler
from policies.diversity import DiversityTemperature
from policies.training.collecting.collected import CollectedEpisode
from policies.training.collecting.collection_options import CollectionOptions
from policies.training.collecting.dynamic_sampling import DynamicSampling, Ties
from policies.training.collecting.rejection import TurnRejection
from policies.training.confirming.confirmation_counts import ConfirmationCounts
from policies.training.playing.played import EpisodeRequest, PlayedEpisode
from policies.training.playing.sampler import Sampled, SamplingRequest
from policies.training.trainer.trloo_trainer import TRLOOTrainer
from policies.truncation import Truncated, TruncationRule
from rewards.rejection import RejectionSampling, Share
from sandboxes.contracts import Outcome
from tests.kernelgym.envs.script import Scripted, completion
from tests.policies.training.played import played
from tests.policies.training.scripted import (
    LETTERS,
    Watch,
    arguments,
    gradients_of,
    logps_of,
    relative_error,
    trainer_of,
)
from tests.policies.training.scripted_play import ScriptedPlay
from tests.reports import ok_report

pytestmark = pytest.mark.slow

WRONG, LOST = Outcome.INCORRECT, Outcome.INFRASTRUCTURE
MIXED, TIED = "core/softmax", "core/layernorm"
"""The two problems: the first four episodes of one differ, those of the other do not."""


def lazy(episode: PlayedEpisode) -> PlayedEpisode:
    """The same, with PyTorch doing the work of the last turn."""
    *others, last = episode.turns
    return replace(episode, turns=(*others, replace(last, report=ok_report(coverage=0.01))))


SCRIPT = {
    MIXED: [
        played(WRONG, 2.0, tokens=5),
        lazy(played(1.5, tokens=4)),
        played(WRONG, 0.5, tokens=3),
        played(Outcome.NO_CODE, tokens=8, stopped=False),
    ],
    TIED: [
        *[played(1.0, tokens=length) for length in (3, 4, 5, 6)],
        *[played(speed, tokens=4) for speed in (1, 2, 3, 4)],
    ],
}
ALL = {MIXED: [0, 1, 2, 3], TIED: [0, 1, 2, 3]}


def by_problem(script: dict[str, list[PlayedEpisode]]) -> ScriptedPlay:
    """Plays the episodes of a problem one after the other, with letters of its own for each request."""
    left = {problem: iter(episodes) for problem, episodes in script.items()}

    def play(request: EpisodeRequest) -> PlayedEpisode:
        draw, episode = random.Random(request.seed), next(left[request.problem])
        return replace(episode, completion_ids=tuple(draw.randrange(LETTERS) for _ in episode.completion_ids))

    return ScriptedPlay(play)


@dataclass
class Expected:
    """What a rule leaves of the script.

    Args:
        options: With the rule on.
        places: Which of a problem's episodes are in the batch.
        unlearned: Turns, as (problem, place in the batch, turn), that are out of the loss.
        uncounted: Those that are out of the baseline, too.
        scale: What all rewards are multiplied with.
    """

    options: CollectionOptions
    places: dict[str, list[int]] = field(default_factory=lambda: ALL)
    unlearned: set[tuple[str, int, int]] = field(default_factory=set)
    uncounted: set[tuple[str, int, int]] = field(default_factory=set)
    scale: float = 1.0
    confirmer: Any = None
    script: dict[str, list[PlayedEpisode]] = field(default_factory=lambda: SCRIPT)

    def loss(self, model: Any, episodes: dict[str, list[PlayedEpisode]]) -> Tensor:
        """Minus advantage times log-probability, leave-one-out by loops, over the tokens that are learned from."""
        total, tokens = torch.zeros(()), 0
        for problem, places in self.places.items():
            group = [episodes[problem][place] for place in places]
            for place, episode in enumerate(group):
                logps = logps_of(model, episode, episode.temperature)
                for turn, part in enumerate(episode.turns):
                    if (problem, place, turn) not in self.unlearned | self.uncounted:
                        total = (
                            total - self.advantage(problem, group, place, turn) * logps[part.start : part.stop].sum()
                        )
                        tokens += part.stop - part.start
        return total / max(tokens, 1)

    def advantage(self, problem: str, group: list[PlayedEpisode], place: int, turn: int) -> float:
        def to_go(other: int) -> float:
            later = [
                reward * self.scale
                for number, reward in enumerate(group[other].rewards)
                if number >= turn and reward is not None and (problem, other, number) not in self.uncounted
            ]
            return sum(later)

        rivals = [
            to_go(other)
            for other in range(len(group))
            if other != place and len(group[other].turns) > turn and (problem, other, turn) not in self.uncounted
        ]
        return to_go(place) - sum(rivals) / len(rivals) if rivals else 0.0


class Doubling:
    """A second evaluator that pays twice as much, and is not asked about the last of a group."""

    counts = ConfirmationCounts()

    def confirm(self, group: Sequence[PlayedEpisode]) -> list[CollectedEpisode]:
        return [
            CollectedEpisode(
                played=episode,
                rewards=tuple(None if reward is None else 2 * reward for reward in episode.rewards),
                counted=(index < 3,) * len(episode.turns),
                learned=(index < 3,) * len(episode.turns),
            )
            for index, episode in enumerate(group)
        ]


TIES = {(TIED, place, 0) for place in range(4)}
REJECTION = TurnRejection(rule=RejectionSampling(threshold=0.3, softness=0.0, share=Share.COVERAGE))
CASES = {
    "nothing": Expected(CollectionOptions()),
    "skip": Expected(CollectionOptions(dynamic_sampling=DynamicSampling(ties=Ties.SKIP)), unlearned=TIES),
    "resample": Expected(
        CollectionOptions(dynamic_sampling=DynamicSampling(ties=Ties.RESAMPLE)),
        {MIXED: [0, 1, 2, 3], TIED: [4, 5, 6, 7]},
    ),
    "rejection": Expected(CollectionOptions(rejection=REJECTION), unlearned={(MIXED, 1, 0)}),
    "rejection out of the baseline": Expected(
        CollectionOptions(rejection=replace(REJECTION, counted=False)), uncounted={(MIXED, 1, 0)}
    ),
    "truncation": Expected(
        CollectionOptions(truncation=TruncationRule(mode=Truncated.CONDITIONAL, share=1.0)), unlearned={(MIXED, 3, 0)}
    ),
    "a second evaluator": Expected(
        CollectionOptions(), uncounted={(MIXED, 3, 0), (TIED, 3, 0)}, scale=2.0, confirmer=Doubling()
    ),
    "lost": Expected(
        CollectionOptions(),
        script=SCRIPT | {MIXED: [*SCRIPT[MIXED][:3], played(WRONG, LOST, tokens=5)]},
        uncounted={(MIXED, 3, 0), (MIXED, 3, 1)},
    ),
    "lost and played again": Expected(
        CollectionOptions(retry_lost=1),
        {MIXED: [0, 1, 2, 4], TIED: [0, 1, 2, 3]},
        script=SCRIPT | {MIXED: [*SCRIPT[MIXED][:3], played(LOST, tokens=5), played(3.0, tokens=6)]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_of_a_step_is_that_of_what_the_rule_leaves(tiny: Path, tmp_path: Path, name: str) -> None:
    case, watch, play = CASES[name], Watch(), by_problem(CASES[name].script)
    episodes: dict[str, list[PlayedEpisode]] = {MIXED: [], TIED: []}

    def remembering(requests: Sequence[EpisodeRequest]) -> list[PlayedEpisode]:
        for episode in (found := play(requests)):
            episodes[episode.problem].append(episode)
        return found

    trainer = trainer_of(
        tiny, arguments(tmp_path, loss_type="dapo"), remembering, problems=[MIXED, TIED],
        collection=case.options, confirmer=case.confirmer, callbacks=[watch],
    )  # fmt: skip
    trainer.train()
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    assert relative_error(watch.gradients[0], gradients_of(model, case.loss(model, episodes))) <= 1e-5
    if name != "nothing":
        plain = replace(case, places=ALL, unlearned=set(), uncounted=set(), scale=1.0)
        assert relative_error(watch.gradients[0], gradients_of(model, plain.loss(model, episodes))) > 1e-2


def test_a_batch_is_trained_at_the_temperature_that_diversity_chose_for_it(tiny: Path, tmp_path: Path) -> None:
    def two_letters(request: EpisodeRequest) -> PlayedEpisode:
        episode, draw = played(float(request.seed % 4), tokens=24), random.Random(request.seed)
        return replace(episode, completion_ids=tuple(draw.randrange(2) for _ in episode.completion_ids))

    play, watch = ScriptedPlay(two_letters), Watch()
    rule = DiversityTemperature(stage=1, settle=0, step=0.5, target=1.0, tolerance=0.0)
    episodes: list[PlayedEpisode] = []

    def remembering(requests: Sequence[EpisodeRequest]) -> list[PlayedEpisode]:
        episodes.extend(found := play(requests))
        return found

    args = arguments(tmp_path, loss_type="dapo", max_steps=2)
    trainer_of(tiny, args, remembering, collection=CollectionOptions(diversity=rule), callbacks=[watch]).train()
    assert [request.temperature for request in play.requests] == [0.8] * 8 + [pytest.approx(1.3)] * 8
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    for step in range(2):
        model.load_state_dict(watch.weights[step])
        batch = episodes[8 * step : 8 * step + 8]
        case = Expected(CollectionOptions(), {"first": [0, 1, 2, 3], "second": [4, 5, 6, 7]})
        gradients = gradients_of(model, case.loss(model, {"first": batch, "second": batch}))
        assert relative_error(watch.gradients[step], gradients) <= 1e-5


EVERYTHING = CollectionOptions(
    dynamic_sampling=DynamicSampling(ties=Ties.RESAMPLE),
    rejection=REJECTION,
    truncation=TruncationRule(mode=Truncated.CONDITIONAL),
    retry_lost=1,
    diversity=DiversityTemperature(stage=1, settle=0, step=0.1, target=1.0, tolerance=0.0),
)


@pytest.mark.parametrize("ties", list(Ties))
@pytest.mark.parametrize("verdict", [WRONG, LOST, 1.0], ids=["all fail", "all are lost", "all succeed"])
@pytest.mark.parametrize("loss_type", ["dapo", "dr_grpo"])
def test_batches_of_which_nothing_can_be_learned_change_nothing_and_stop_nothing(
    tiny: Path, tmp_path: Path, ties: Ties, verdict: Outcome | float, loss_type: str
) -> None:
    options = replace(EVERYTHING, dynamic_sampling=DynamicSampling(ties=ties))
    play = ScriptedPlay(lambda _: played(verdict, verdict))
    sampler = ThompsonSampler(DifficultyBook([MIXED, TIED]), 0)
    args = arguments(tmp_path, loss_type=loss_type, max_steps=2)
    trainer = trainer_of(tiny, args, play, collection=options, curriculum=sampler)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.train()
    assert trainer.state.global_step == 2
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())


def test_a_training_that_is_resumed_with_all_rules_on_is_the_uninterrupted_one(tiny: Path, tmp_path: Path) -> None:
    def by_seed(request: EpisodeRequest) -> PlayedEpisode:
        draw = random.Random(request.seed)
        kinds: list[Outcome | float] = [WRONG, WRONG, 1.0, 1.0, 1.0, 2.0, LOST]
        episode = played(*draw.choices(kinds, k=draw.randrange(1, 4)), tokens=6, stopped=draw.random() < 0.7)
        episode = replace(episode, completion_ids=tuple(draw.randrange(2) for _ in episode.completion_ids))
        return lazy(episode) if draw.random() < 0.2 and not episode.lost else episode

    def trainer(folder: Path) -> tuple[TRLOOTrainer, ScriptedPlay]:
        play = ScriptedPlay(by_seed)
        book = DifficultyBook([f"problem/{number}" for number in range(5)], forgetting=TRAINING)
        args = arguments(folder, max_steps=4, save_strategy="steps", save_steps=2)
        found = trainer_of(tiny, args, play, collection=EVERYTHING, curriculum=ThompsonSampler(book, 3))  # fmt: skip
        return found, play

    whole, all_played = trainer(tmp_path / "whole")
    whole.train()
    resumed, last_played = trainer(tmp_path / "resumed")
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / "out" / "checkpoint-2"))
    assert last_played.requests == all_played.requests[-len(last_played.requests) :]
    assert len(last_played.requests) >= 16
    assert len({request.temperature for request in all_played.requests}) > 1
    assert len(all_played.requests) > 32, "some were played again"
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])


def test_all_rules_together_in_the_environment(tiny: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny, padding_side="left")
    words = ["fast", "fast", "slow", "incorrect", "compile_error", "infrastructure", "unsupported"]

    class Writer:
        """Writes a candidate that the request's seed chooses; sometimes it is cut off."""

        def __init__(self) -> None:
            self.said: Counter[str] = Counter()

        def sample(self, requests: Sequence[SamplingRequest]) -> list[Sampled]:
            return [self.write(request) for request in requests]

        def write(self, request: SamplingRequest) -> Sampled:
            word = words[request.seed % len(words)]
            self.said[word] += 1
            tokens = tokenizer(completion(word))["input_ids"]
            tokens = tokens[:40] if request.seed % 5 == 0 else [*tokens, tokenizer.eos_token_id]
            stopped = tokens[-1] == tokenizer.eos_token_id
            return Sampled(tokens=tuple(tokens), logprobs=(-1.0,) * len(tokens), stopped=stopped)

    writer: Any = Writer()
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    model.config.max_position_embeddings = 16384
    ids = ["core/softmax", "core/row_sum", "core/add_relu"]
    style = tmp_path / "style"  # short words for a tokenizer of bytes
    style.mkdir()
    for part in ("task", "feedback", "history"):
        (style / f"{part}.md.jinja").write_text(f"The {part}.")
    environment = KernelVectorEnv(
        8, evaluator=Scripted(), history="full", problems=",".join(ids), max_turns=2, style=str(style)
    )
    book = DifficultyBook(ids, forgetting=TRAINING)
    args = arguments(tmp_path, max_completion_length=400, max_turn_length=150, max_steps=3)
    try:
        trainer = TRLOOTrainer(
            model, args, environment=environment, problems=ids, sampler=writer, collection=EVERYTHING,
            curriculum=ThompsonSampler(book, 0), processing_class=tokenizer,
        )  # fmt: skip
        before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        trainer.train()
    finally:
        environment.close()
    assert set(writer.said) == set(words)
    assert any(not torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())
    assert all(value.isfinite().all() for value in trainer.model.state_dict().values())
    assert book.step == 2
    logged = [entry for entry in trainer.state.log_history if "collect/masked" in entry]
    assert len(logged) == 3
    assert max(entry["collect/masked_lost"] for entry in logged) > 0
    assert logged[-1]["collect/curriculum_coverage"] == 1.0
    for entry in logged:
        parts = [value for name, value in entry.items() if name.startswith("collect/masked_")]
        assert sum(parts) == pytest.approx(entry["collect/masked"])
