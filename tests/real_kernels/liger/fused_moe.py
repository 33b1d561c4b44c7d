from liger_kernel.ops.fused_moe import LigerFusedMoEFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, gate_up, down, experts, weights):
        return LigerFusedMoEFunction.forward(Tape(), x, gate_up, down, experts, weights)
