from liger_kernel.ops.experimental.embedding import LigerEmbeddingFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, table, indices, dy):
        tape = Tape()
        y = LigerEmbeddingFunction.forward(tape, table, indices)
        dtable, _ = LigerEmbeddingFunction.backward(tape, dy)
        return y, dtable
