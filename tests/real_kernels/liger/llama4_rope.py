import torch
from liger_kernel.ops.llama4_rope import LigerLlama4RopeFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, q, k, angles, dq, dk):
        tape = Tape()
        frequencies = torch.polar(torch.ones_like(angles), angles)
        outputs = LigerLlama4RopeFunction.forward(tape, q.clone(), k.clone(), frequencies)  # it overwrites them
        dq, dk, _ = LigerLlama4RopeFunction.backward(tape, dq.clone(), dk.clone())
        return (*outputs, dq, dk)
