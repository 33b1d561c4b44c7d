"""A few seeded executions of a target, without a fuzzer: what tests run."""

from random import Random

from tests.fuzzing.target import Target, execute

MAX_BYTES = 400


def seeded(target: Target, seed: int, number: int) -> bytes:
    """The data of execution `number` of `seed`."""
    random = Random(f"{target.name}:{seed}:{number}")
    return random.randbytes(random.choice((8, 40, 150, MAX_BYTES)))


def run_seeded(target: Target, seed: int, numbers: range) -> None:
    """Runs a target on data that depends on nothing but its name, the seed and the numbers.

    Raises:
        AssertionError: An execution failed; the data is in the message.
    """
    for number in numbers:
        data = seeded(target, seed, number)
        try:
            execute(target, data)
        except Exception as error:
            raise AssertionError(f"{target.name} fails on {data.hex()}: {type(error).__name__}: {error}") from error
