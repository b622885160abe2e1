"""How large a check is: small with the suite, large with `python -m tests.faults`, which sets FAULTS_SHARE (1 for all of it)."""

from __future__ import annotations

import os
import random

SHARE = float(os.environ.get("FAULTS_SHARE") or 0)
SEED = int(os.environ.get("SEED") or "20261122")


def size(short: int, long: int) -> int:
    """`short` with the suite, else its share of `long`, never less than `short`."""
    return max(short, round(long * SHARE)) if SHARE else short


def draw(name: str) -> random.Random:
    """Chance of one check, the same for the same SEED."""
    return random.Random(f"{SEED}:{name}")
