"""When a rule can be asked: kinds of events."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

TRIGGERS: dict[str, Any] = {
    "message.received": _("a customer writes"),
    "tag.added": _("a tag is put on a contact"),
    "order.placed": _("an order is placed"),
    "order.changed": _("an order changes"),
    "deal.changed": _("a deal moves on in the CRM"),
    "case.changed": _("a case moves on in the CRM"),
    "conversation.closed": _("a conversation is closed"),
}
