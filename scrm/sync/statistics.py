"""How sure a share is that was counted in a sample. Pure."""

from __future__ import annotations

from math import sqrt

# Two-sided 95 %.
Z = 1.959964


def wilson(hits: int, of: int, z: float = Z) -> tuple[float, float]:
    """Wilson's bounds of a share, 0 to 1: right for small samples and for shares near 0 and 1. (0, 1) when nothing was counted."""
    if of <= 0:
        return 0.0, 1.0
    share, weight = hits / of, z * z / of
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * sqrt(share * (1 - share) / of + weight / (4 * of))
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == of else middle + half
    return max(0.0, low), min(1.0, high)
