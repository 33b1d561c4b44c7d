"""Tensors of the CPU without data: shapes and dtypes of what a reference does."""

from torch._subclasses.fake_tensor import FakeTensorMode


class FakeMode(FakeTensorMode):  # type: ignore[no-untyped-call] # torch leaves __init_subclass__ untyped
    """Inside it tensors have shapes and no data; any thread may enter it.

    Torch's own mode asks the CUDA driver for GPUs. Where CUDA is built in and there are none, it then replaces c10's
    guard of devices by one that belongs to the thread, so that the next thread crashes when this one has ended.
    """

    avoid_device_init = False
