"""What was said with a person, why it was or was not sent, and the files that came with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet

from scrm.connections.models import Alert
from scrm.contacts.privacy import registry
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import forget_log_entries, in_chunks, pattern, remove_file
from scrm.contacts.privacy.writing import dump
from scrm.conversations import history
from scrm.conversations.filling import filled_rows
from scrm.conversations.models import (
    Attachment,
    Claim,
    Conversation,
    Decision,
    HistoryBlock,
    LaterMessage,
    Message,
    OrphanStatus,
    ProfileLookup,
    Reservation,
    Response,
    Survey,
)
from scrm.conversations.search import message_index

ERASED_ALERT = "Told of a person who has been erased."
TO_SEND = ("queued", "claimed", "sending")
STATUS_FIELDS = ("id", "state", "accepted_at", "delivered_at", "read_at", "failed_at", "error_code", "error_title", "price_category")


def _said(whom: Person) -> Q:
    return Q(conversation__identity__in=whom.identities)


def _erase(whom: Person) -> Iterator[int]:
    # First what might still go out.
    yield from in_chunks(LaterMessage.objects.filter(_said(whom)), _with_later)
    yield from in_chunks(Message.objects.filter(_said(whom), state__in=TO_SEND), with_messages)
    yield from in_chunks(Decision.objects.filter(Q(contact__in=whom.contacts) | Q(identity__in=whom.identities)))
    yield from in_chunks(Message.objects.filter(_said(whom)), with_messages)
    yield from in_chunks(Reservation.objects.filter(identity__in=whom.identities))
    yield from in_chunks(ProfileLookup.objects.filter(identity__in=whom.identities))
    yield from in_chunks(Conversation.objects.filter(identity__in=whom.identities), _with_conversations)
    yield from _reword_alerts(whom)


def with_messages(ids: list[int]) -> None:
    message_index.remove(ids)
    history.forget(ids)
    for attachment in Attachment.objects.filter(message__in=ids).only("file", "crm_file"):
        for name in (attachment.file.name, attachment.crm_file.name):
            remove_file(default_storage, name or "")
    external = set()
    for row in Message.objects.filter(pk__in=ids).only("external_id", "content", "connection_id"):
        remove_file(default_storage, own_file(row))
        if row.external_id:
            external.add((row.connection_id, row.external_id))
    statuses = OrphanStatus.objects.filter(external_id__in={external_id for _, external_id in external})
    orphans = [row.pk for row in statuses.only("connection_id", "external_id") if (row.connection_id, row.external_id) in external]
    OrphanStatus.objects.filter(pk__in=orphans).delete()
    Decision.objects.filter(message__in=ids).delete()
    forget_log_entries(Message, ids)


def _with_later(ids: list[int]) -> None:
    for row in LaterMessage.objects.filter(pk__in=ids, message=None):
        remove_file(default_storage, own_file(row))


def own_file(row: Message | LaterMessage) -> str:
    """The stored name of a file that we sent, or ""."""
    name = row.content.get("file") if isinstance(row.content, dict) else None
    return name if isinstance(name, str) and name.startswith("outgoing/") else ""


def _with_conversations(ids: list[int]) -> None:
    forget_log_entries(Conversation, ids)


def _reword_alerts(whom: Person) -> Iterator[int]:
    wanted = pattern(whom.markers)
    if wanted is None:
        return
    with transaction.atomic():
        rows = Alert.objects.only("pk", "text", "advice", "key").iterator(chunk_size=1000)
        naming = [row.pk for row in rows if wanted.search(f"{row.text}\n{row.advice}\n{row.key}")]
        for pk in naming:
            Alert.objects.filter(pk=pk).update(text=ERASED_ALERT, advice="", key=f"erased:{pk}")
    if naming:
        yield len(naming)


def _export(whom: Person, box: Box) -> None:
    messages = Message.objects.filter(_said(whom))
    columns: QuerySet[Message] = QuerySet(Message).filter(_said(whom))
    box.rows("conversations", dump(Conversation.objects.filter(identity__in=whom.identities), leave=("reply_token", "reply_token_until")))
    box.rows("messages", filled_rows(dump(columns, leave=("lease_until", "fence", "idempotency_key"))))
    box.rows("scheduled_messages", dump(LaterMessage.objects.filter(_said(whom)), leave=("idempotency_key",)))
    box.rows("statuses", dump(messages.filter(direction="out"), only=STATUS_FIELDS))
    attachments = Attachment.objects.filter(message__conversation__identity__in=whom.identities)
    box.rows("attachments", dump(attachments, leave=("url",)))
    box.rows("decisions", dump(Decision.objects.filter(contact__in=whom.contacts)))
    box.rows("reservations", dump(Reservation.objects.filter(identity__in=whom.identities)))
    box.rows("responses", dump(Response.objects.filter(conversation__identity__in=whom.identities)))
    box.rows("surveys", dump(Survey.objects.filter(_said(whom))))
    box.rows("name_lookups", dump(ProfileLookup.objects.filter(identity__in=whom.identities)))
    for row in attachments.exclude(file="").order_by("pk").iterator(chunk_size=500):
        box.file(f"media/{row.pk}-{PurePosixPath(row.file.name or '').name}", row.file.name or "")
    for message in messages.filter(direction="out").exclude(kind="text").only("pk", "content").order_by("pk").iterator(chunk_size=500):
        if name := own_file(message):
            box.file(f"media/sent-{message.pk}-{PurePosixPath(name).name}", name)


def register() -> None:
    models = (
        Conversation,
        Message,
        Attachment,
        Decision,
        Reservation,
        Response,
        OrphanStatus,
        ProfileLookup,
        HistoryBlock,
        LaterMessage,
        Survey,
        Claim,
    )
    covers = [
        *(model._meta.label_lower for model in models),
        "conversations.readreceipt",
        "console.typingnotice",
        "console.macrouse",
        "connections.alert",
    ]
    registry.register("conversations", rank=60, covers=covers, erase=_erase, export=_export)
