"""Where a template's values come from: the contact, the newest order, the shop, the colleague; each with a fallback.

`MessageTemplate.variables` says it, by the key of the place: {"body_1": {"source": "contact.first_name", "fallback": "there"}}.
A source that is empty for this person gives the fallback; without one the place stays empty and the message is not sent. The end of a
limited-time offer is told as hours from the sending.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from scrm.commerce.models import Order, Shipment
from scrm.commerce.orders import latest_order
from scrm.connections.models import Connection
from scrm.contacts.models import Contact
from scrm.contacts.names import form_of_address
from scrm.conversations.models import MessageTemplate
from scrm.conversations.template_text import is_visible, one_line, places_of
from scrm.core import clock
from scrm.staff.models import User

# (one, many) for each unit; Chinese and Japanese have one form. The longest step first.
_AGO: dict[str, dict[str, str]] = {
    "en": {"day": "{n} days ago", "yesterday": "yesterday", "today": "today", "week": "{n} weeks ago", "month": "{n} months ago"},
    "ja": {"day": "{n}日前", "yesterday": "昨日", "today": "本日", "week": "{n}週間前", "month": "{n}か月前"},
    "zh_hant": {"day": "{n}天前", "yesterday": "昨天", "today": "今天", "week": "{n}週前", "month": "{n}個月前"},
    "zh_hans": {"day": "{n}天前", "yesterday": "昨天", "today": "今天", "week": "{n}周前", "month": "{n}个月前"},
}
WEEK, MONTH = 7, 30
CUSTOM = "contact.custom."
# Hours. A larger number is a moment in milliseconds.
LONGEST_OFFER = 24 * 366


@dataclass
class Subject:
    """Whom a template is filled for. Each group of fields costs a query, made when the first of them is asked."""

    contact: Contact
    connection: Connection
    language: str
    agent: User | None = None
    now: datetime | None = None

    @cached_property
    def order(self) -> Order | None:
        return latest_order(self.contact)

    @cached_property
    def shipment(self) -> Shipment | None:
        return self.order.shipments.order_by("-pk").first() if self.order else None

    @cached_property
    def products(self) -> list[str]:
        if self.order is None:
            return []
        lines = self.order.lines.select_related("product").order_by("pk")[:3]
        named = [str(line.product.names.get(spoken(self.language)[:2]) or line.product.name) for line in lines]
        return [*named, *(each["name"] for each in self.order.other_lines if each.get("name"))][:3]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.contact.time_zone or self.connection.time_zone)


def spoken(language: str) -> str:
    """Which of our ways of writing a template's language takes: en, ja, zh_hant or zh_hans."""
    code = language.lower().replace("-", "_")
    if code.startswith("zh"):
        return "zh_hans" if code in {"zh_cn", "zh_sg", "zh_hans", "zh"} else "zh_hant"
    return "ja" if code.startswith("ja") else "en"


def ago(then: datetime, now: datetime, language: str, zone: ZoneInfo) -> str:
    """A day as people say it: '3 days ago', '3日前', '3天前'. Counted in calendar days where the person lives."""
    words = _AGO[spoken(language)]
    days = max(0, (now.astimezone(zone).date() - then.astimezone(zone).date()) // timedelta(days=1))
    if days < 2:
        return words["yesterday"] if days else words["today"]
    unit, count = ("month", days // MONTH) if days >= 2 * MONTH else ("week", days // WEEK) if days >= 2 * WEEK else ("day", days)
    return words[unit].format(n=count)


def _first_name(subject: Subject) -> str:
    contact = subject.contact
    return form_of_address(contact.name, country=contact.country, language=contact.language)


def _ordered(subject: Subject) -> str:
    return ago(subject.order.placed_at, subject.now or clock.now(), subject.language, subject.zone) if subject.order else ""


def _expected(subject: Subject) -> str:
    shipment = subject.shipment
    return timezone.localtime(shipment.expected_at, subject.zone).strftime("%Y-%m-%d") if shipment and shipment.expected_at else ""


SOURCES: dict[str, tuple[str | Promise, Callable[[Subject], str]]] = {
    "contact.first_name": (_("First name"), _first_name),
    "contact.name": (_("Full name"), lambda s: s.contact.name),
    "contact.company": (_("Company"), lambda s: s.contact.company),
    "contact.external_id": (_("Partner's id"), lambda s: s.contact.external_id),
    "order.number": (_("Newest order: number"), lambda s: s.order.number if s.order else ""),
    "order.placed": (_("Newest order: how long ago"), _ordered),
    "order.total": (_("Newest order: total"), lambda s: f"{s.order.currency} {s.order.total:,.2f}" if s.order else ""),
    "order.product": (_("Newest order: first product"), lambda s: s.products[0] if s.products else ""),
    "order.products": (_("Newest order: products"), lambda s: ", ".join(s.products)),
    "shipment.carrier": (_("Shipment: carrier"), lambda s: s.shipment.carrier if s.shipment else ""),
    "shipment.tracking_number": (_("Shipment: tracking number"), lambda s: s.shipment.tracking_number if s.shipment else ""),
    "shipment.tracking_url": (_("Shipment: tracking link"), lambda s: s.shipment.tracking_url if s.shipment else ""),
    "shipment.expected": (_("Shipment: expected day"), _expected),
    "shop.name": (_("Shop's name"), lambda s: s.connection.label),
    "shop.address": (_("Shop's number"), lambda s: s.connection.address),
    "agent.name": (_("Colleague who sends"), lambda s: str(s.agent) if s.agent else ""),
}


def read(source: str, subject: Subject) -> str:
    """The source's value for this person as one line; "" when there is none. Fields that an import added: contact.custom.<name>."""
    if source.startswith(CUSTOM):
        given = (subject.contact.custom or {}).get(source.removeprefix(CUSTOM))
        return one_line(given) if isinstance(given, str | int | float) else ""
    _label, reader = SOURCES.get(source, ("", lambda _subject: ""))
    return one_line(reader(subject))


def _end(value: str, subject: Subject) -> str:
    """An offer's end where the person lives: so many hours from now, or a moment that is written out."""
    if not value.isdecimal() or not 0 < int(value[:9]) <= LONGEST_OFFER:
        return value
    ends = (subject.now or clock.now()) + timedelta(hours=int(value))
    return ends.astimezone(subject.zone).isoformat(timespec="minutes")


def values_for(template: MessageTemplate, subject: Subject) -> dict[str, str]:
    """A value for each place that has one for this person; what is missing is for a person to fill in, or blocks the message."""
    mapped: Mapping[str, Mapping[str, str]] = template.variables or {}
    found: dict[str, str] = {}
    for place in places_of(template.components):
        wanted = mapped.get(place.key) or {}
        value = read(str(wanted.get("source", "")), subject)
        value = value if is_visible(value) else one_line(wanted.get("fallback", ""))
        value = _end(value, subject) if place.kind == "time" else value
        if is_visible(value):
            found[place.key] = value
    return found
