"""What a partner's token may be allowed to do. A view names one of these for each method it answers."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

CONTACTS_READ = "contacts:read"
CONTACTS_WRITE = "contacts:write"
MESSAGES_READ = "messages:read"
MESSAGES_WRITE = "messages:write"
EVENTS_READ = "events:read"
DECISIONS_READ = "decisions:read"
ORDERS_READ = "orders:read"
HOOKS_WRITE = "hooks:write"

# What these do does not end at a channel: no token that is limited to some has them.
UNLIMITED = frozenset({HOOKS_WRITE, CONTACTS_WRITE})

SCOPES = {
    CONTACTS_READ: _("read contacts, their addresses, tags and consent"),
    CONTACTS_WRITE: _("make contacts, and state what is known of them"),
    MESSAGES_READ: _("read conversations, messages (internal notes too), templates and campaigns"),
    MESSAGES_WRITE: _("send messages, as far as policy allows"),
    EVENTS_READ: _("read what happened to a contact"),
    DECISIONS_READ: _("read why a message was or was not sent"),
    ORDERS_READ: _("read orders and their shipments"),
    HOOKS_WRITE: _("subscribe to webhooks and cancel them (Zapier, Make)"),
}
