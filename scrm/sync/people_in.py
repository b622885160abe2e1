"""What a CRM says of people, written here: fields through `contacts.fields`, addresses and tags through their services.

Nothing is taken away because a CRM does not have it: an emptied phone or e-mail there removes no address here, and an opt-out there
counts here while an opt-in does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from scrm.contacts import fields
from scrm.contacts.fields_rules import ALLOWANCE_MS, Verdict
from scrm.contacts.importing import extras
from scrm.contacts.models import Contact, Identity
from scrm.contacts.names import full_name, split_name
from scrm.contacts.overlay import own_entry, own_record
from scrm.contacts.records import at_of, ms
from scrm.contacts.services import record_consent
from scrm.core import clock
from scrm.sync import people
from scrm.sync.inlet import ADDRESSES, PERSON, TAGS, Inlet, Unit
from scrm.sync.linking import give_address
from scrm.sync.mapping import to_ours
from scrm.sync.ours import Saying
from scrm.sync.resolution import alike, blank
from scrm.sync.sources import Source, numbers
from scrm.tags.models import TagAssignment
from scrm.tags.services import remove_tag

_ALLOWANCE = timedelta(milliseconds=ALLOWANCE_MS)
_YES = frozenset({"true", "yes", "1", "on"})


@dataclass(slots=True)
class People:
    """The contacts that some records are about, merged ones by themselves, with what they say in our words."""

    inlet: Inlet
    contacts: dict[int, Contact] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)

    @classmethod
    def read(cls, inlet: Inlet, keys: Iterable[str]) -> People:
        rows = {row.pk: row for row in Contact.objects.filter(pk__in=numbers(keys)).order_by("pk")}
        shown = [own_record(row) if row.merged_into_id else row for row in rows.values()]
        return cls(inlet, rows, people.values_of(shown, inlet.wanted) if shown else {})

    def has(self, key: str) -> bool:
        return int(key) in self.contacts

    def values(self, key: str) -> Mapping[str, Any]:
        return self.sources[key].values

    def value_of(self, saying: Saying) -> Any:
        return value_of(self, saying)

    def write(self, sayings: Sequence[Saying]) -> None:
        write(self, sayings)

    def changed_at(self, key: str, unit: Unit) -> int | None:
        contact = self.contacts[int(key)]
        if unit.name not in PERSON and not unit.name.startswith("custom."):
            return None
        said = own_entry(contact, unit.name)[1]
        return int(said["at"]) if said else ms(contact.created_at)


def write(people_: People, sayings: Sequence[Saying]) -> None:
    """Take over what the records say; each saying learns its result."""
    _offer(people_, [each for each in sayings if each.unit.name in PERSON or each.unit.name.startswith("custom.")])
    for each in sayings:
        if each.unit.name in ADDRESSES:
            _take_address(people_, each)
        elif each.unit.name == TAGS:
            _take_tags(people_, each)
        elif each.unit.name == "opted_out":
            _take_opt_out(people_, each)


def _offer(people_: People, sayings: Sequence[Saying]) -> None:
    """One offer for each field: their moments differ where ours and theirs are as one."""
    offers = [_offer_of(people_, each) for each in sayings]
    for each, outcome in zip(sayings, fields.offer(offers), strict=True):
        name = each.unit.name
        verdict = outcome.verdicts.get(name)
        if name in outcome.refused:
            each.result, each.words = "unfit", outcome.refused[name]
        elif verdict in (Verdict.KEPT, Verdict.STALE, Verdict.RULED):
            undecided = verdict is Verdict.KEPT and name in outcome.asked and each.winner != "ours"
            each.result = "held" if undecided else "out"


def _offer_of(people_: People, each: Saying) -> fields.Offer:
    name = each.unit.name
    at = each.at
    if each.contest and not each.winner and at <= clock.now() + _ALLOWANCE:
        # Nobody can tell which was later: said as of the same moment, so that a person is asked.
        stood = people_.changed_at(each.key, each.unit)
        at = at_of(stood) if stood is not None else at
    changed = not each.contest and not each.met
    return fields.Offer(
        each.contact_id,
        {name: value_of(people_, each)},
        people_.inlet.source,
        at,
        blanks_count=not each.met,
        news=() if each.met else (name,),
        knowing=(name,) if changed else (),
    )


def value_of(people_: People, each: Saying) -> Any:
    """Their values in our words. Raises `Unmappable`."""
    said = {spec.source: to_ours(value, spec) for spec, value in zip(each.unit.specs, each.theirs, strict=True)}
    if each.unit.name == "name":
        return _name(said, people_.contacts[each.contact_id])
    (value,) = said.values()
    return value


def _name(said: Mapping[str, Any], contact: Contact) -> str:
    """The whole name from its parts. A part that is not mapped is ours; who was written family name first stays so."""
    if said.get("full_name"):
        return str(said["full_name"])
    given, family = split_name(contact.name, country=contact.country, language=contact.language)
    new_given, new_family = str(said.get("first_name", given)).strip(), str(said.get("last_name", family)).strip()
    if family and contact.name.startswith(f"{family} ") and new_family.isascii() and new_given.isascii():
        return f"{new_family} {new_given}".strip()
    return full_name(new_given, new_family)


def _take_address(people_: People, each: Saying) -> None:
    """A further address; ours that they do not have stays."""
    value = value_of(people_, each)
    contact = people_.contacts[each.contact_id]
    kind = Identity.Kind.PHONE if each.unit.name == "phone" else Identity.Kind.EMAIL
    if value and not any(alike(value, ours) for ours in each.unit.ours(people_.values(each.key))):
        give_address(people_.inlet, contact, kind, str(value))


def _take_tags(people_: People, each: Saying) -> None:
    """What was added and removed there since the last agreement; tags that we gave meanwhile stay."""
    now, before = _words(value_of(people_, each)), _words(_before(each))
    wanted = [word for word in now if word.casefold() not in {b.casefold() for b in before}]
    gone = {word.casefold() for word in before} - {word.casefold() for word in now}
    if wanted:
        extras.tags().put({each.contact_id: wanted}, source=people_.inlet.source, by=None)
    if gone:
        _remove_tags(each.contact_id, gone)


def _before(each: Saying) -> Any:
    if each.before is None or blank(each.before):
        return []
    return to_ours(each.before[0], each.unit.specs[0])


def _remove_tags(contact_id: int, words: set[str]) -> None:
    rows = TagAssignment.objects.filter(contact=contact_id, removed_at=None).select_related("tag", "contact")
    for row in rows:
        if row.tag.name.casefold() in words:
            remove_tag(row, by=None)


def _words(value: Any) -> list[str]:
    parts = value if isinstance(value, list) else str(value or "").split(";")
    return [str(part).strip() for part in parts if str(part).strip()]


def _take_opt_out(people_: People, each: Saying) -> None:
    value = value_of(people_, each)
    if str(value).strip().casefold() not in _YES:
        return
    for identity in Identity.objects.filter(contact=each.contact_id, valid_to=None, opted_out_at=None):
        record_consent(identity, purpose="all", allowed=False, source=people_.inlet.source, at=min(each.at, clock.now()))
