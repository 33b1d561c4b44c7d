"""Which problems are worth a training step: difficulty as a posterior, calibration, filters, samplers."""

from policies.curriculum.book import DifficultyBook
from policies.curriculum.calibration import Calibration, ProblemDifficulty, calibrate
from policies.curriculum.evidence import TRAINING, UNFADING, Evidence, Forgetting
from policies.curriculum.filtering import Filtered, filter_problems
from policies.curriculum.posterior import UNIFORM, Beta
from policies.curriculum.sampler import ProblemSampler, ThompsonSampler
from policies.curriculum.success import CORRECT, Speaking, Success, Tally
from policies.curriculum.uniform import UniformSampler, load_sampler
from policies.curriculum.verdict import USUAL, Thresholds, Verdict, judge_difficulty

__all__ = [
    # what is known of a problem
    "UNFADING", "TRAINING", "UNIFORM", "Beta", "DifficultyBook", "Evidence", "Forgetting",
    # what counts
    "CORRECT", "Speaking", "Success", "Tally",
    # what to try next
    "ProblemSampler", "ThompsonSampler", "UniformSampler", "load_sampler",
    # how difficult a set of problems is
    "Calibration", "ProblemDifficulty", "calibrate",
    "USUAL", "Filtered", "Thresholds", "Verdict", "filter_problems", "judge_difficulty",
]  # fmt: skip
