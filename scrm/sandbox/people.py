"""Customers: the cast that every sandbox starts with, and new ones made by hand or by a test."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from scrm.sandbox.cast import CAST
from scrm.sandbox.identifiers import new_user_id
from scrm.sandbox.models import Number, Person
from scrm.sandbox.router import ALIAS

COLOURS = ("#3d6fa5", "#a5533d", "#4f8a5b", "#8a5b8f", "#b0803a", "#3f8f8c", "#a04466", "#5f6f94")
COUNTRIES = {"852": "HK", "886": "TW", "81": "JP", "65": "SG"}
LANGUAGES = {"HK": "zh_HK", "TW": "zh_TW", "JP": "ja", "SG": "en"}


def ensure_people() -> int:
    """Create those of the cast who are missing, known by their user id or their number; returns how many were created."""
    with transaction.atomic(using=ALIAS):
        ids = set(Person.objects.values_list("user_id", flat=True))
        phones = set(Person.objects.exclude(phone=None).values_list("phone", flat=True))
        missing = [row for row in CAST if row[2] not in ids and row[1] not in phones]
        Person.objects.bulk_create([_from_cast(row) for row in missing])
    return len(missing)


def _from_cast(row: tuple[str, str, str, str, str, str, str, bool]) -> Person:
    name, phone, user_id, username, country, language, colour, auto_read = row
    return Person(
        name=name,
        phone=phone or None,
        user_id=user_id,
        username=username,
        country=country,
        language=language,
        colour=colour,
        auto_read=auto_read,
    )


def create_person(
    *,
    name: str,
    phone: str = "",
    user_id: str = "",
    username: str = "",
    country: str = "",
    language: str = "",
    auto_read: bool = False,
) -> Person:
    """A new customer, with or without a phone number. ValueError when name, number or user id will not do."""
    digits = "".join(c for c in phone if c in "0123456789")
    if not name.strip():
        raise ValueError("a customer needs a name")
    if phone.strip() and not 7 <= len(digits) <= 15:
        raise ValueError("a phone number has 7 to 15 digits, with its country code")
    if digits and (Person.objects.filter(phone=digits).exists() or _is_business(digits)):
        raise ValueError("this phone number is taken")
    if user_id and Person.objects.filter(user_id=user_id).exists():
        raise ValueError("this user id is taken")
    origin = country.upper()[:2] or country_of(digits)
    return Person.objects.create(
        name=name.strip()[:120],
        phone=digits or None,
        user_id=user_id or new_user_id(origin),
        username=username.strip().lstrip("@")[:60],
        country=origin,
        language=language or LANGUAGES.get(origin, "en"),
        colour=COLOURS[Person.objects.count() % len(COLOURS)],
        auto_read=auto_read,
    )


def _is_business(digits: str) -> bool:
    return any(number.digits == digits for number in Number.objects.all())


def country_of(digits: str) -> str:
    return next((country for code, country in COUNTRIES.items() if digits.startswith(code)), "HK")


def find_person(reference: Any) -> Person | None:
    """By row id (an integer), phone number (with or without plus) or user id."""
    if isinstance(reference, bool) or not isinstance(reference, int | str):
        return None
    if isinstance(reference, int):
        return Person.objects.filter(pk=reference).first()
    digits = "".join(c for c in reference if c in "0123456789")
    by_phone = Person.objects.filter(phone=digits).first() if digits and "." not in reference else None
    return by_phone or Person.objects.filter(user_id=reference).first()
