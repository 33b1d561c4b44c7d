"""The section of a recipe that says how the policy is evaluated while it is trained."""

from policies.training.recipes.recipe_sections import Count, Name, Section


class Evaluation(Section):
    """Plays problems as in the training, with the same seeds each time, and learns nothing of it."""

    problems: Name
    """A selection, as in `kernelgym run --problems`; best of problems that are not trained on."""
    every: Count = 10
    """Updates between two evaluations."""
    episodes: Count = 1
    """Of each problem."""
    at_start: bool = True
    """Whether there is one before the first update."""
