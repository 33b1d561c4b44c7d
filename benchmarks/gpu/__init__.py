"""What only a GPU can answer: how steady its times are, how much it judges, and whether it agrees with the CPU.

`python -m benchmarks.gpu` runs all of them; `make gpu-bench` does that on a machine with a GPU.
"""
