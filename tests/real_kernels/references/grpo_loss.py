import torch
from torch import nn

DTYPE = torch.float32
LEVEL = "token"
CHECK_SHAPES = [dict(batch=2, length=5, vocabulary=129)]


class Model(nn.Module):
    def forward(self, logits, old, base, ids, advantages, mask, dloss):
        def loss(logits):
            logp = (logits[:, :-1] / 0.9).log_softmax(-1).gather(-1, ids[..., None])[..., 0]
            ratio = (logp - old).exp()
            if LEVEL == "sequence":
                ratio = (((logp - old) * mask).sum(-1) / mask.sum(-1)).exp()[:, None]
            gain = torch.minimum(ratio * advantages[:, None], ratio.clamp(0.8, 1.2) * advantages[:, None])
            divergence = (base - logp).exp() - (base - logp) - 1
            total = (0.04 * divergence - gain) * mask
            return (total.sum(-1) / mask.sum(-1)).mean()

        return with_gradients(lambda logits: loss(logits.to(dloss.dtype)), (logits,), dloss)


def get_init_inputs():
    return []


def get_inputs(batch=3, length=9, vocabulary=300):
    logits = torch.randn(batch, length + 1, vocabulary, dtype=DTYPE)
    ids = torch.randint(0, vocabulary, (batch, length))
    chosen = (logits[:, :-1].float() / 0.9).log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    old, base = (chosen + 0.3 * torch.randn(batch, length) for _ in range(2))
    mask = (torch.arange(length) < torch.arange(length - batch + 1, length + 1)[:, None]).int()
    return [logits, old, base, ids, torch.randn(batch), mask, torch.randn(())]


DISTRIBUTIONS = ["x1"]  # probabilities that belong to the logits
