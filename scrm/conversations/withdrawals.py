"""Messages that their writer took back: the row stays, with its place in the thread; what it said is removed.

Text, content, search entry and files go, of the message and of the changes to it; `content["withdrawn"]` remains. A withdrawal may be
told before what it is about; then that is emptied as it comes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.core.files.storage import default_storage
from django.db import transaction

from scrm.conversations.models import Attachment, Message
from scrm.conversations.search import message_index

EDIT, REVOKE = "edit", "revoke"
# What a withdrawn message keeps of its content: where it was said, and of which message it was a change.
KEPT = frozenset({"group_id", "standby", "history", "original_id"})


def obey_withdrawals(messages: Sequence[Message]) -> None:
    """Empty what a new batch of messages takes back, and what in it was taken back already. Inside the transaction that stored them.

    Call it before the conversations are brought forward: what comes out of order is known by their last message.
    """
    taken = [target for message in messages if message.kind == REVOKE for target in _targets(message)]
    taken += [message for message in messages if _may_be_late(message) and _is_taken_back(message)]
    if not taken:
        return
    in_hand = {message.pk: message for message in messages}
    empty([in_hand.get(target.pk, target) for target in taken])


def _targets(revoke: Message) -> Iterable[Message]:
    """The message that is taken back, and its changes: only those of the same side, on the same number."""
    original = _about(revoke)
    if not original:
        return []
    theirs = Message.objects.filter(connection=revoke.connection, direction=revoke.direction)
    found = list(theirs.filter(external_id=original))
    changes = theirs.filter(conversation__in={message.conversation_id for message in found}, kind=EDIT, content__original_id=original)
    return [*found, *changes]


def _about(message: Message) -> str:
    """The platform's id of the message that this one is, changes or takes back."""
    return str(message.content.get("original_id") or "")[:200] if message.kind in {EDIT, REVOKE} else message.external_id


def _may_be_late(message: Message) -> bool:
    return message.kind != REVOKE and bool(_about(message)) and message.sent_at < message.conversation.last_message_at


def _is_taken_back(message: Message) -> bool:
    told = Message.objects.filter(conversation=message.conversation, sent_at__gte=message.sent_at, kind=REVOKE, direction=message.direction)
    return told.filter(content__original_id=_about(message)).exists()


def empty(messages: Sequence[Message]) -> None:
    """Remove what the messages say; safe to repeat."""
    for message in messages:
        message.text = ""
        message.content = {**{name: value for name, value in message.content.items() if name in KEPT}, "withdrawn": True}
        message.save(update_fields=["text", "content"])
    pks = [message.pk for message in messages]
    message_index.remove(pks)
    _remove_files(pks)


def _remove_files(message_ids: Sequence[int]) -> None:
    """The rows stay as missing, so that a download under way finds its row; the files go once all this is safe."""
    rows = list(Attachment.objects.filter(message__in=message_ids))
    stored = [name for row in rows for name in (row.file.name, row.crm_file.name) if name]
    Attachment.objects.filter(pk__in=[row.pk for row in rows]).update(
        state="failed", file="", crm_file="", filename="", external_id="", last_error="withdrawn"
    )
    for name in stored:
        transaction.on_commit(lambda name=name: default_storage.delete(name))  # type: ignore[misc]
