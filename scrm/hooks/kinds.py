"""The events that receivers can ask for, in words, and what a token must be allowed to read to get them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

CONTACT, MESSAGE, ORDER = "contacts:read", "messages:read", "orders:read"

EVENTS = {
    "contact.created": _("a contact is new"),
    "contact.changed": _("a contact's data changed"),
    "contact.merged": _("two contacts were joined"),
    "consent.changed": _("consent was given or withdrawn"),
    "tag.added": _("a contact got a tag"),
    "tag.removed": _("a contact lost a tag"),
    "message.received": _("a customer wrote"),
    "message.sent": _("a message went out"),
    "message.failed": _("a message could not be delivered"),
    "conversation.deal": _("a conversation became a deal"),
    "conversation.case": _("a conversation became a case"),
    "order.placed": _("an order was placed"),
    "order.changed": _("an order changed"),
    "deal.changed": _("a deal moved on in the CRM"),
    "case.changed": _("a case moved on in the CRM"),
}
TEST = "test"


def needed_scope(event: str) -> frozenset[str]:
    """All payloads show the contact; some more."""
    more = {"message": {MESSAGE}, "conversation": {MESSAGE}, "order": {ORDER}, "deal": {ORDER}, "case": {MESSAGE}}
    return frozenset({CONTACT, *more.get(event.partition(".")[0], set())})
