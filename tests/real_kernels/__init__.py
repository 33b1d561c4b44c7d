"""Real kernels, forward and backward, against PyTorch; `python -m tests.real_kernels` writes the table of the docs."""
