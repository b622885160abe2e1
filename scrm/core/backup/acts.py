"""What other apps have done to a restored database. Registered when they start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Say = Callable[[str], None]
Act = Callable[[Say], None]
# rebuild: what no backup holds, such as search indexes; hold: whatever would go out although it may have gone out since; both in the
# transaction of the rows. repeat: after it, safe to repeat, and the start of the product must be refused until it has been done.
Stage = Literal["rebuild", "hold", "repeat"]


def say_nothing(words: str) -> None:
    return


_acts: list[tuple[Stage, str, Act]] = []


def after_restore(stage: Stage, words: str, act: Act) -> None:
    _acts.append((stage, words, act))


def carry_out(stage: Stage, say: Say) -> None:
    for when, words, act in _acts:
        if when == stage:
            say(words)
            act(say)
