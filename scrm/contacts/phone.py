"""Phone numbers as people, platforms and spreadsheets write them. Pure: no Django.

A number is stored as E.164. What cannot be read is kept as typed with the reason, and never guessed: about a third of Hong Kong's
mobile numbers are valid in Singapore too, so a national number is only read when one region fits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import phonenumbers

# 8.52912E+10 and the like: a spreadsheet kept six digits and threw the rest away.
DESTROYED = re.compile(r"^\s*[+-]?\d+(?:[.,]\d+)?[eE]\s*[+]?\d+\s*$")
FLOAT_TAIL = re.compile(r"^(\d{5,})[.,]0+$")


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was read. `extension` is kept apart."""

    e164: str
    region: str
    extension: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A number that was not. `candidates` holds the readings when several regions fit."""

    raw: str
    reason: str
    candidates: tuple[str, ...] = ()


def parse(raw: str, regions: Sequence[str] | str = ()) -> Number | Unread:
    """Read a number. `regions` are those a number without country code may belong to, e.g. ("HK", "SG").

    Accepts local, 00-, 001- and 002-prefixed, full-width, spaced, bracketed forms, a lost decimal '.0', and extensions.
    """
    text = unicodedata.normalize("NFKC", raw).strip()
    if DESTROYED.match(text):
        return Unread(raw, "destroyed by a spreadsheet: the last digits are lost, ask for the number again")
    if match := FLOAT_TAIL.match(text):
        text = match.group(1)
    if not any(char.isdigit() for char in text):
        return Unread(raw, "holds no digits")
    candidates = (regions,) if isinstance(regions, str) else tuple(regions)
    readings = _readings(text, [region.upper() for region in candidates if region])
    if len(readings) == 1:
        return readings[0]
    if readings:
        return Unread(raw, "fits several regions: " + ", ".join(r.region for r in readings), tuple(r.e164 for r in readings))
    return Unread(raw, "is not a valid number" + (f" in {', '.join(candidates)}" if candidates else " with a country code"))


def _readings(text: str, regions: Sequence[str]) -> list[Number]:
    found: dict[str, Number] = {}
    explicit = _international(text)
    if explicit is not None:
        return [explicit]
    for region in regions:
        number = _valid(text, region)
        if number is not None:
            found.setdefault(number.e164, number)
    return list(found.values())


def _international(text: str) -> Number | None:
    """'+852…', '00852…' (and Hong Kong's, Taiwan's and Singapore's 001/002), or plain digits that begin with a country code we serve."""
    digits = re.sub(r"[^\d+]", "", text.split("ext")[0].split("x")[0])
    if digits.startswith("+"):
        return _valid(text, None)
    for prefix in ("0011", "0015", "001", "002", "009", "00"):
        if digits.startswith(prefix) and (number := _valid("+" + digits[len(prefix) :], None)):
            return number
    if len(digits) >= 11 and not digits.startswith("0"):
        return _valid("+" + digits, None)
    return None


def _valid(text: str, region: str | None) -> Number | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Number(e164, phonenumbers.region_code_for_number(number) or "", number.extension or "")


def from_wa_id(wa_id: str) -> str:
    """E.164 of a WhatsApp id (digits with country code), or "" when the library does not know it. Never a reason to refuse the person."""
    number = _valid("+" + wa_id, None) if wa_id.isascii() and wa_id.isdigit() else None
    return number.e164 if number else ""


# Countries whose mobile numbers WhatsApp, or old address books, spell in two ways: (what stands there, what the other spelling has).
_TWO_SPELLINGS = (
    (re.compile(r"^521(\d{10})$"), r"+52\1"),
    (re.compile(r"^52(\d{10})$"), r"+521\1"),
    (re.compile(r"^549(\d{10})$"), r"+54\1"),
    (re.compile(r"^54(\d{10})$"), r"+549\1"),
    (re.compile(r"^55(\d{2})9(\d{8})$"), r"+55\1\2"),
    (re.compile(r"^55(\d{2})([6-9]\d{7})$"), r"+55\g<1>9\2"),
)


def variants(number: str) -> tuple[str, ...]:
    """Other spellings of a number with country code, as E.164: Mexico's 1, Argentina's 9 and Brazil's ninth digit come and go."""
    digits = number.removeprefix("+")
    return tuple(pattern.sub(form, digits) for pattern, form in _TWO_SPELLINGS if pattern.match(digits))


def region_of(e164: str) -> str:
    number = _valid(e164, None)
    return number.region if number else ""
