"""What happened to a person and why, in words. The rows that events and causes name are fetched together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scrm.api.models import PartnerToken
from scrm.automation.models import Rule
from scrm.campaigns.models import Campaign
from scrm.commerce.models import Order
from scrm.connections.models import Connection
from scrm.console.consent_sources import source_name
from scrm.console.inbox import wording
from scrm.contacts.models import Consent, Contact, Event, Identity
from scrm.contacts.records import CUSTOM
from scrm.conversations.models import Message
from scrm.conversations.visibility import visible_to
from scrm.core.at_once import lists_of
from scrm.staff.models import User
from scrm.tags.models import Tag, TagRule

KINDS: dict[str, str | Promise] = {
    "message.received": gettext_lazy("The customer wrote"),
    "message.echoed": gettext_lazy("Written in the phone app"),
    "message.queued": gettext_lazy("Message queued"),
    "message.accepted": gettext_lazy("Message taken by the platform"),
    "message.sent": gettext_lazy("Message sent"),
    "message.delivered": gettext_lazy("Message delivered"),
    "message.read": gettext_lazy("Message read by the customer"),
    "message.failed": gettext_lazy("Message failed"),
    "message.expired": gettext_lazy("Message expired"),
    "message.blocked": gettext_lazy("Message blocked by a rule"),
    "message.unknown": gettext_lazy("Outcome of a message unknown"),
    "message.cancelled": gettext_lazy("Message cancelled"),
    "message.scheduled": gettext_lazy("Message scheduled"),
    "message.unscheduled": gettext_lazy("Scheduled message cancelled"),
    "message.held": gettext_lazy("Scheduled message held back"),
    "survey.answered": gettext_lazy("Answered the satisfaction survey"),
    "contact.created": gettext_lazy("Contact created"),
    "contact.changed": gettext_lazy("Contact changed"),
    "contact.merged": gettext_lazy("Another contact was merged into this one"),
    "contact.unmerged": gettext_lazy("A merge was undone"),
    "consent.changed": gettext_lazy("Consent changed"),
    "identity.changed": gettext_lazy("Address changed"),
    "identity.conflict": gettext_lazy("Two people claim one address"),
    "identity.recycled": gettext_lazy("Number came back with another user id"),
    "identity.settled": gettext_lazy("Number settled"),
    "identity.unsettled": gettext_lazy("Number asked again"),
    "identity.answered": gettext_lazy("Answered whose address it is"),
    "identity.shared": gettext_lazy("Several people use one number"),
    "identity.followed": gettext_lazy("Added or unblocked the account"),
    "identity.unfollowed": gettext_lazy("Blocked the account"),
    "account.linked": gettext_lazy("Confirmed an account of the shop as theirs"),
    "account.link_failed": gettext_lazy("Could not confirm an account of the shop"),
    "tag.added": gettext_lazy("Tag put on"),
    "tag.removed": gettext_lazy("Tag taken off"),
    "order.placed": gettext_lazy("Order placed"),
    "order.changed": gettext_lazy("Order changed"),
    "deal.changed": gettext_lazy("Deal moved on in the CRM"),
    "case.changed": gettext_lazy("Case moved on in the CRM"),
    "conversation.opened": gettext_lazy("Conversation opened"),
    "conversation.closed": gettext_lazy("Conversation closed"),
    "conversation.snoozed": gettext_lazy("Conversation snoozed"),
    "conversation.assigned": gettext_lazy("Conversation assigned"),
    "conversation.transferred": gettext_lazy("Conversation handed over"),
    "conversation.taken_over": gettext_lazy("Answering taken over from a colleague"),
    "conversation.overdue": gettext_lazy("The answer is overdue"),
    "conversation.handed_back": gettext_lazy("Handed back to automation"),
    "conversation.handed_to_person": gettext_lazy("Handed to a person"),
    "conversation.deal": gettext_lazy("Asked for a deal in the CRM"),
    "conversation.case": gettext_lazy("Asked for a case in the CRM"),
}


def kind_name(kind: str) -> str:
    return str(KINDS.get(kind, kind))


NAMED: dict[str, tuple[type[Model], str | Promise]] = {
    "rule": (Rule, gettext_lazy("Automation “%(name)s”")),
    "tag_rule": (TagRule, gettext_lazy("Tag rule “%(name)s”")),
    "campaign": (Campaign, gettext_lazy("Campaign “%(name)s”")),
    "api": (PartnerToken, gettext_lazy("Partner “%(name)s”")),
}
PLAIN: dict[str, str | Promise] = {
    "resend": gettext_lazy("Sent again by a person"),
    "survey": gettext_lazy("Satisfaction survey"),
    "later": gettext_lazy("Scheduled by a person"),
    "conflict": gettext_lazy("Two people claim one address"),
}


class Causes:
    """Words for causes such as `rule:2:v1`: one statement, whatever kinds there are.

    A cause of an unknown kind, or of a row that is gone, is shown as it is stored.
    """

    def __init__(self, causes: Iterable[str]) -> None:
        wanted: dict[str, set[int]] = {}
        crms: set[str] = set()
        for cause in causes:
            kind, number, _version = _parts(cause)
            if kind == "crm":
                crms.add(cause.partition(":")[2])
            if kind in NAMED and number is not None:
                wanted.setdefault(kind, set()).add(number)
        asked = [(kind, numbers) for kind, numbers in wanted.items() if numbers]
        names = [NAMED[kind][0]._default_manager.filter(pk__in=numbers).only("name")[: len(numbers)] for kind, numbers in asked]
        labels = Connection.objects.filter(slug__in=crms).only("slug", "label")[: len(crms)]
        *found, linked = lists_of([*names, labels])
        self._names = {(kind, row.pk): str(row.name) for (kind, _numbers), rows in zip(asked, found, strict=True) for row in rows}
        self._crms = {row.slug: row.label for row in linked}

    def words(self, cause: str) -> str:
        kind, number, version = _parts(cause)
        if kind in PLAIN:
            return str(PLAIN[kind])
        if kind == "crm":
            slug = cause.partition(":")[2]
            return self._crms.get(slug, slug)
        if kind == "import" and number is not None:
            return _("import %(number)s") % {"number": number}
        name = self._names.get((kind, number)) if number is not None else None
        if name is None:
            return cause
        words = str(NAMED[kind][1]) % {"name": name}
        return f"{words} {version}" if version else words


def _parts(cause: str) -> tuple[str, int | None, str]:
    kind, _colon, rest = cause.partition(":")
    number, _colon, version = rest.partition(":")
    number = number.split("@")[0]
    return kind, int(number) if number.isdecimal() else None, version if version.startswith("v") else ""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event in words; `link` leads to what it is about, or is empty."""

    at: datetime
    title: str
    detail: str
    cause: str
    link: str = ""


