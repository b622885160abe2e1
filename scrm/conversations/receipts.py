"""Telling the platform that a message was read, so that the customer sees two blue ticks. Best effort: three attempts, then silence."""

from __future__ import annotations

import logging
from datetime import timedelta

from connectors.errors import ConnectorError, Rejected
from scrm.connections.services import channel_of
from scrm.conversations.models import Message, ReadReceipt
from scrm.core import clock, jobs

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
RETRY_AFTER = timedelta(seconds=30)
# What the column holds.
LONGEST_NAME = 200


def ask_for_read_receipt(conversation_id: int) -> None:
    """Up to the newest message that the customer sent in this conversation."""
    theirs = Message.objects.filter(conversation=conversation_id, direction="in").exclude(external_id="")
    newest = theirs.order_by("-sent_at", "-id").only("external_id", "content").first()
    if newest is None:
        return
    # Some platforms mark by a token that comes with the message, not by its id.
    name = str(newest.content.get("mark_as_read_token") or newest.external_id)
    if len(name) > LONGEST_NAME:
        return
    ReadReceipt.objects.update_or_create(
        conversation_id=conversation_id, defaults={"external_id": name, "attempts": 0, "due_at": clock.now()}
    )
    jobs.wake_on_commit("receipts")


def send_due_receipts() -> int:
    due = ReadReceipt.objects.filter(due_at__lte=clock.now()).select_related("conversation__connection").order_by("due_at")
    done = 0
    for receipt in list(due[:20]):
        later = clock.now() + RETRY_AFTER
        claimed = ReadReceipt.objects.filter(pk=receipt.pk, due_at=receipt.due_at).update(due_at=later, attempts=receipt.attempts + 1)
        if not claimed:
            continue
        done += 1
        try:
            channel_of(receipt.conversation.connection).mark_read(receipt.external_id)
        except ConnectorError as error:
            logger.info("read receipt not sent: %s", error)
            if receipt.attempts + 1 < MAX_ATTEMPTS and not isinstance(error, Rejected):
                continue
        ReadReceipt.objects.filter(pk=receipt.pk, external_id=receipt.external_id, due_at=later).delete()
    return done
