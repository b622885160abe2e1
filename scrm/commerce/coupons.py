"""Coupons that people were given: written where a message arrives or a person notes one, read beside the chat."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from scrm.commerce.models import Coupon
from scrm.contacts.family import family_of
from scrm.contacts.models import Contact
from scrm.core import clock

CODE, TEXT = 60, 300


@dataclass(frozen=True, slots=True)
class Offered:
    """What a message brings: `expires_at` None when it says no end."""

    code: str
    expires_at: datetime | None = None


def give(coupons: Sequence[Coupon]) -> None:
    """Write them down; what a message brought is written once, however often this is asked for."""
    Coupon.objects.bulk_create(coupons, ignore_conflicts=True)


def take_back(message_pks: Collection[int]) -> None:
    """These messages never arrived, and with them nothing that they brought."""
    Coupon.objects.filter(message_pk__in=message_pks, used_at=None).delete()


def coupons_of(contact: Contact) -> QuerySet[Coupon]:
    """Newest first, of all records of this person."""
    return Coupon.objects.filter(contact__in=family_of(contact)).order_by("-given_at", "-id")


def once(coupons: Iterable[Coupon]) -> list[Coupon]:
    """Each code as it was given last; those that can still be used first, the others after them."""
    latest: dict[str, Coupon] = {}
    for coupon in coupons:
        latest.setdefault(coupon.code, coupon)
    return sorted(latest.values(), key=lambda coupon: state_of(coupon) != "valid")


def state_of(coupon: Coupon, now: datetime | None = None) -> str:
    """used, expired or valid."""
    if coupon.used_at is not None:
        return "used"
    return "expired" if coupon.expires_at is not None and coupon.expires_at <= (now or clock.now()) else "valid"


def set_used(coupon: Coupon, used: bool) -> int:
    """The code was used, or was not after all, however often it was given to this person; how many rows changed. Safe to repeat."""
    rows = Coupon.objects.filter(contact__in=family_of(coupon.contact), code=coupon.code, used_at__isnull=used)
    return rows.update(used_at=clock.now() if used else None)
