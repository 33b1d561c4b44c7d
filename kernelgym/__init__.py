"""The environment in which language models learn to write fast GPU kernels.

Importing it registers `KernelGym/Kernel-v0` with Gymnasium.
"""

from kernelgym.registration import register_environments

register_environments()
