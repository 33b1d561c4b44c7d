"""Tensors without data can be made in one thread after another."""

import subprocess
import sys

ENTERING = """
import threading
import torch
from sandboxes.fake_mode import FakeMode

def enter():
    with FakeMode():
        torch.empty(3)

for _ in range(100):
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    enter()
"""


def test_a_thread_that_has_ended_leaves_nothing_behind_whatever_torch_is_built_for() -> None:
    subprocess.run([sys.executable, "-c", ENTERING], check=True, timeout=60)
