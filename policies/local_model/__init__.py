"""A local model, loaded by the library `transformers`, as a policy."""

from policies.local_model.policy import LocalModelPolicy

__all__ = ["LocalModelPolicy"]
