"""What the pages show of a record: a title, its filled and empty properties, its links, its history."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import unescape

from .models import Association, Record, Write
from .properties import definitions
from .schema import OBJECT_TYPES, OWNERS, PIPELINES, ObjectType, Property
from .wire import all_properties, parse_time

LONG_FIELDS = ("textarea", "html")
_OWNER_NAMES = {owner.id: owner.name for owner in OWNERS}
_STAGE_LABELS = {stage.id: stage.label for _, _, stages in PIPELINES.values() for stage in stages}
_BREAK = re.compile(r"<(?:br\s*/?|/p|/div|/li)>", re.IGNORECASE)
_EAST_ASIAN = re.compile("[\u3005-\u30ff\u3400-\u9fff]")
_CHANNELS = {"WHATS_APP": "WhatsApp", "SMS": "SMS", "LINKEDIN_MESSAGE": "LinkedIn", "PHYSICAL_MAIL": "Mail"}
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def plain(markup: str) -> str:
    """The text of a body that may be HTML, with its line breaks. It is escaped when a template shows it."""
    return unescape(_TAG.sub("", _BREAK.sub("\n", markup))).strip()


def title(record: Record) -> str:
    """What a person would call the record."""
    own = record.properties
    candidates = {
        "contacts": (_full_name(own.get("firstname", ""), own.get("lastname", "")), own.get("email", ""), own.get("phone", "")),
        "deals": (own.get("dealname", ""),),
        "communications": (plain(own.get("hs_communication_body", ""))[:80],),
        "tickets": (own.get("subject", ""),),
        "notes": (plain(own.get("hs_note_body", ""))[:80],),
        "orders": (own.get("hs_order_name", ""), own.get("hs_external_order_id", "")),
        "products": (own.get("name", ""), own.get("hs_sku", "")),
        "line_items": (own.get("name", ""), own.get("hs_sku", "")),
    }[record.object_type]
    return next((text.strip() for text in candidates if text.strip()), f"#{record.pk}")


def _grouped(amount: str) -> str:
    """9299.00 as 9,299.00; the decimals stay as they were written."""
    whole, dot, decimals = amount.partition(".")
    return f"{int(whole):,}{dot}{decimals}" if whole.isdigit() else amount


def _full_name(first: str, last: str) -> str:
    """Family name first, without a space, where both are written in Chinese characters or kana."""
    if first and last and not _EAST_ASIAN.sub("", first + last):
        return last + first
    return f"{first} {last}"


@dataclass(frozen=True, slots=True)
class Field:
    """One property with its value, ready to show and to edit."""

    own: Property
    value: str

    @property
    def label(self) -> str:
        return self.own.label

    @property
    def editable(self) -> bool:
        return not self.own.read_only

    @property
    def long(self) -> bool:
        return self.own.field_type in LONG_FIELDS

    @property
    def text(self) -> str:
        return plain(self.value) if self.long else self.value

    @property
    def moment(self) -> datetime | None:
        return parse_time(self.value) if self.own.type in {"date", "datetime"} and self.value else None

    @property
    def meaning(self) -> str:
        """The name behind an id: owner or stage."""
        if self.own.name == "hubspot_owner_id":
            return _OWNER_NAMES.get(self.value, "")
        return _STAGE_LABELS.get(self.value, "") if self.own.name in {"dealstage", "hs_pipeline_stage"} else ""

    @property
    def choices(self) -> list[tuple[str, str]]:
        """(value, label) to choose from; empty when any text will do or several values may be set."""
        if self.own.name == "hubspot_owner_id":
            return [(owner.id, owner.name) for owner in OWNERS]
        if self.own.field_type == "checkbox":
            return []
        return [(option, _STAGE_LABELS.get(option, option)) for option in self.own.options]


def fields(record: Record) -> list[Field]:
    """All properties of the record's type with this record's values, system properties last and each time shown once."""
    kind, values = OBJECT_TYPES[record.object_type], all_properties(record)
    twice = {"hs_createdate", "hs_lastmodifieddate"} - {kind.created, kind.modified}
    found = [Field(own, values.get(own.name, "")) for own in definitions(kind).values() if own.name not in twice]
    return sorted(found, key=lambda field: field.own.read_only)


@dataclass(frozen=True, slots=True)
class Card:
    """A record in a list, a board or beside another record."""

    record: Record

    @property
    def kind(self) -> str:
        return self.record.object_type

    @property
    def title(self) -> str:
        return title(self.record)

    @property
    def owner(self) -> str:
        return _OWNER_NAMES.get(self.record.properties.get("hubspot_owner_id", ""), "")

    def _first(self, *names: str) -> str:
        return next((value for name in names if (value := self.record.properties.get(name, ""))), "")

    @property
    def reach(self) -> str:
        """The number to call, else the address to write to."""
        return self._first("phone", "mobilephone", "hs_whatsapp_phone_number", "email")

    @property
    def phone(self) -> str:
        return self._first("phone", "mobilephone", "hs_whatsapp_phone_number")

    @property
    def channel(self) -> str:
        return _CHANNELS.get(self._first("hs_communication_channel_type"), "")

    @property
    def money(self) -> str:
        """The sum of a deal or an order, the price of one piece of a product or a line."""
        amount = self._first("amount", "hs_total_price", "price")
        return f"{self._first('deal_currency_code', 'hs_currency_code')} {_grouped(amount)}".strip() if amount else ""

    @property
    def stage(self) -> str:
        own = self.record.properties
        return _STAGE_LABELS.get(own.get("dealstage") or own.get("hs_pipeline_stage", ""), "")

    @property
    def body(self) -> str:
        own = self.record.properties
        return plain(own.get("hs_communication_body") or own.get("hs_note_body") or own.get("content", ""))

    @property
    def moment(self) -> datetime:
        """When it happened, for what happened at a time; else when it was changed."""
        return parse_time(self.record.properties.get("hs_timestamp", "")) or self.record.updated_at

    @property
    def stamp(self) -> str:
        """Changes whenever the record does: the page marks cards whose stamp is new."""
        return self.record.updated_at.isoformat()


def linked_cards(record: Record) -> dict[str, list[Card]]:
    """The records linked to this one by type, the latest first."""
    links = Association.objects.filter(from_record=record, to_record__archived=False).select_related("to_record")
    cards = sorted((Card(link.to_record) for link in links), key=lambda card: card.moment, reverse=True)
    return {kind: rows for kind in OBJECT_TYPES if (rows := [card for card in cards if card.kind == kind])}


def history(record: Record, limit: int = 100) -> Iterable[Write]:
    """The writes to this record and to those merged into it, the latest first."""
    merged = [int(part) for part in record.properties.get("hs_merged_object_ids", "").split(";") if part.isdigit()]
    return Write.objects.filter(object_type=record.object_type, record_id__in=[record.pk, *merged]).order_by("-id")[:limit]


def matching(kind: ObjectType, words: str) -> list[Card]:
    """Live records whose properties hold all words, the latest change first; the ids of records count as words too."""
    wanted = words.casefold().split()
    rows = Record.objects.filter(object_type=kind.name, archived=False, merged_into=None).order_by("-updated_at", "-id")
    return [Card(row) for row in rows if _holds_words(row, wanted)]


def _holds_words(record: Record, wanted: list[str]) -> bool:
    if not wanted:
        return True
    text = " ".join([str(record.pk), *record.properties.values()]).casefold()
    return all(word in text for word in wanted)
