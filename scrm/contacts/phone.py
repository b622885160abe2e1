"""Phone numbers as people, platforms and spreadsheets write them. Pure: no Django.

A number is stored as E.164. What cannot be read is kept as typed with the reason, and never guessed: about a third of Hong Kong's
mobile numbers are valid in Singapore too, so a national number is only read when one region fits. Where several fit, they are named;
`settling` weighs what else is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumber

from scrm.contacts import phone_text

# Why a number was not read. Stored in English, shown in the reader's language by `repair_words`.
DESTROYED = "destroyed by a spreadsheet: the last digits are lost, ask for the number again"
ROUNDED = "ends in zeros as what a spreadsheet destroyed does: ask whether it is right"
NO_DIGITS = "holds no digits"
NO_NUMBER = "is not a phone number"
SEVERAL_NUMBERS = "holds several numbers: choose one"
SEVERAL_REGIONS = "fits several countries: choose one"
NO_COUNTRY = "has no country code and fits no country that we know of"

# What is dialled before a country code: nearly everywhere 00, from Hong Kong and Singapore 001, from Taiwan 002; others only where those
# give no number, for the digit behind 00 is a country code's first far more often than part of a rare prefix.
_DIALLED = (("00", "001", "002"), ("0011", "0015", "0018", "005", "006", "007", "008", "009"))
# What the library takes and nobody has any more: Taipei's numbers have eight digits behind the 2 since 1998.
_GONE = re.compile(r"^\+8862\d{5,7}$")
_CHINESE_MOBILE = re.compile(r"^1[3-9]\d{9}$")
# '03-1234/5678': a slash between groups, where what stands before it is no number by itself.
_ONE_SLASH = re.compile(r"^[^/]+\d\s*/\s*\d{4}$")
# More is no number and no row of numbers, and would cost more the longer it is.
LONGEST = 400
_LEAST_INTERNATIONAL = 10
_CODES = frozenset(COUNTRY_CODE_TO_REGION_CODE)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was read. `extension` is kept apart."""

    e164: str
    region: str
    extension: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A number that was not. `candidates` holds the readings when several fit; `reason` is one of the sentences above."""

    raw: str
    reason: str
    candidates: tuple[str, ...] = ()


def parse(raw: str, regions: Sequence[str] | str = ()) -> Number | Unread:
    """Read a number. `regions` are those a number without country code may belong to, e.g. ("HK", "SG").

    Accepts local, 00-, 001-, 002- and 010-prefixed, full-width, spaced, bracketed forms, a lost plus or leading zero, a decimal tail,
    thousands separators, slashes, letters in the place of digits, labels, a country in words, and extensions.
    """
    if len(raw) > LONGEST:
        return Unread(raw, NO_NUMBER)
    text = phone_text.plain(raw)
    digits = phone_text.unscience(text)
    if digits is not None:
        if not digits:
            return Unread(raw, DESTROYED)
        text = digits
    elif phone_text.is_rounded(text):
        shown = _one(raw, text.replace(",", ""), _wanted(regions))
        return Unread(raw, ROUNDED, (shown.e164,) if isinstance(shown, Number) else shown.candidates)
    if not any(char.isdigit() for char in text):
        return Unread(raw, NO_DIGITS)
    read = [_one(raw, cell, _wanted(regions)) for cell in phone_text.parts(text)]
    if len(read) == 1:
        return read[0]
    numbers = {each.e164: each for each in read if isinstance(each, Number)}
    if len(numbers) == 1 and all(isinstance(each, Number) for each in read):
        return next(iter(numbers.values()))
    found = [each.e164 for each in read if isinstance(each, Number)] + [
        c for each in read if isinstance(each, Unread) for c in each.candidates
    ]
    return Unread(raw, SEVERAL_NUMBERS, tuple(dict.fromkeys(found)))


def _wanted(regions: Sequence[str] | str) -> list[str]:
    given = [regions] if isinstance(regions, str) else regions
    return list(dict.fromkeys(region.upper() for region in given if region))


def parse_all(raw: str, regions: Sequence[str] | str = ()) -> list[Number | Unread]:
    """Every number of a cell that may hold several, each read by itself."""
    text = phone_text.plain(raw) if len(raw) <= LONGEST else ""
    if not text or phone_text.unscience(text) is not None or phone_text.is_rounded(text):
        return [parse(raw, regions)]
    return [parse(cell, regions) for cell in phone_text.parts(text)]


def _one(raw: str, cell: str, regions: Sequence[str]) -> Number | Unread:
    cleaned = phone_text.clean(cell)
    if not cleaned.digits.removeprefix("+"):
        return Unread(raw, NO_NUMBER)
    wanted = [cleaned.country] if cleaned.country else regions
    found = readings(cleaned.digits, wanted)
    if not found and _ONE_SLASH.search(cell):
        found = readings(phone_text.clean(cell.replace("/", " ")).digits, wanted)
    if len(found) == 1:
        return Number(found[0].e164, found[0].region, cleaned.extension)
    if found:
        return Unread(raw, SEVERAL_REGIONS, tuple(number.e164 for number in found))
    return Unread(raw, NO_NUMBER if cleaned.digits.startswith("+") or regions else NO_COUNTRY)


def readings(digits: str, regions: Sequence[str]) -> list[Number]:
    """Every number that these digits may be: with '+' or a dialled prefix the stated one, else one for each region that fits."""
    if digits.startswith("+"):
        return _distinct([_valid(digits, None) or _stated_twice(digits)])
    if digits.startswith("00"):
        return _behind(digits, _DIALLED[0]) or _behind(digits, _DIALLED[1])
    national = _distinct(_national(digits, region) for region in regions)
    international = _without_plus(digits, regions)
    if not national:
        return international or _with_stray_zero(digits, regions)
    # A number of a country that the business serves, and by chance one of a country that it does not, is the former; but all that is
    # freephone in Singapore, 1800 and seven digits, is freephone in America.
    return _distinct([*national, *(each for each in international if each.region in regions or digits.startswith("1800"))])


def _behind(digits: str, prefixes: Sequence[str]) -> list[Number]:
    return _distinct(_valid("+" + digits[len(prefix) :], None) for prefix in prefixes if digits.startswith(prefix))


def _distinct(found: Iterable[Number | None]) -> list[Number]:
    return list({number.e164: number for number in found if number is not None}.values())


def _stated_twice(digits: str) -> Number | None:
    """'+00852…' and '+0852…': the plus and what it stands for."""
    bare = digits[1:].lstrip("0")
    return _valid("+" + bare, None) if digits.startswith("+0") else None


def _without_plus(digits: str, regions: Sequence[str]) -> list[Number]:
    """The plus got lost. Eleven digits that begin as Chinese mobiles do may be one, or an American number."""
    if len(digits) < _LEAST_INTERNATIONAL or digits.startswith("0"):
        return []
    stated = _valid("+" + digits, None)
    if _CHINESE_MOBILE.match(digits) and "CN" not in regions:
        return _distinct([_valid(digits, "CN"), stated])
    if len(digits) == _LEAST_INTERNATIONAL and (stated is None or stated.region not in regions):
        return []
    return _distinct([stated])


def _with_stray_zero(digits: str, regions: Sequence[str]) -> list[Number]:
    """'0852 9123 4567': a zero before the country code; '010 852 …' as dialled in Japan."""
    if not digits.startswith("0"):
        return []
    bare = digits.lstrip("0")
    tries = [_valid("+" + bare, None)]
    if digits.startswith("010") and "JP" in regions:
        tries.append(_valid("+" + digits[3:], None))
    return [number for number in _distinct(tries) if len(bare) >= _LEAST_INTERNATIONAL or number.region in regions]


@lru_cache(maxsize=300)
def _lengths(region: str) -> frozenset[int]:
    """How many digits a national number of the region may have, without the leading zero."""
    metadata = PhoneMetadata.metadata_for_region(region)
    return frozenset(metadata.general_desc.possible_length) if metadata is not None and metadata.general_desc is not None else frozenset()


@lru_cache(maxsize=300)
def _shortest(region: str) -> int:
    """How many digits a line or a mobile of the region has at least; what is shorter reaches a service, or lacks digits."""
    metadata = PhoneMetadata.metadata_for_region(region)
    kinds = [metadata.fixed_line, metadata.mobile] if metadata is not None else []
    return min((length for kind in kinds if kind is not None for length in kind.possible_length or ()), default=0)


@lru_cache(maxsize=300)
def _trunk(region: str) -> str:
    """What is dialled before a national number there; "0" where nothing is."""
    metadata = PhoneMetadata.metadata_for_region(region)
    return (metadata.national_prefix if metadata is not None else None) or "0"


def _national(digits: str, region: str) -> Number | None:
    """A number of the region as it is written there; with its own country code but without plus counts as well."""
    lengths = _lengths(region)
    code = str(phonenumbers.country_code_for_region(region))
    # Cheaper than asking the library about numbers that are too long or too short.
    if not lengths or not {len(digits), len(digits) - 1, len(digits) - 2, len(digits) - len(code), len(digits) - len(code) - 1} & lengths:
        return None
    number = _plainly(digits, region)
    if number is None and digits.startswith(("0", code, _trunk(region))):
        number = _carefully(digits, region)
    if number is None or number.region != region or len(number.e164) - 1 - len(code) < _shortest(region):
        return None
    return number


def _valid(text: str, region: str | None) -> Number | None:
    """`text`: digits, behind a plus when they begin with a country code. None when the library knows no such number."""
    return _plainly(text, region) or _carefully(text, region)


def _plainly(text: str, region: str | None) -> Number | None:
    """The common case, in a fifth of the time that the library takes to look for prefixes: the digits are all there is."""
    if region is not None:
        code, national = phonenumbers.country_code_for_region(region), text
    else:
        code = next((int(text[1 : 1 + n]) for n in (1, 2, 3) if text[1 : 1 + n].isdigit() and int(text[1 : 1 + n]) in _CODES), 0)
        national = text[1 + len(str(code)) :]
    if not code or national.startswith("0") or not (national.isdigit() and 4 <= len(national) <= 15):
        return None
    number = PhoneNumber(country_code=code, national_number=int(national))
    found = phonenumbers.region_code_for_number(number)
    e164 = f"+{code}{national}"
    if not found or _GONE.match(e164) or not phonenumbers.is_valid_number_for_region(number, found):
        return None
    return Number(e164, found)


def _carefully(text: str, region: str | None) -> Number | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number) or _GONE.match(e164):
        return None
    return Number(e164, phonenumbers.region_code_for_number(number) or "", number.extension or "")


@lru_cache(maxsize=4096)
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


def is_mobile(e164: str) -> bool:
    """Whether messages may reach it: a mobile number, or one of a country that does not tell."""
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return False
    return kind in {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
