"""The state of a random generator as plain data, so that a resumed sampler draws what it would have drawn."""

import numpy as np

from policies.curriculum.stored import RandomRecord


def record_of(generator: np.random.Generator) -> RandomRecord:
    """Returns the state of a generator that `numpy.random.default_rng` made."""
    state = generator.bit_generator.state
    return RandomRecord(
        state=state["state"]["state"],
        increment=state["state"]["inc"],
        has_half=bool(state["has_uint32"]),
        half=state["uinteger"],
    )


def generator_of(record: RandomRecord) -> np.random.Generator:
    """Returns a generator in this state."""
    generator = np.random.Generator(np.random.PCG64())
    generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": record.state, "inc": record.increment},
        "has_uint32": int(record.has_half),
        "uinteger": record.half,
    }
    return generator
