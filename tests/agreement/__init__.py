"""Agreement with Triton's interpreter: random kernels, run by both engines, compared bit by bit."""
