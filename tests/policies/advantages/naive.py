"""The estimators again, one entry after the other, from their definitions."""

import math

from policies.advantages import AdvantageOptions, Alone, Ended, Estimator

Rows = list[list[float]]
Flags = list[list[bool]]


def naive_returns(rewards: Rows, present: Flags, gamma: float) -> Rows:
    """Returns the sum over later turns, written out."""
    return [
        [
            sum(gamma ** (later - turn) * row[later] for later in range(turn, len(row)) if flags[later])
            for turn in range(len(row))
        ]
        for row, flags in zip(rewards, present, strict=True)
    ]


def naive_members(counted: Flags, ended: Ended, row: int, turn: int) -> bool:
    """Returns whether the rollout is in the baseline of the turn."""
    if counted[row][turn]:
        return True
    return ended == Ended.ZERO and any(counted[row][:turn]) and not any(counted[row][turn:])


def naive_advantages(rewards: Rows, counted: Flags, groups: list[int], options: AdvantageOptions) -> Rows:
    """Returns the value of every entry; of EBPO, without a prior only."""
    turns = len(rewards[0])
    returns = naive_returns(rewards, counted, options.gamma)
    values = []
    for row in range(len(rewards)):
        entries = []
        for turn in range(turns):
            if not counted[row][turn]:
                entries.append(0.0)
                continue
            if options.estimator.per_turn:
                table = _by_group(counted, groups, returns, options.ended, turn)
                own = returns[row][turn] if counted[row][turn] else 0.0
            else:
                table = {}
                for other, flags in enumerate(counted):
                    if any(flags):
                        table.setdefault(groups[other], {})[other] = returns[other][0]
                own = returns[row][0]
            entries.append(_value(table, groups[row], row, own, options))
        values.append(entries)
    return values


def _by_group(counted: Flags, groups: list[int], returns: Rows, ended: Ended, turn: int) -> dict[int, dict[int, float]]:
    table: dict[int, dict[int, float]] = {}
    for row in range(len(counted)):
        if naive_members(counted, ended, row, turn):
            table.setdefault(groups[row], {})[row] = returns[row][turn] if counted[row][turn] else 0.0
    return table


def _value(table: dict[int, dict[int, float]], group: int, row: int, own: float, options: AdvantageOptions) -> float:
    members = table[group]
    others = [value for other, value in members.items() if other != row]
    lonely = own if options.alone == Alone.RAW else 0.0
    mean = sum(members.values()) / len(members)
    if options.estimator == Estimator.EBPO:
        value = own - sum(others) / len(others) if others else lonely
        pull, usual = naive_pull([list(m.values()) for key, m in table.items() if key != group], len(others))
        return (1 - pull) * value + pull * (own - usual)
    if not others:
        return lonely
    if options.estimator in (Estimator.TRLOO, Estimator.RLOO):
        return own - sum(others) / len(others)
    if options.estimator in (Estimator.TURN_GRPO, Estimator.GRPO):
        return own - mean
    deviation = math.sqrt(sum((value - mean) ** 2 for value in members.values()) / len(others))
    return (own - mean) / (deviation + options.epsilon)


def naive_pull(groups: list[list[float]], others: int) -> tuple[float, float]:
    """Returns s and mu from the returns of these groups, for a baseline that is a mean of so many others."""
    means = [sum(group) / len(group) for group in groups]
    freedom = sum(len(group) - 1 for group in groups)
    if len(groups) < 2 or freedom < 1:
        return 0.0, 0.0
    mu = sum(means) / len(means)
    noise = sum((value - mean) ** 2 for group, mean in zip(groups, means, strict=True) for value in group) / freedom
    noise = noise if noise > 1e-12 * (1 + mu * mu) else 0.0
    spread = sum((mean - mu) ** 2 for mean in means) / (len(means) - 1)
    between = max(0.0, spread - noise * sum(1 / len(group) for group in groups) / len(groups))
    if others == 0:
        return 1.0, mu
    scatter = noise / others
    return (scatter / (scatter + between) if scatter + between > 0 else 0.0), mu
