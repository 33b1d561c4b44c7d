from liger_kernel.ops.modulated_rms_norm import LigerModulatedRMSNormFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, weight, scale, shift, dy):
        tape = Tape()
        y = LigerModulatedRMSNormFunction.forward(tape, x, weight, scale, shift, 1e-6, 0.0, "llama", False)
        dx, dw, dscale, dshift, *_ = LigerModulatedRMSNormFunction.backward(tape, dy)
        return y, dx, dw, dscale, dshift