def told(events: Sequence[Event], reader: User, *, longest: int | None = 80) -> list[Happening]:
    """The events in their order, in words; a message that the reader may not see gives none.

    `longest`: where a message's words are cut, None for nowhere.
    """
    known = _Known(events, reader, longest)
    return [
        Happening(event.occurred_at, kind_name(event.kind), known.detail(event), known.causes.words(event.cause), _link(event))
        for event in events
    ]


class _Known:
    """The messages, tags and people that the events name."""

    def __init__(self, events: Sequence[Event], reader: User, longest: int | None) -> None:
        self.longest = longest
        data = [event.data for event in events if isinstance(event.data, dict)]
        self.causes = Causes(event.cause for event in events)
        self.messages = visible_to(Message.objects.only("text", "kind"), reader).in_bulk(
            [each["message"] for each in data if each.get("message")]
        )
        self.tags = dict(Tag.objects.filter(slug__in={each["tag"] for each in data if each.get("tag")}).values_list("slug", "name"))
        names = {str(each[key]) for each in data for key in ("by", "to") if isinstance(each.get(key), str) and each[key]}
        merged = {each["other"] for each in data if each.get("merge") and isinstance(each.get("other"), int)}
        self.others = {row.pk: str(row) for row in Contact.objects.filter(pk__in=merged).only("name")} if merged else {}
        self.people = {user.username: str(user) for user in User.objects.filter(username__in=names)} if names else {}

    def detail(self, event: Event) -> str:
        data: Mapping[str, Any] = event.data if isinstance(event.data, dict) else {}
        area = event.kind.partition(".")[0]
        words = {
            "message": self._message,
            "tag": self._tag,
            "order": _order,
            "consent": _consent,
            "contact": self._contact,
            "conversation": self._conversation,
            "identity": _identity,
        }.get(area, _plain)(data)
        by = str(data.get("by") or "")
        return " · ".join(part for part in (words, self.people.get(by, by)) if part)

    def _message(self, data: Mapping[str, Any]) -> str:
        message = self.messages.get(data.get("message") or 0)
        if message is None:
            return ""
        words = " ".join(message.text.split())
        cut = words[: self.longest]
        return f"“{cut}{'…' if cut != words else ''}”" if words else wording.kind_name(message.kind)

    def _tag(self, data: Mapping[str, Any]) -> str:
        slug = str(data.get("tag") or "")
        return self.tags.get(slug, slug)

    def _conversation(self, data: Mapping[str, Any]) -> str:
        to = str(data.get("to") or "")
        return " · ".join(part for part in (self._tag(data), f"→ {self.people.get(to, to)}" if to else "") if part)

    def _contact(self, data: Mapping[str, Any]) -> str:
        if data.get("merge"):
            other = data.get("other")
            return self.others.get(other, "") if isinstance(other, int) else ""
        return _fields(data)


