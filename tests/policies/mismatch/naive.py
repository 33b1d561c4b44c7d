"""Rejection and weights again, token by token."""

import math

from policies.mismatch import Level, RejectionBand

LARGEST = 20.0


def ratio(train, sampling):
    return 0.0 if math.isnan(sampling) else train - sampling


def segment(row, tokens, turns, place, level):
    """Returns the places of the row that are judged together with this one."""
    if level == Level.TOKEN:
        return [place]
    fits = [level == Level.EPISODE or turn == turns[row][place] for turn in turns[row]]
    return [other for other, flag in enumerate(tokens[row]) if flag and fits[other]]


def naive_kept(train, sampling, tokens, turns, band: RejectionBand):
    kept = []
    for row, flags in enumerate(tokens):
        kept.append([])
        for place, flag in enumerate(flags):
            keep = bool(flag)
            if flag:
                together = segment(row, tokens, turns, place, band.level)
                mean = sum(ratio(train[row][k], sampling[row][k]) for k in together) / len(together)
                keep = math.log(band.lower) <= mean <= math.log(band.upper)
                if band.veto is not None:
                    for k in segment(row, tokens, turns, place, band.veto_level):
                        keep = keep and ratio(train[row][k], sampling[row][k]) >= math.log(band.veto)
            kept[-1].append(keep)
    return kept


def naive_weights(train, sampling, tokens, turns, level, upper, lower):
    weights = []
    for row, flags in enumerate(tokens):
        weights.append([])
        for place, flag in enumerate(flags):
            if not flag:
                weights[-1].append(0.0)
                continue
            total = sum(ratio(train[row][k], sampling[row][k]) for k in segment(row, tokens, turns, place, level))
            weight = min(upper, math.exp(max(-LARGEST, min(LARGEST, total))))
            weights[-1].append(weight if lower is None else max(lower, weight))
    return weights
