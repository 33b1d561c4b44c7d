"""A baseline without a language model: mutates launch parameters and tile sizes of a seed kernel."""

from policies.search.policy import SearchPolicy

__all__ = ["SearchPolicy"]