def _order(data: Mapping[str, Any]) -> str:
    status = str(data.get("status") or "")
    labels = dict(Order.Status.choices)
    return " · ".join(part for part in (str(data.get("number") or ""), str(labels.get(status, status))) if part)


def _consent(data: Mapping[str, Any]) -> str:
    purpose = str(data.get("purpose") or "")
    answer = _("allowed") if data.get("allowed") else _("declined")
    how = source_name(str(data.get("source") or ""))
    return " · ".join(part for part in (f"{dict(Consent.Purpose.choices).get(purpose, purpose)}: {answer}", how) if part)


def _fields(data: Mapping[str, Any]) -> str:
    fields = data.get("fields")
    return ", ".join(field_name(str(name)) for name in fields) if isinstance(fields, list) else str(data.get("name") or "")


def _identity(data: Mapping[str, Any]) -> str:
    new = data.get("to")
    if not isinstance(new, list):
        return " → ".join(str(data[name]).rpartition(":")[2] for name in ("raw", "address", "number") if data.get(name))
    return ", ".join(str(value).partition(":")[2] or str(value) for value in new)


def _plain(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in data.items())


def field_name(name: str) -> str:
    """What people call a field of a contact or a kind of address."""
    if name in Identity.Kind.values:
        return str(Identity.Kind(name).label)
    if name.startswith(CUSTOM):
        return name.removeprefix(CUSTOM)
    try:
        return capfirst(str(Contact._meta.get_field(name).verbose_name))  # type: ignore[union-attr]
    except (FieldDoesNotExist, AttributeError):
        return name


def _link(event: Event) -> str:
    data: Mapping[str, Any] = event.data if isinstance(event.data, dict) else {}
    if data.get("conversation"):
        place = f"#m{data['message']}" if data.get("message") else ""
        return reverse("console:conversation", args=[data["conversation"]]) + place
    if event.kind.startswith("order.") and data.get("order"):
        return reverse("admin:commerce_order_change", args=[data["order"]])
    return ""
