"""The form in which an address is stored and found again. Pure.

A platform's id is stored exactly as it came. An e-mail address is one address in any capitals and with its domain in either of its two
spellings; a phone number is its E.164 form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from scrm.contacts import phone

Key = tuple[str, str, str]
LONGEST = 200
_EMAIL = re.compile(r"[^\s@<>]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")


class Addressed(Protocol):
    """An `Address` or an `Identity`."""

    @property
    def kind(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def value(self) -> str: ...


def key_of(address: Addressed) -> Key:
    return (str(address.kind), address.scope, standard(address))


def standard(address: Addressed) -> str:
    """What the address is stored as."""
    return email(address.value) if address.kind == "email" else address.value[:LONGEST]


def email(typed: str) -> str:
    """Lower case, the domain as the wire carries it: 'Mei@Bücher.example' is 'mei@xn--bcher-kva.example'. Never raises."""
    local, at, domain = typed.strip().removeprefix("mailto:").rpartition("@")
    if not at:
        return typed.strip().casefold()[:LONGEST]
    try:
        domain = domain.strip().rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        domain = domain.strip()
    return f"{local.strip()}@{domain}".lower()[:LONGEST]


def is_email(standard_form: str) -> bool:
    return bool(_EMAIL.fullmatch(standard_form))


def spelled(addresses: Iterable[Addressed], *, variants: bool = True) -> set[str]:
    """The E.164 numbers that these addresses are, with `variants` also those that a country writes in two ways."""
    found: set[str] = set()
    for address in addresses:
        if address.kind == "whatsapp":
            number = phone.from_wa_id(address.value)
            found |= {number} if number else set()
            found |= set(phone.variants(address.value)) if variants else set()
        elif address.kind == "phone":
            number = phone.from_wa_id(address.value.removeprefix("+"))
            found |= {number} if number else set()
            found |= set(phone.variants(number)) if variants and number else set()
    return found
