"""Logistic regression that starts from weights in force and stays near them, as few labels prove little. Pure Python.

Minimises the log loss of the labels plus `strength / 2` times the squared distance from the weights that stand: the more labels speak
for a change, the further a weight moves. People decide pairs that were found likely, and weights that suit those alone would take in many
of the unlikely ones, which nobody sees: so it takes some hundred decisions to move a weight far. Newton steps along the diagonal, damped;
convex, so it ends at one place from any start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scrm.contacts.matching.evidence import logistic

# What a person must have decided before weights are drawn from it.
FEWEST = 30
BIAS = "bias"
Example = tuple[Mapping[str, float], bool]


def refit(prior: Mapping[str, float], examples: Sequence[Example], *, strength: float = 100.0, rounds: int = 60) -> dict[str, float]:
    """New weights, for every code of the prior and of the examples. The bias is held: what people decide are pairs that were found
    likely, so their share of true ones says nothing about all pairs."""
    weights = dict(prior)
    for features, _ in examples:
        for code in features:
            weights.setdefault(code, 0.0)
    start = dict(weights)
    for _ in range(rounds):
        gradient: dict[str, float] = {}
        curvature: dict[str, float] = {}
        for features, same in examples:
            likely = logistic(weights.get(BIAS, 0.0) + sum(weights[code] * amount for code, amount in features.items()))
            off, slope = likely - same, max(likely * (1 - likely), 1e-4)
            for code, amount in features.items():
                gradient[code] = gradient.get(code, 0.0) + off * amount
                curvature[code] = curvature.get(code, 0.0) + slope * amount * amount
        largest = 0.0
        for code, pull in gradient.items():
            if code == BIAS:
                continue
            total = pull + strength * (weights[code] - start[code])
            # Several codes of one pair move together: half a step keeps them from overshooting.
            step = 0.5 * total / (curvature[code] + strength)
            weights[code] -= max(-1.0, min(1.0, step))
            largest = max(largest, abs(step))
        if largest < 1e-4:
            break
    return {code: round(weight, 4) for code, weight in weights.items()}
