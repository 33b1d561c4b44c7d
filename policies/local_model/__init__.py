"""A local model, loaded by the library `transformers`, as a policy."""

from policies.local_model.policy import LocalModelPolicy, make_local_model

__all__ = ["LocalModelPolicy", "make_local_model"]
