"""Episodes that the teacher plays in the environment, as examples for the cold start.

Nothing is sorted out: the model learns the wrong programs as well as the right ones, and in the same mixture.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from kernelgym.envs import Rules
from kernelgym.evaluators import Evaluator
from kernelgym.problems import get_problem
from kernelgym.runs.record import EpisodeRecord
from policies.rollouts import rollout
from policies.training.demo.sketches import SKETCHES
from policies.training.demo.teacher import TeacherPolicy

STYLE: Final = Path(__file__).parent / "style"
"""Templates of the demo: a short task and a short feedback, for a model with a short memory."""


def demo_rules() -> Rules:
    """Returns how the demo's episodes are played; the same as its recipe says."""
    return Rules(max_turns=2, style=str(STYLE), feedback_tokens=100, allow_submit=False, history="full")


def play_corpus(
    evaluator: Evaluator, *, samples: int, concurrency: int, on_episode: Callable[[int], None]
) -> list[EpisodeRecord]:
    """Returns the teacher's episodes, `samples` of each problem.

    Args:
        evaluator: Who judges.
        samples: Episodes of each problem.
        concurrency: Episodes at the same time.
        on_episode: Is told how many are done.
    """
    problems = [get_problem(name) for name in SKETCHES]
    records: list[EpisodeRecord] = []
    playing = rollout(TeacherPolicy(), problems, evaluator, demo_rules(), samples=samples, concurrency=concurrency)
    with closing(playing):
        for record in playing:
            records.append(record)
            on_episode(len(records))
    return sorted(records, key=lambda record: record.key)


def write_examples(records: Sequence[EpisodeRecord], path: Path) -> None:
    """Writes one example per episode, in the form of `kernelgym export --format sft`: its last turn, and the chat."""
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            if record.turns:
                last = record.turns[-1]
                row = {
                    "problem": record.problem,
                    "prompt": [message.model_dump(mode="json") for message in record.chat(last.number)],
                    "completion": [{"role": "assistant", "content": last.completion}],
                }
                file.write(json.dumps(row) + "\n")


def texts_of(records: Sequence[EpisodeRecord]) -> list[str]:
    """Returns all that was said in the episodes; the tokenizer is learned from it."""
    texts = []
    for record in records:
        texts.append(record.prompt)
        for turn in record.turns:
            texts += [turn.completion, turn.observation]
    return texts
