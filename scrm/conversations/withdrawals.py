"""Messages that their writer took back: the row stays, with its place in the thread; what it said is removed.

Text, content, search entry and files go; `content["withdrawn"]` remains. A withdrawal may be told before the message it is about; then
the message is emptied as it comes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.core.files.storage import default_storage
from django.db import transaction

from scrm.conversations.models import Attachment, Message
from scrm.conversations.search import message_index

REVOKE = "revoke"
# What a withdrawn message keeps of its content: where it was said.
KEPT = frozenset({"group_id", "standby", "history"})


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
    """The message that is taken back: only one of the same side, on the same number."""
    original = str(revoke.content.get("original_id", ""))
    if not original:
        return []
    return Message.objects.filter(connection=revoke.connection, external_id=original[:200], direction=revoke.direction)


def _may_be_late(message: Message) -> bool:
    return bool(message.external_id) and message.kind != REVOKE and message.sent_at < message.conversation.last_message_at


def _is_taken_back(message: Message) -> bool:
    told = Message.objects.filter(conversation=message.conversation, sent_at__gte=message.sent_at, kind=REVOKE, direction=message.direction)
    return told.filter(content__original_id=message.external_id).exists()


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
