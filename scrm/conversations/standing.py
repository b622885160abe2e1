"""The facts that the law needs about one person, and the slots that a message takes under it.

Everything here runs inside a transaction that holds the person's lock (`contacts.services.lock_person`), so that check and
act are one step. Slots live on identities and are counted over all identities of the person: neither parallel workers, nor a
merge, nor a second number can exceed or reset a limit.
"""

from __future__ import annotations

from datetime import date, datetime

from django.conf import settings
from django.db.models import F

from scrm.connections.models import Connection
from scrm.contacts.models import Identity
from scrm.conversations.models import Conversation, Message, Quota, Reservation
from scrm.conversations.policy import LOOKBACK, Candidate, Facts, Limits, Sent, content_hash
from scrm.core.rows import insert_new
from scrm.core.zones import business_day


def limits_of(connection: Connection) -> Limits:
    enterprise = connection.tier == Connection.Tier.ENTERPRISE
    tier_cap = settings.POLICY["daily_cap_enterprise" if enterprise else "daily_cap_standard"]
    return Limits(
        daily_cap=connection.daily_cap if connection.daily_cap is not None else tier_cap,
        time_zone=connection.time_zone,
        quiet_from=connection.quiet_from,
        quiet_to=connection.quiet_to,
        same_content=settings.POLICY["same_content_per_month"],
        has_window=connection.adapter.startswith("whatsapp"),
    )


def candidate_of(message: Message) -> Candidate:
    return Candidate(
        source=message.source,
        category=message.category,
        template=message.kind == "template",
        content_hash=content_hash(message.kind, message.text, message.content),
        event_key=message.event_key,
    )


def facts_of(conversation: Conversation, now: datetime, *, leaving_out: int | None = None) -> Facts:
    """What is known of the person behind a conversation. `leaving_out`: the message whose own slot must not count against it."""
    identities = list(Identity.objects.filter(contact_id=conversation.identity.contact_id))
    slots = Reservation.objects.filter(identity__in=[i.pk for i in identities], released=False, reserved_at__gt=now - LOOKBACK)
    held = list(
        slots.values_list("message_id", "connection_id", "quota_day", "reserved_at", "template", "category", "content_hash", "event_key")
    )
    today = (leaving_out, conversation.connection_id, business_day(now, conversation.connection.time_zone))
    own_today = sum(1 for slot in held if slot[:3] == today) if leaving_out is not None else 0
    return Facts(
        window_expires_at=conversation.window_expires_at,
        last_inbound_at=conversation.last_inbound_at,
        opted_out_at=_latest(i.opted_out_at for i in identities),
        marketing_opted_out_at=_latest(i.marketing_opted_out_at for i in identities),
        marketing_opt_in_at=None
        if any(i.marketing_opted_out_at for i in identities)
        else _latest(i.marketing_opt_in_at for i in identities),
        paused_until=conversation.automation_paused_until,
        sent=[Sent(*slot[3:]) for slot in held if leaving_out is None or slot[0] != leaving_out],
        used_today=used_today(conversation.connection, now) - own_today,
    )


def _latest(stamps: object) -> datetime | None:
    return max((stamp for stamp in stamps if stamp is not None), default=None)  # type: ignore[attr-defined]


def used_today(connection: Connection, now: datetime) -> int:
    day = business_day(now, connection.time_zone)
    return Quota.objects.filter(connection=connection, day=day).values_list("used", flat=True).first() or 0


def take_quota(connection: Connection, day: date, cap: int) -> bool:
    """Count one message of the day; False when the cap is reached, whoever else is counting."""
    row = Quota.objects.filter(connection=connection, day=day)
    if _add_one(row, cap):
        return True
    insert_new(Quota, [Quota(connection=connection, day=day, used=0, cap=max(cap, 0))], key="day")
    row.exclude(cap=cap).filter(used__lte=cap).update(cap=cap)
    return _add_one(row, cap)


def _add_one(row: object, cap: int) -> bool:
    return bool(row.filter(used__lt=F("cap"), cap=cap).update(used=F("used") + 1))  # type: ignore[attr-defined]


def give_back_quota(connection_id: int, day: date) -> None:
    Quota.objects.filter(connection_id=connection_id, day=day, used__gt=0).update(used=F("used") - 1)


def reserve(message: Message, conversation: Conversation, limits: Limits, now: datetime, *, first: bool = False) -> bool:
    """Take the message's slot, or bring the one it has up to date. False when the day's cap was reached in between.

    `first`: the message was made in this transaction, so it cannot have one.
    """
    day = business_day(now, limits.time_zone)
    if not first and Reservation.objects.filter(message=message, released=False, quota_day=day).update(reserved_at=now):
        return True
    held = None if first else Reservation.objects.filter(message=message).first()
    if held is not None and not held.released:
        if not take_quota(conversation.connection, day, limits.daily_cap):
            return False
        give_back_quota(held.connection_id, held.quota_day)
        Reservation.objects.filter(pk=held.pk).update(reserved_at=now, quota_day=day)
        return True
    if not take_quota(conversation.connection, day, limits.daily_cap):
        return False
    candidate = candidate_of(message)
    slot = {
        "identity_id": conversation.identity_id,
        "connection_id": conversation.connection_id,
        "template": candidate.template,
        "category": candidate.category,
        "content_hash": candidate.content_hash,
        "event_key": candidate.event_key,
        "reserved_at": now,
        "quota_day": day,
        "released": False,
    }
    if held is None:
        Reservation.objects.create(message=message, **slot)
    else:
        Reservation.objects.filter(pk=held.pk).update(**slot)
    return True


def release(message: Message) -> None:
    """Give the slot back: only when the message is proven not to have gone."""
    held = Reservation.objects.filter(message=message, released=False).first()
    if held is not None and Reservation.objects.filter(pk=held.pk, released=False).update(released=True):
        give_back_quota(held.connection_id, held.quota_day)
