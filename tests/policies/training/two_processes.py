"""What each of two processes runs, and what one process runs beside them: the same training, to be compared.

torchrun --standalone --nproc-per-node 2 -m tests.policies.training.two_processes MODEL FOLDER
"""

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from policies.curriculum import DifficultyBook, ThompsonSampler
from policies.diversity import DiversityTemperature
from policies.training.collecting.collection_options import CollectionOptions
from policies.training.collecting.dynamic_sampling import DynamicSampling, Ties
from policies.training.playing.played import EpisodeRequest
from tests.policies.training.scripted import ScriptedPlay, Watch, arguments, random_rewards, trainer_of

SETTINGS: dict[str, dict[str, Any]] = {
    "dapo": {"loss_type": "dapo", "estimator": "ebpo", "ebpo_prior": "history", "rejection": "sampling"},
    "grpo": {"loss_type": "grpo", "importance_sampling_level": "turn", "num_iterations": 2},
    "collected": {"loss_type": "dapo"},
}
PROBLEMS = ["core/a", "core/b", "core/c", "core/d"]


def sometimes_lost(request: EpisodeRequest) -> tuple[float | None, ...]:
    return (1.0, None) if request.seed % 5 == 0 else random_rewards(request)


def sometimes_tied(request: EpisodeRequest) -> tuple[float | None, ...]:
    return (1.0,) if request.problem in PROBLEMS[:2] and request.seed % 3 else sometimes_lost(request)


def selection() -> dict[str, Any]:
    """Everything that processes have to agree on before they learn: what is played again, drawn anew, and how hot."""
    return {
        "collection": CollectionOptions(
            dynamic_sampling=DynamicSampling(ties=Ties.RESAMPLE, tolerance=0.5),
            diversity=DiversityTemperature(stage=1, settle=0, step=0.1, target=0.5),
            retry_lost=1,
        ),
        "curriculum": ThompsonSampler(DifficultyBook(PROBLEMS), 0),
    }


def main(model: Path, folder: Path) -> None:
    warnings.filterwarnings("ignore", category=FutureWarning)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    for name, changes in SETTINGS.items():
        collected = name == "collected"
        play, watch = ScriptedPlay(sometimes_tied if collected else sometimes_lost), Watch()
        args = arguments(
            folder, per_device_train_batch_size=12 // processes, max_steps=4, rejection_upper=1e9, rejection_lower=1e-9,
            rejection_veto=0.3, learning_rate=0.01, ddp_backend="gloo" if processes > 1 else None, **changes,
        )  # fmt: skip
        trainer = trainer_of(
            model, args, play, callbacks=[watch], problems=PROBLEMS, **(selection() if collected else {})
        )
        trainer.train()
        if trainer.accelerator.is_main_process:
            kept = {"weights": trainer.accelerator.unwrap_model(trainer.model).state_dict()}
            logs = [
                {key: entry[key] for key in entry if key.split("/")[0] in ("turn_1", "mismatch", "reward", "collect")}
                for entry in trainer.state.log_history
            ]
            torch.save({**kept, "logs": logs}, folder / f"{name}-{processes}.pt")
    if processes > 1:  # whoever leaves first takes the connection away from the other
        distributed.barrier()
        distributed.destroy_process_group()
        sys.stdout.flush()
        os._exit(0)  # the end of an interpreter may abort in a thread of a native library, long after what is tested


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
