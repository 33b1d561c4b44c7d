import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, vocabulary=129), dict(rows=3, vocabulary=2)]


class Model(nn.Module):
    def forward(self, student, teacher, labels, dce, dtvd):
        kept = labels != -100

        def losses(student):
            ce = nn.functional.cross_entropy(student, labels, reduction="none")
            return ce, 0.5 * (student.softmax(-1) - teacher.softmax(-1)).abs().sum(-1) * kept

        return with_gradients(losses, (student,), (dce, dtvd))


def get_init_inputs():
    return []


def get_inputs(rows=21, vocabulary=1000):
    labels = torch.randint(0, vocabulary, (rows,)).index_fill(0, torch.arange(1, rows, 3), -100)
    logits = [torch.randn(rows, vocabulary, dtype=DTYPE) for _ in range(2)]
    return [*logits, labels, torch.randn(rows, dtype=DTYPE), torch.randn(rows, dtype=DTYPE)]
