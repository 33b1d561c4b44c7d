"""The environment in which language models learn to write fast GPU kernels."""
