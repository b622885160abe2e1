"""What is compared of a contact, prepared once: normalised, compact, and stored as one line of JSON beside its keys. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import phonenumbers

from scrm.contacts.matching import spelling
from scrm.contacts.matching.characters import canonical
from scrm.contacts.matching.names import NONE, Name, parse
from scrm.core import fastjson

# Raised when the prepared form or its keys change: stored ones of another version are made anew when all contacts are compared. Those
# from OLDEST on can be read, and are compared under the keys that they have.
VERSION, OLDEST = 5, 2
_written = fastjson.writer(separators=(",", ":"))
_EPOCH = date(2000, 1, 1).toordinal()
_ROLE_WORDS = """
account accounting accounts admin billing booking careers contact cs email enquiries enquiry hello help hr info inquiry
jobs mail marketing no-reply noreply office order orders postmaster reception reservation sales service services shop
support team webmaster
"""
ROLES = frozenset(_ROLE_WORDS.split())
_COMPANY_FORMS = re.compile(
    r"股份有限公司|有限责任公司|有限責任公司|有限公司|株式会社|有限会社|合同会社|\(株\)|㈱|\b(?:pte|ltd|limited|inc|llc|co|corp|company|gmbh|kk)\b\.?"
)
_WORDS = re.compile(r"[^\w]+")
_LETTERS = re.compile(r"[a-z]+")


# What a contact has, by field, as bits of `Profile.fields`: what two both have can be compared.
BIRTHDAY, COMPANY, ADDRESS, POSTAL_CODE, CITY, EMAIL, ID, ACCOUNT, GENDER, PURCHASES = (1 << place for place in range(10))


@dataclass(slots=True, unsafe_hash=True)
class Facts:
    """A contact's facts as they stand in the database or a file. Numbers in E.164; `maybe`: numbers that fit several countries.

    Never changed once made, as a `Profile`.
    """

    pk: int
    name: str = ""
    phonetic: str = ""
    phones: tuple[str, ...] = ()
    shared: frozenset[str] = frozenset()
    maybe: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    usernames: tuple[str, ...] = ()
    user_ids: tuple[tuple[str, str], ...] = ()
    ids: tuple[str, ...] = ()
    birthday: date | None = None
    company: str = ""
    address: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""
    purchases: tuple[tuple[str, date], ...] = ()


@dataclass(slots=True)
class Profile:
    """Never changed once made; not frozen, because making millions of frozen ones takes twice as long.

    `mail_words`: codes of the words in an e-mail's local part; `purchases`: (SKU, days since 2000); `countries`: the calling codes of its
    numbers and of its country; `fields`: what it has, as bits; `skus`: what it bought. None of these three is stored."""

    pk: int
    name: Name = NONE
    phones: Sequence[str] = ()
    shared: frozenset[str] = frozenset()
    maybe: Sequence[str] = ()
    emails: Sequence[str] = ()
    usernames: Sequence[str] = ()
    user_ids: Sequence[Sequence[str]] = ()
    ids: Sequence[str] = ()
    birthday: str = ""
    company: str = ""
    address: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""
    purchases: Sequence[Sequence[Any]] = ()
    mail_words: Sequence[str] = ()
    countries: Sequence[str] = ()
    fields: int = 0
    skus: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.fields = (
            (BIRTHDAY if self.birthday else 0)
            | (COMPANY if self.company else 0)
            | (ADDRESS if self.address else 0)
            | (POSTAL_CODE if self.postal_code else 0)
            | (CITY if self.city else 0)
            | (EMAIL if self.emails else 0)
            | (ID if self.ids else 0)
            | (ACCOUNT if self.usernames or self.user_ids else 0)
            | (GENDER if self.name.gender else 0)
            | (PURCHASES if self.purchases else 0)
        )
        if self.purchases:
            self.skus = frozenset([str(sku) for sku, _ in self.purchases])


NOBODY = Profile(0)


def packed(profile: Profile) -> tuple[Any, ...]:
    """As a process hands it to another one."""
    name = profile.name
    return (
        (name.han, name.cut, name.readings, name.english, name.gender, name.family_only, name.nick, name.words),
        profile.pk, profile.phones, profile.shared, profile.maybe, profile.emails, profile.usernames, profile.user_ids, profile.ids,
        profile.birthday, profile.company, profile.address, profile.city, profile.postal_code, profile.country, profile.purchases,
        profile.mail_words, profile.countries,
    )  # fmt: skip


def unpacked(row: tuple[Any, ...]) -> Profile:
    name, pk, *rest = row
    return Profile(pk, Name(*name), *rest)


def prepare(facts: Facts) -> Profile:
    emails = _each_once([each for each in map(email, facts.emails) if each]) if facts.emails else ()
    country = facts.country.upper()
    return Profile(
        facts.pk,
        parse(facts.name, phonetic=facts.phonetic),
        _each_once(facts.phones),
        facts.shared,
        _each_once(facts.maybe),
        emails,
        tuple([each.casefold().lstrip("@") for each in facts.usernames]),
        facts.user_ids,
        tuple([plain(each).replace(" ", "") for each in facts.ids if each]),
        facts.birthday.isoformat() if facts.birthday else "",
        company(facts.company),
        plain(facts.address),
        _plain_of_many(facts.city) if facts.city else "",
        plain(facts.postal_code).replace(" ", "").replace("-", "") if facts.postal_code else "",
        country,
        tuple([(sku, day.toordinal() - _EPOCH) for sku, day in facts.purchases]),
        _mail_words(emails) if emails else (),
        _countries(facts.phones, country),
    )


def _each_once(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(values) if len(values) < 2 else tuple(dict.fromkeys(values))


def _countries(phones: Iterable[str], country: str) -> tuple[str, ...]:
    found = {calling_code(each[:4]) for each in phones}
    if country:
        found.add(code_of(country))
    found.discard("")
    return tuple(sorted(found))


@lru_cache(maxsize=16_384)
def calling_code(begins: str) -> str:
    """The country calling code that an E.164 number begins with: '+8529' is Hong Kong's 852. Empty for none."""
    digits = begins.lstrip("+")
    return next((digits[:length] for length in (1, 2, 3) if digits[:length].isdigit() and int(digits[:length]) in _CALLING), "")


