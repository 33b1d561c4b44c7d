"""From some waves to all of them."""

from dataclasses import dataclass

import numpy as np

from sandboxes.hardware.traffic.caching import Traffic, distinct
from sandboxes.hardware.traffic.events import Events
from sandboxes.hardware.traffic.scene import Scene, Timetable


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """Waves in a cache."""

    events: Events
    times: Timetable
    traffic: Traffic


def moved_bytes(seen: Scene, simulated: Simulated) -> np.ndarray:
    """Returns the bytes that device memory moves for each operation over the whole launch.

    The first wave finds an empty cache; every other one finds what the one before it left. Of a wave whose predecessor
    was not looked at, as much hits as of the one whose predecessor was.
    """
    operations, waves = len(seen.operations), len(seen.waves)
    times = simulated.times
    group = times.operation * waves + times.wave
    traffic = simulated.traffic.read + simulated.traffic.written
    moved = np.bincount(group, weights=traffic, minlength=operations * waves).reshape(operations, waves)
    alone = distinct(simulated.events, group, operations * waves).reshape(operations, waves)
    followers = [index for index, wave in enumerate(seen.waves) if wave.follows]
    total = np.zeros(operations)
    for index, wave in enumerate(seen.waves):
        value = moved[:, index]
        if index and not wave.follows and followers:
            like = followers[-1]
            share = np.divide(moved[:, like], alone[:, like], out=np.ones(operations), where=alone[:, like] > 0)
            value = alone[:, index] * share
        total += value * wave.weight
    return total


def distinct_bytes(seen: Scene, simulated: Simulated, group: np.ndarray, groups: int) -> np.ndarray:
    """Returns the bytes that each group of operations touches over the whole launch, every byte once.

    Args:
        seen: What was looked at.
        simulated: Its events.
        group: Per operation, its group.
        groups: How many there are.
    """
    times = simulated.times
    of = group[times.operation]
    everything = distinct(simulated.events, of, groups)
    if all(wave.weight == 1.0 for wave in seen.waves):
        return everything
    waves = len(seen.waves)
    alone = distinct(simulated.events, of * waves + times.wave, groups * waves).reshape(groups, waves)
    fresh = np.ones(groups)
    followers = [index for index, wave in enumerate(seen.waves) if wave.follows]
    if followers:
        like = followers[-1]
        pair = distinct(simulated.events, np.where(np.isin(times.wave, (like - 1, like)), of, -1), groups)
        new = pair - alone[:, like - 1]
        fresh = np.divide(new, alone[:, like], out=np.zeros(groups), where=alone[:, like] > 0)
    total = np.zeros(groups)
    for index, wave in enumerate(seen.waves):
        total += alone[:, index] * (wave.weight * fresh if index else 1.0 + (wave.weight - 1.0) * fresh)
    found: np.ndarray = np.maximum(total, everything)
    return found
