"""What a merge or its undoing would do, for people to read before they decide. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from scrm.contacts import overlay
from scrm.contacts.family import by_root
from scrm.contacts.fields_rules import is_blank
from scrm.contacts.histories import histories
from scrm.contacts.merging import Choices, fit_choices
from scrm.contacts.models import Contact, Identity, Merge
from scrm.contacts.records import at_of, label_of, standing_of
from scrm.core import clock


@dataclass(frozen=True, slots=True)
class Cell:
    """What one contact says of a field. `source` as in `fields`; `shown`: the merged person shows this value."""

    contact_id: int
    value: Any
    source: str
    at: datetime
    by: str
    shown: bool


@dataclass(frozen=True, slots=True)
class FieldEffect:
    name: str
    label: str
    cells: tuple[Cell, ...]
    result: Any

    @property
    def differs(self) -> bool:
        return len({str(cell.value) for cell in self.cells if not is_blank(cell.value)}) > 1


@dataclass(frozen=True, slots=True)
class Count:
    name: str
    label: str
    total: int


@dataclass(frozen=True, slots=True)
class Effect:
    """`counts`: what comes together, by contact; `consent`: in words, for the person as a whole; `crm`: what happens there, in words."""

    counts: tuple[Count, ...]
    fields: tuple[FieldEffect, ...]
    consent: str
    crm: str


def preview(survivor_id: int, duplicate_ids: Sequence[int], choices: Mapping[int, Choices] | None = None) -> Effect:
    """What `merging.merge_many` would do now with these records; each stands for the person it belongs to."""
    people = [survivor_id, *duplicate_ids]
    family = _imagined(people, choices or {})
    records = list(by_root(family.rows.values()))
    return Effect(_counts(records), _fields(family, people), consent_of(records), crm_words())


def _imagined(people: Sequence[int], choices: Mapping[int, Choices]) -> overlay.Family:
    rows = Contact.objects.in_bulk(people)
    now = clock.now()
    merges = [Merge(survivor_id=people[0], duplicate_id=pk, choices=fit_choices(choices.get(pk, {})), merged_at=now) for pk in people[1:]]
    return overlay.Family(rows, dict(rows), merges)


def _counts(records: Sequence[int]) -> tuple[Count, ...]:
    addresses = Count("addresses", str(_("addresses")), Identity.objects.filter(contact__in=records).count())
    return (addresses, *(Count(each.name, str(each.label), each.count(records)) for each in histories() if each.counted))


def _fields(family: overlay.Family, people: Sequence[int]) -> tuple[FieldEffect, ...]:
    picks = overlay.picks_of(family, people[0])
    found = []
    for name, pick in picks.items():
        cells = tuple(_cell(family.rows[pk], name, shown=pick.record == pk) for pk in people)
        if any(not is_blank(cell.value) for cell in cells) or not is_blank(pick.value):
            found.append(FieldEffect(name, label_of(name), cells, pick.value))
    return tuple(found)


def _cell(row: Contact, name: str, *, shown: bool) -> Cell:
    field = standing_of(row, name)
    return Cell(row.pk, field.value, field.source, at_of(field.at), field.entry.by if field.entry else "", shown)


def of_addresses(records: Sequence[int], identities: Sequence[int]) -> list[Count]:
    """What goes with these addresses and with these records when they leave their survivor."""
    found = []
    for each in histories():
        if each.counted and each.contact.endswith("identity__contact"):
            rows = each.rows().filter(**{f"{each.contact.removesuffix('__contact')}__in": identities}).count()
        elif each.counted and each.goes == "stays":
            rows = each.count(records)
        else:
            continue
        found.append(Count(each.name, str(each.label), rows))
    return found


def consent_of(contact_ids: Sequence[int]) -> str:
    """The strictest of all addresses, in words: it counts for the person as a whole."""
    return consent_words(list(Identity.objects.filter(contact__in=contact_ids, valid_to=None).order_by("pk")))


def consent_words(identities: Sequence[Identity]) -> str:
    rows = [row for row in identities if row.valid_to is None]
    if stopped := [str(row) for row in rows if row.opted_out_at]:
        return _("No messages at all: %(addresses)s opted out.") % {"addresses": ", ".join(stopped)}
    if declined := [str(row) for row in rows if row.marketing_opted_out_at]:
        return _("No promotions: %(addresses)s declined them.") % {"addresses": ", ".join(declined)}
    if allowed := [str(row) for row in rows if row.marketing_opt_in_at]:
        return _("Promotions are allowed by %(addresses)s.") % {"addresses": ", ".join(allowed)}
    return _("Nobody has said anything about promotions.")


def crm_words() -> str:
    """A merge inside a CRM cannot be undone there, so nothing here does it."""
    return _("The records in the CRM stay two and are linked to this person. Merge them there by hand: that cannot be undone.")
