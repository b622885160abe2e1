"""Rows of a thread as the outbox and the intake leave them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from scrm.conversations.models import Conversation, Message


def said(conversation: Conversation, text: str, **fields: Any) -> Message:
    """One message of the customer, or of ours with direction="out"; a minute after the one before."""
    count = conversation.messages.count()
    at = timezone.now() - timedelta(hours=1) + timedelta(minutes=count)
    ours = fields.get("direction") == "out"
    row = {
        "conversation": conversation,
        "connection": conversation.connection,
        "direction": "in",
        "text": text,
        "sent_at": at,
        "created_at": at,
        "state": "sent" if ours else "received",
        "source": "agent" if ours else "customer",
        "external_id": f"wamid.{conversation.pk}.{count}",
        **fields,
    }
    return Message.objects.create(**row)
