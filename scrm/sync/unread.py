"""Chats that nobody reads: after 24 hours the person's priority goes down here, and with it in every CRM that it is mapped to; at 2 o'clock
at night each number's unread chats are listed as an alert, which closes when they are read.

Whoever sets the priority after the message was written is right: it is not lowered again for the same message.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Q

from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.connections.sentences import CHATS_UNREAD, CHATS_UNREAD_ADVICE
from scrm.contacts import fields
from scrm.contacts.models import Contact
from scrm.contacts.overlay import own_entry
from scrm.contacts.records import ms
from scrm.conversations.models import Conversation
from scrm.core import clock

SOURCE = "unread"
AFTER = timedelta(hours=24)
LIST_HOUR = 2
ROWS = 500
# An older chat was lowered long ago, or somebody decided otherwise; the periodic look goes no further back.
LONGEST = timedelta(days=14)

_UNREAD = Q(status="open", unread_count__gt=0)


def lower_unread() -> int:
    """Lower the priority of people whose open chat was unread for a day. Returns how many. Safe to repeat."""
    now = clock.now()
    rows = Conversation.objects.filter(_UNREAD, last_message_at__lte=now - AFTER, last_message_at__gt=now - LONGEST)
    lowered, last = 0, 0
    while found := list(rows.filter(pk__gt=last).select_related("identity__contact").order_by("pk")[:ROWS]):
        last = found[-1].pk
        people = {row.identity.contact.pk: row.identity.contact for row in found if _is_to_lower(row.identity.contact, row.last_message_at)}
        offers = [fields.Offer(pk, {"priority": Contact.Priority.LOW}, SOURCE, now, knowing=("priority",)) for pk in sorted(people)]
        lowered += sum("priority" in outcome.taken for outcome in fields.offer(offers))
    return lowered


def _is_to_lower(contact: Contact, written_at: datetime) -> bool:
    if contact.priority == Contact.Priority.LOW:
        return False
    said = own_entry(contact, "priority")[1]
    return said is None or int(said["at"]) < ms(written_at)


def list_unread() -> int:
    """At 2 o'clock where a number lives, tell how many chats of it are unread; close what was told once they are read."""
    now = clock.now()
    numbers = list(Connection.objects.filter(kind=Connection.Kind.CHANNEL))
    counts = dict(Conversation.objects.filter(_UNREAD).order_by().values_list("connection").annotate(number=Count("pk")))
    told = 0
    for number in numbers:
        key = f"unread:{number.slug}"
        if not counts.get(number.pk):
            connections.close_alert(key)
        elif now.astimezone(ZoneInfo(number.time_zone or "UTC")).hour == LIST_HOUR:
            text = CHATS_UNREAD % {"label": number.label, "count": counts[number.pk]}
            connections.raise_alert(key, text=text, advice=CHATS_UNREAD_ADVICE, connection=number)
            told += 1
    return told