@lru_cache(maxsize=512)
def code_of(country: str) -> str:
    """The calling code of a country by its ISO code."""
    return str(phonenumbers.country_code_for_region(country) or "")


@lru_cache(maxsize=16_384)
def is_fixed_line(e164: str) -> bool:
    """Whether a number is certainly no mobile one, by the country's plan."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE


_CALLING = phonenumbers.COUNTRY_CODE_TO_REGION_CODE


def email(raw: str) -> str:
    """One form of an address: lower case; for Google's, without dots and what stands behind a plus."""
    text = (raw if raw.isascii() else unicodedata.normalize("NFKC", raw)).strip().lower()
    local, at, domain = text.partition("@")
    if not at or not local or "." not in domain:
        return ""
    local = local.split("+")[0] or local
    if domain in {"gmail.com", "googlemail.com"}:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def is_role(address: str) -> bool:
    return address.partition("@")[0] in ROLES


def plain(text: str) -> str:
    """Width, case, marks and script of Chinese folded; words apart by one space."""
    if not text:
        return ""
    folded = canonical(unicodedata.normalize("NFKC", text).casefold())
    return _WORDS.sub(" ", folded).strip()


_plain_of_many = lru_cache(maxsize=1024)(plain)


def company(text: str) -> str:
    if not text:
        return ""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return plain(_COMPANY_FORMS.sub(" ", folded)).replace(" ", "")


def _mail_words(emails: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for address in emails:
        if not is_role(address):
            for word in _LETTERS.findall(address.partition("@")[0]):
                if len(word) > 2:
                    found[spelling.sound(word)] = None
    return tuple(found)


def dump(profile: Profile) -> str:
    name = profile.name
    row = [
        [name.han, name.cut, name.readings, name.english, name.gender, int(name.family_only), int(name.nick), name.words],
        profile.phones, sorted(profile.shared), profile.maybe, profile.emails, profile.usernames, profile.user_ids, profile.ids,
        profile.birthday, profile.company, profile.address, profile.city, profile.postal_code, profile.country, profile.purchases,
        profile.mail_words,
    ]  # fmt: skip
    return _written(row)


def load(pk: int, text: str) -> Profile:
    """Nested rows stay lists as they are read: made into tuples, reading a profile would take half as long again."""
    (name, phones, shared, maybe, emails, usernames, user_ids, ids, birthday, comp, address, city, postal, country, purchases, words) = (
        json.loads(text)
    )
    han, cut, readings, english, gender, family_only, nick, latin = name
    return Profile(
        pk,
        Name(
            han, cut, readings, english, gender, bool(family_only), bool(nick), latin
        ),
        phones, frozenset(shared), maybe, emails, usernames, user_ids, ids,
        birthday, comp, address, city, postal, country, purchases, words, _countries(phones, country),
    )  # fmt: skip
