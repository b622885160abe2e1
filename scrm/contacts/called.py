"""What people are called where they write from: a word of that chat like any other, taken up as `fields` judges it."""

from __future__ import annotations

from collections.abc import Sequence

from scrm.contacts import fields
from scrm.contacts.models import Contact, Identity
from scrm.contacts.newcomers import Sender
from scrm.core import clock


def hear_names(senders: Sequence[Sender], chosen: Sequence[Identity]) -> None:
    """Offer the names that a source has not said before. The rows in memory tell, so that a message of somebody known costs nothing.

    `chosen`: the identity each sender writes from, with its `contact` and `home`; afterwards with the contact as it is then.
    """
    pairs = zip(senders, chosen, strict=True)
    news = [offer for sender, identity in pairs if (offer := _news(sender, identity.home or identity.contact))]
    if not news:
        return
    # The caller locks all of these people next: they are locked in one order with those who are named here.
    people = {identity.contact_id for identity in chosen}
    fields.offer(news, also_locked=people)
    fresh = Contact.objects.in_bulk(people)
    for identity in chosen:
        identity.contact = fresh[identity.contact_id]


def _news(sender: Sender, record: Contact) -> fields.Offer | None:
    name, source = sender.shown_name, sender.source or fields.CREATED
    if not name or (not sender.source and record.name) or not fields.is_news(record, "name", name, source):
        return None
    return fields.Offer(record.pk, {"name": name}, source, sender.at or clock.now())
