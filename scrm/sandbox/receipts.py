"""What becomes of an accepted message: sent, delivered, read or failed, each as an update to the business."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F

from scrm.sandbox import envelopes
from scrm.sandbox.faults import draw
from scrm.sandbox.graph.errors import status_error
from scrm.sandbox.models import Chat, Faults, Message, Number, PendingUpdate, Person
from scrm.sandbox.router import ALIAS
from scrm.sandbox.updates import pending

SENT_AFTER, DELIVERED_AFTER, READ_AFTER, FAILED_AFTER = 0.1, 0.4, 1.5, 0.4


def follow(message: Message, person: Person, number: Number, faults: Faults, failed_code: int | None) -> list[PendingUpdate]:
    """The statuses of a freshly accepted message, unsaved."""
    if failed_code is not None:
        return _kept([_status(message, person, number, faults, "failed", FAILED_AFTER, code=failed_code)], message, number, faults)
    statuses = [
        _status(message, person, number, faults, "sent", SENT_AFTER),
        _status(message, person, number, faults, "delivered", DELIVERED_AFTER),
    ]
    if person.auto_read:
        statuses.append(_status(message, person, number, faults, "read", READ_AFTER))
    return _kept(statuses, message, number, faults)


def read_chat(chat: Chat) -> int:
    """The customer looks at the chat: every message of the business not yet read becomes read. Returns how many."""
    with transaction.atomic(using=ALIAS):
        unread = list(Message.objects.filter(number=chat.number, person=chat.person, inbound=False, state="accepted"))
        if not unread and not chat.unread:
            return 0
        faults = chat.number.faults
        for message in unread:
            statuses = [_status(message, chat.person, chat.number, faults, "read", DELIVERED_AFTER + 0.05)]
            PendingUpdate.objects.bulk_create(_kept(statuses, message, chat.number, faults))
        Message.objects.filter(pk__in=[message.pk for message in unread]).update(state="read")
        Chat.objects.filter(pk=chat.pk).update(unread=0, revision=F("revision") + 1)
    return len(unread)


def _kept(statuses: Iterable[PendingUpdate], message: Message, number: Number, faults: Faults) -> list[PendingUpdate]:
    percent = faults.lost_receipt_percent
    return [s for s in statuses if draw(faults.seed, message.wamid, 0, f"lost:{s.about[0][1]}") >= percent]


def _status(
    message: Message, person: Person, number: Number, faults: Faults, state: str, after: float, *, code: int | None = None
) -> PendingUpdate:
    status: dict[str, Any] = {"id": message.wamid, "status": state, "timestamp": str(int(time.time() + after))}
    if person.phone:
        status["recipient_id"] = person.phone
    status["recipient_user_id"] = person.user_id
    if message.opaque:
        status["biz_opaque_callback_data"] = message.opaque
    if state in ("sent", "delivered"):
        status["pricing"] = message.pricing
    if code is not None:
        status["errors"] = [status_error(code)]
    # A failed status comes without `contacts`.
    members = {"statuses": [status]} if code is not None else {"contacts": [envelopes.contact(person)], "statuses": [status]}
    about = [(message.wamid, state)]
    return pending(number, envelopes.value(number, **members), about, after=after, delay_ms=faults.delay_ms)
