"""A conversation's row: locking its person, making a change visible, saying its last words."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import F

from scrm.contacts.models import Contact
from scrm.conversations.models import Conversation
from scrm.core import clock

PREVIEW_LENGTH = 160
ROUNDS = 5
OVERTAKEN = "people are being merged faster than they can be locked"
KIND_PREVIEWS = {
    "image": "🖼",
    "video": "🎞",
    "audio": "🎤",
    "document": "📄",
    "sticker": "🙂",
    "location": "📍",
    "contacts": "👤",
    "order": "🛒",
}


def preview_of(kind: str, text: str) -> str:
    words = " ".join(text.split())
    return " ".join(part for part in (KIND_PREVIEWS.get(kind, ""), words) if part)[:PREVIEW_LENGTH] or kind


def touch(conversation_ids: Iterable[int], **changes: Any) -> None:
    """Make a change visible to the pages that watch these conversations."""
    Conversation.objects.filter(pk__in=list(conversation_ids)).update(version=F("version") + 1, changed_at=clock.now(), **changes)


def lock_person_behind(conversation_id: int) -> int:
    """Lock the person of a conversation; their id."""
    for person in lock_people_behind([conversation_id]).values():
        return person
    raise Conversation.DoesNotExist(f"There is no conversation {conversation_id}.")


def _lock_one(conversation_id: int) -> int:
    """Lock who has the conversation as the statement begins; the caller looks whether that is still so."""
    people = Contact.objects.select_for_update(no_key=True, of=("self",)).filter(identities__conversations=conversation_id)
    for contact_id in people.values_list("pk", flat=True):
        return contact_id
    raise Conversation.DoesNotExist(f"There is no conversation {conversation_id}.")


def locked(conversation: Conversation | int) -> Conversation:
    """The conversation as it stands now, with its person locked until the transaction ends."""
    pk = conversation if isinstance(conversation, int) else conversation.pk
    for _ in range(5):
        person = _lock_one(pk)
        row = Conversation.objects.select_related("identity__contact", "connection").get(pk=pk)
        if row.identity.contact_id == person:
            return row
    raise RuntimeError("people are being merged faster than they can be locked")


def lock_people_behind(conversation_ids: Iterable[int]) -> dict[int, int]:
    """Lock the people of several conversations in one order; {conversation: person}, each as it stands with the lock held."""
    ids = set(conversation_ids)
    for _ in range(ROUNDS):
        people = _lock_owners(ids)
        owners = dict(Conversation.objects.filter(pk__in=ids).values_list("pk", "identity__contact_id"))
        if set(owners.values()) <= people:
            return owners
        # Somebody was merged between the two statements: lock whom the conversation belongs to now.
    raise RuntimeError(OVERTAKEN)


def _lock_owners(ids: Collection[int]) -> set[int]:
    """Lock the people to whom these conversations belong at this moment; who is locked."""
    wanted = set(Conversation.objects.filter(pk__in=ids).values_list("identity__contact_id", flat=True))
    list(Contact.objects.filter(pk__in=wanted).order_by("pk").select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
    return wanted


def locked_many(conversation_ids: Iterable[int]) -> dict[int, Conversation]:
    """Several conversations as they stand now, with their people locked until the transaction ends."""
    ids = set(conversation_ids)
    # A number's row is read once, not once a conversation.
    rows = Conversation.objects.select_related("identity__contact").prefetch_related("connection").filter(pk__in=ids)
    for _ in range(ROUNDS):
        people = _lock_owners(ids)
        found = {row.pk: row for row in rows.all()}
        if {row.identity.contact_id for row in found.values()} <= people:
            return found
    raise RuntimeError(OVERTAKEN)
