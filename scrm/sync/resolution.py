"""Which side of a field is right: both are compared with what they last agreed on. Pure.

Changed on one side: that side is copied. Changed on both to the same: agreed. Changed on both differently: the later change wins and the
difference is listed; within the grain of the CRM's clock, or with a clock that runs ahead, nobody wins and a person decides.

What we wrote ourselves comes back as the base and is no change, whatever its time. A CRM may tidy what it is given (spaces, capitals, the
form of a number): the base therefore has two sides, ours as we wrote it and theirs as they held it then, and each is compared with its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Literal, TypeAlias

# One value for each of their fields that the field of ours is written to; a name is two of theirs.
Values: TypeAlias = "tuple[Any, ...]"
Direction: TypeAlias = Literal["both", "out", "in"]
Winner: TypeAlias = Literal["ours", "theirs", ""]

# A stamp further ahead of our clock than this comes from a clock that is wrong.
ALLOWANCE_MS = 5 * 60 * 1000
_EPOCH_TEXT = range(12, 15)


class Verdict(StrEnum):
    """What is to be done. `SAME`: nothing changed, or not in a direction that is wanted."""

    SAME = "same"
    AGREED = "agreed"
    IN = "in"
    OUT = "out"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Side:
    """A side's values now, when they changed (ms since 1970; None: nobody knows), and its half of the base (None: never agreed)."""

    now: Values
    at: int | None = None
    base: Values | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """`winner` of a conflict; '' when nobody wins. `suspect`: their clock runs ahead."""

    verdict: Verdict
    winner: Winner = ""
    suspect: bool = False


def resolve(ours: Side, theirs: Side, *, direction: Direction = "both", grain_ms: int = 1, clock_ms: int) -> Resolution:
    """`grain_ms`: the resolution of the CRM's times; `clock_ms`: now by our clock."""
    first = ours.base is None and theirs.base is None
    we, they = _ours_changed(ours, theirs, first), _theirs_changed(ours, theirs, first)
    if we and they and alike_all(ours.now, theirs.now):
        return Resolution(Verdict.AGREED)
    if direction != "both":
        return _one_way(direction, we, they)
    if we and they:
        return _contest(ours.at, theirs.at, grain_ms, clock_ms)
    return Resolution(Verdict.OUT if we else Verdict.IN if they else Verdict.SAME)


def _ours_changed(ours: Side, theirs: Side, first: bool) -> bool:
    if first:
        # Whoever has nothing yet has not changed anything.
        return not blank(ours.now) or blank(theirs.now)
    return not blank(ours.now) if ours.base is None else ours.now != ours.base


def _theirs_changed(ours: Side, theirs: Side, first: bool) -> bool:
    if first:
        return not blank(theirs.now) or blank(ours.now)
    if theirs.base is not None:
        return theirs.now != theirs.base
    return not alike_all(theirs.now, ours.base or ())


def _one_way(direction: Direction, we: bool, they: bool) -> Resolution:
    wanted, verdict = (we, Verdict.OUT) if direction == "out" else (they, Verdict.IN)
    return Resolution(verdict if wanted else Verdict.SAME)


def _contest(ours_at: int | None, theirs_at: int | None, grain_ms: int, clock_ms: int) -> Resolution:
    if theirs_at is None or ours_at is None:
        return Resolution(Verdict.CONFLICT)
    if theirs_at > clock_ms + ALLOWANCE_MS:
        return Resolution(Verdict.CONFLICT, suspect=True)
    # A time in whole seconds says "within this second": whatever happened here in the same second may be before or after.
    mine, other = ours_at // grain_ms, theirs_at // grain_ms
    if mine == other:
        return Resolution(Verdict.CONFLICT)
    return Resolution(Verdict.CONFLICT, "ours" if mine > other else "theirs")


# --- equal for a reader ---------------------------------------------------------------------------------------------


def blank(values: Sequence[Any]) -> bool:
    return all(value is None or value in ("", [], {}) for value in values)


def alike_all(one: Sequence[Any], other: Sequence[Any]) -> bool:
    if len(one) != len(other):
        return blank(one) and blank(other)
    return all(alike(a, b) for a, b in zip(one, other, strict=True))


def alike(one: Any, other: Any) -> bool:
    """Equal but for what a CRM may tidy: width, case and spaces, the form of a number, a phone number or a time, the order of choices."""
    if one == other or (blank([one]) and blank([other])):
        return True
    if isinstance(one, list) or isinstance(other, list):
        return sorted(map(plain, _listed(one))) == sorted(map(plain, _listed(other)))
    a, b = plain(one), plain(other)
    if a == b:
        return True
    return any(form(a) is not None and form(a) == form(b) for form in (_number, _moment, _phone))


def same_moment(one: Any, other: Any, grain: timedelta) -> bool:
    """Two times, written as texts, of which a CRM that keeps them in this grain makes one."""
    first, second = _moment(plain(one)), _moment(plain(other))
    return first is not None and second is not None and abs(first - second) < grain


def plain(value: Any) -> str:
    text = "" if value is None else "true" if value is True else "false" if value is False else str(value)
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [part for part in str(value or "").split(";") if part.strip()]


def _number(text: str) -> Decimal | None:
    if len(text) > 40 or text.startswith("+"):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _phone(text: str) -> str | None:
    digits = "".join(char for char in text if char.isdigit())
    return digits if 6 <= len(digits) <= 15 and set(text) <= set("+0123456789 ()-./") else None


def _moment(text: str) -> datetime | None:
    """A time in ISO 8601 or in ms since 1970."""
    if text.isascii() and text.isdigit() and len(text) in _EPOCH_TEXT:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if len(text) < len("2026-11-22t03:30") or not text[:4].isdigit():
        return None
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
