from liger_kernel.ops.attn_res import LigerAttnResFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, blocks, query, weight, dy):
        tape = Tape()
        y = LigerAttnResFunction.forward(tape, blocks, query, weight, 1e-6)
        dv, dq, dw, _ = LigerAttnResFunction.backward(tape, dy)
        return y, dv, dq, dw
