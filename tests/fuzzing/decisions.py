"""Bytes as decisions, so that a fuzzer that changes bytes changes what is done to valid data, and how."""

from tests.agreement.choices import Choices


def decided_by(data: bytes) -> Choices:
    """The decisions that `data` stands for; when it is used up, the simplest ones."""
    position = 0

    def source(low: int, high: int) -> int:
        nonlocal position
        size = max(1, ((high - low).bit_length() + 7) // 8)
        taken = int.from_bytes(data[position : position + size], "big")
        position += size
        return low + taken % (high - low + 1)

    return Choices(source)
