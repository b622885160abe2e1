"""Which field of theirs holds a field of ours, suggested from what the CRM says of its fields. Pure.

First what is known of the CRM (the defaults of its adapter), then names and labels in English, Japanese or Chinese, read as the headers
of a spreadsheet are. Nothing is suggested twice, and nothing for a field that can neither be written nor read into one of ours.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connectors.contracts import FieldInfo
from scrm.contacts.importing.columns import CUSTOM, target_of

# What a table of people calls them, and our sources of a mapping.
_OURS = {"given_name": "first_name", "family_name": "last_name", "name": "full_name"}
_WORDS = {
    "first_name": ("firstname", "forename"),
    "last_name": ("lastname",),
    "phone": ("phone mobile", "mobilephone"),
    "address": ("address line",),
    "body": ("body", "description", "content", "note content", "comments"),
    "amount": ("amount", "value"),
    "stage": ("stage", "deal stage", "sales stage"),
    "currency": ("currency", "currency code"),
    "number": ("order number", "so number", "number"),
    "total": ("total", "grand total", "total amount", "order amount"),
    "placed_at": ("order date", "ordered at", "placed at", "order start date"),
    "sku": ("sku", "product code"),
    "contact": ("contact id", "bill to contact id", "related to"),
    "last_message_at": ("last message", "last message at", "scrm last message at"),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`certain`: known of this CRM, not read from a name."""

    source: str
    target: str
    certain: bool = False


def suggest(fields: Sequence[FieldInfo], sources: Sequence[str], known: Collection[tuple[str, str]] = ()) -> list[Suggestion]:
    """At most one field of theirs for each of ours, in our order. `known`: (ours, theirs) of the adapter."""
    there = {field.name: field for field in fields}
    found = {ours: Suggestion(ours, theirs, True) for ours, theirs in known if theirs in there and ours in sources}
    taken = {each.target for each in found.values()}
    # Whole names last: where both parts are kept apart, they say more.
    for field in sorted(fields, key=lambda each: _source_of(each) == "full_name"):
        ours = _source_of(field)
        if ours and ours in sources and ours not in found and field.name not in taken and not _covered(ours, found):
            found[ours] = Suggestion(ours, field.name)
            taken.add(field.name)
    return [found[name] for name in sources if name in found]


def _source_of(field: FieldInfo) -> str:
    for words in (_plain(field.label), _plain(field.name)):
        # Custom fields carry a mark of the CRM behind their name.
        plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words.removesuffix("__c").replace("_", " ")).strip()
        guessed = target_of(plain)
        if guessed and not guessed.startswith(CUSTOM):
            return _OURS.get(guessed, guessed)
        for ours, names in _WORDS.items():
            if plain.casefold() in names:
                return ours
    return ""


def _plain(name: str) -> str:
    """A pointer to a member of the record is its name; one that leads deeper may be somebody else's."""
    return name.removeprefix("/") if name.count("/") == 1 else name


def _covered(ours: str, found: Collection[str]) -> bool:
    """A whole name says nothing more where both of its parts are kept, and the other way round."""
    if ours == "full_name":
        return "last_name" in found
    return ours in {"first_name", "last_name"} and "full_name" in found
