"""The records of a case side by side: what each says of every field, from where and since when, and what hangs on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Count
from django.utils.formats import date_format

from scrm.commerce.models import Order
from scrm.console.review.sources import Sources
from scrm.contacts.family import by_root
from scrm.contacts.models import Contact, Identity
from scrm.contacts.records import label_of
from scrm.conversations.models import Conversation, Message
from scrm.sync.models import ExternalRecord, Kind
from scrm.tags.models import TagAssignment

# In the order in which a person compares two records. All can be chosen field by field.
FIELDS = (
    "name",
    "company",
    "birthday",
    "address",
    "city",
    "state",
    "postal_code",
    "country",
    "language",
    "time_zone",
    "owner",
    "priority",
    "notes",
)
# What every record has: shown only where the records differ.
ALWAYS_THERE = frozenset({"priority", "time_zone"})


@dataclass(frozen=True, slots=True)
class Cell:
    contact_id: int
    shown: str
    source: str = ""
    at: datetime | None = None
    by: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One field over all records. `choosable`: the records say different things, so one is taken."""

    name: str
    label: str
    cells: list[Cell]
    differs: bool = False

    @property
    def choosable(self) -> bool:
        return self.differs


@dataclass(slots=True)
class Column:
    """One record: who it is and what hangs on it."""

    contact: Contact
    number: int
    identities: list[Identity] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    messages: int = 0
    conversations: int = 0
    orders: int = 0
    last_words: str = ""

    @property
    def opted_out(self) -> bool:
        return any(identity.opted_out_at for identity in self.identities)

    @property
    def promotions(self) -> str:
        """declined, allowed or unknown: the strictest over the record's addresses."""
        if any(identity.marketing_opted_out_at for identity in self.identities):
            return "declined"
        return "allowed" if any(identity.marketing_opt_in_at for identity in self.identities) else "unknown"


def columns_of(contacts: Sequence[Contact]) -> list[Column]:
    """What hangs on each record, read with one query a kind, however many records there are."""
    columns = {contact.pk: Column(contact, number) for number, contact in enumerate(contacts, 1)}
    ids, person_of = list(columns), by_root(contacts)
    for identity in Identity.objects.filter(contact_id__in=ids, valid_to=None).order_by("kind", "pk"):
        columns[identity.contact_id].identities.append(identity)
    given = TagAssignment.objects.filter(contact_id__in=person_of, removed_at=None).order_by("tag__name")
    for pk, name in given.values_list("contact_id", "tag__name"):
        tags = columns[person_of[pk]].tags
        tags += [name] if name not in tags else []
    known = ExternalRecord.objects.filter(kind=Kind.CONTACT, key__in=[str(pk) for pk in person_of]).select_related("connection")
    for record in known:
        columns[person_of[int(record.key)]].records.append(f"{record.connection.label} {record.external_id}")
    for pk, number in Order.objects.filter(contact_id__in=person_of).values_list("contact_id").annotate(number=Count("pk")).order_by():
        columns[person_of[pk]].orders += number
    _add_talk(columns, ids)
    return list(columns.values())


def _add_talk(columns: Mapping[int, Column], ids: Sequence[int]) -> None:
    for row in Conversation.objects.filter(identity__contact_id__in=ids).select_related("identity").order_by("last_message_at"):
        column = columns[row.identity.contact_id]
        column.conversations += 1
        column.last_words = row.last_preview or column.last_words
    messages = Message.objects.filter(conversation__identity__contact_id__in=ids).order_by()
    for pk, number in messages.values_list("conversation__identity__contact_id").annotate(number=Count("pk")):
        columns[pk].messages = number


def lines_of(contacts: Sequence[Contact]) -> list[Line]:
    """Fields that at least one record fills, each with its value, source and time. The later value is chosen, an empty one never."""
    said = [contact.provenance or {} for contact in contacts]
    words = Sources(str(each.get(name, {}).get("source", "")) for each in said for name in each)
    lines = [_line(name, contacts, said, words) for name in (*FIELDS, *_custom(contacts))]
    return [line for line in lines if _worth_showing(line)]


def _worth_showing(line: Line) -> bool:
    return line.differs if line.name in ALWAYS_THERE else any(cell.shown for cell in line.cells)


def _custom(contacts: Sequence[Contact]) -> list[str]:
    return [f"custom.{key}" for key in sorted({key for contact in contacts for key in contact.custom or {}})]


def _line(name: str, contacts: Sequence[Contact], said: Sequence[Mapping[str, Any]], words: Sources) -> Line:
    values = [value_of(contact, name) for contact in contacts]
    stamps = [_stamp(contact, each.get(name)) for contact, each in zip(contacts, said, strict=True)]
    filled = [index for index, value in enumerate(values) if value not in (None, "")]
    chosen = max(filled, key=lambda index: (stamps[index], -index)) if filled else 0
    cells = [
        Cell(
            contact.pk,
            shown_value(contact, name),
            words.words(str((each.get(name) or {}).get("source", "created"))) if value not in (None, "") else "",
            stamp if value not in (None, "") else None,
            str((each.get(name) or {}).get("by", "")),
            index == chosen,
        )
        for index, (contact, each, value, stamp) in enumerate(zip(contacts, said, values, stamps, strict=True))
    ]
    return Line(name, label_of(name), cells, differs=len({str(value) for value in values}) > 1)


def _stamp(contact: Contact, said: Mapping[str, Any] | None) -> datetime:
    at = (said or {}).get("at")
    return datetime.fromtimestamp(at / 1000, UTC) if isinstance(at, int | float) else contact.created_at


def value_of(contact: Contact, name: str) -> Any:
    """As stored; a foreign key as its id."""
    if name.startswith("custom."):
        return (contact.custom or {}).get(name.removeprefix("custom."))
    return contact.owner_id if name == "owner" else getattr(contact, name)


def shown_value(contact: Contact, name: str) -> str:
    """As a person reads it."""
    if name == "owner":
        return str(contact.owner) if contact.owner_id else ""
    if name == "priority":
        return str(contact.get_priority_display())
    value = value_of(contact, name)
    return plain(value)


def plain(value: Any) -> str:
    if isinstance(value, date):
        return date_format(value, "DATE_FORMAT")
    return "" if value is None else str(value)
