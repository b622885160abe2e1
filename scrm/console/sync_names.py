"""What the keys of CRM writes and links stand for, in words that people know: a name and where to look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from scrm.commerce.models import Order, Product
from scrm.contacts.models import Contact
from scrm.conversations.models import Conversation
from scrm.conversations.visibility import visible_to
from scrm.sync.models import Kind, SaleState


@dataclass(frozen=True, slots=True)
class Named:
    words: str
    url: str = ""

    def link(self) -> SafeString:
        return format_html('<a href="{}">{}</a>', self.url, self.words) if self.url else format_html("{}", self.words)


def named(rows: Iterable[Any], user: Any) -> dict[tuple[str, str], Named]:
    """{(kind, key): what it is}, for rows with a kind and a key. At most five statements; what the reader may not see is left out."""
    wanted: dict[str, dict[int, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    begun_there = []
    for row in rows:
        what, pk = _parts(row.kind, row.key)
        if pk is not None:
            wanted[what][pk].append((row.kind, row.key))
        elif row.key.startswith("crm:"):
            begun_there.append(row)
    found: dict[tuple[str, str], Named] = {}
    for what, read in (("contact", _contacts), ("conversation", _conversations), ("order", _orders), ("product", _products)):
        if wanted[what]:
            for pk, name in read(list(wanted[what]), user).items():
                found |= {each: _with_day(each, name) for each in wanted[what][pk]}
    return found | _sales(begun_there, user)


def _parts(kind: str, key: str) -> tuple[str, int | None]:
    """Keys as `sync.services.Wanted`."""
    what, colon, number = key.partition(":")
    if kind == Kind.COMMUNICATION:
        return "conversation", _number(what)
    if colon:
        return what, _number(number)
    return kind, _number(key)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def _with_day(each: tuple[str, str], name: Named) -> Named:
    if each[0] != Kind.COMMUNICATION:
        return name
    try:
        day = date.fromisoformat(each[1].partition(":")[2])
    except ValueError:
        return name
    return Named(f"{name.words}, {date_format(day, 'SHORT_DATE_FORMAT')}", name.url)


def _contacts(pks: list[int], user: Any) -> dict[int, Named]:
    rows = visible_to(Contact.objects.filter(pk__in=pks), user)
    return {row.pk: Named(str(row), reverse("admin:contacts_contact_change", args=[row.pk])) for row in rows}


def _conversations(pks: list[int], user: Any) -> dict[int, Named]:
    rows = visible_to(Conversation.objects.filter(pk__in=pks), user).select_related("identity__contact")
    words = _("chat with %(name)s")
    return {row.pk: Named(words % {"name": row.identity.contact}, reverse("console:conversation", args=[row.pk])) for row in rows}


def _orders(pks: list[int], user: Any) -> dict[int, Named]:
    rows = visible_to(Order.objects.filter(pk__in=pks), user)
    return {row.pk: Named(row.number, reverse("admin:commerce_order_change", args=[row.pk])) for row in rows}


def _products(pks: list[int], user: Any) -> dict[int, Named]:
    return {row.pk: Named(str(row), reverse("admin:commerce_product_change", args=[row.pk])) for row in Product.objects.filter(pk__in=pks)}


def _sales(rows: list[Any], user: Any) -> dict[tuple[str, str], Named]:
    if not rows:
        return {}
    states = visible_to(SaleState.objects.filter(key__in=[row.key for row in rows]), user)
    mine = {(row.connection_id, row.kind, row.key) for row in rows}
    return {
        (row.kind, row.key): Named(str(row), reverse("admin:contacts_contact_change", args=[row.contact_id]) if row.contact_id else "")
        for row in states
        if (row.connection_id, row.kind, row.key) in mine
    }
