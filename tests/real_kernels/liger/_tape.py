"""Put in front of every candidate that calls an autograd function's `forward` and `backward` itself."""


class Tape:
    """What autograd would hand from `forward` to `backward`; its own threads could not be recorded."""

    needs_input_grad = (True,) * 32

    def save_for_backward(self, *tensors):
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *tensors):
        pass

    def set_materialize_grads(self, value):
        pass
