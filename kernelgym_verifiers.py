"""The plugin `kernelgym-verifiers` of the library verifiers: `vf-eval kernelgym-verifiers --model ...`.

verifiers finds plugins by the name of a module that is in no package; what this one does is in
`policies.ecosystem.verifiers`.
"""

from policies.ecosystem.verifiers import ChatHarness, KernelEnv, KernelTaskset

__all__ = ["ChatHarness", "KernelEnv", "KernelTaskset"]
