"""Search over everything: by the person (name, company, end of a number) and by what was said."""

from __future__ import annotations

from dataclasses import dataclass

from scrm.console.inbox import queues
from scrm.console.templatetags.console import initials
from scrm.contacts.search import contact_index
from scrm.conversations.models import Conversation, Message
from scrm.conversations.visibility import visible_to
from scrm.staff.models import User

MOST = 60
EXCERPT = 90


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation, and the words in it that the search met (empty when the person was met)."""

    conversation: Conversation
    excerpt: str = ""
    message_id: int | None = None

    @property
    def letters(self) -> str:
        return initials(str(self.conversation.identity.contact))

    @property
    def hue(self) -> str:
        """One of ten colours, always the same for a person."""
        return str(self.conversation.identity.contact.pk % 10)

    @property
    def channel(self) -> str:
        return self.conversation.connection.label


def find(text: str, user: User) -> list[Found]:
    """The latest conversations of matching people and with matching messages, closed ones too, newest first."""
    said = _said(text, user)
    people = contact_index.filter(visible_to(Conversation.objects.all(), user), text, path="identity__contact_id")
    ids = list(people.order_by("-last_message_at", "-id").values_list("pk", flat=True)[:MOST])
    rows = queues.listed(Conversation.objects.filter(pk__in={*ids, *said}))
    ordered = sorted(rows, key=lambda row: (row.last_message_at, row.pk), reverse=True)
    return [_found(row, said.get(row.pk), text) for row in ordered[: MOST * 2]]


def _said(text: str, user: User) -> dict[int, tuple[int, str]]:
    """The newest matching message of each conversation."""
    newest: dict[int, tuple[int, str]] = {}
    found = visible_to(Message.objects.search(text), user)
    for row in found.order_by("-id").only("pk", "conversation_id", "text")[:300]:
        newest.setdefault(row.conversation_id, (row.pk, row.text))
        if len(newest) >= MOST:
            break
    return newest


def _found(row: Conversation, said: tuple[int, str] | None, text: str) -> Found:
    return Found(row) if said is None else Found(row, excerpt(said[1], text), said[0])


def excerpt(words: str, wanted: str) -> str:
    """The words around the first place where `wanted` occurs as typed, else the beginning."""
    flat = " ".join(words.split())
    at = flat.casefold().find(wanted.strip().casefold())
    start = max(0, at - 25)
    cut = flat[start : start + EXCERPT]
    return f"{'…' if start else ''}{cut}{'…' if start + EXCERPT < len(flat) else ''}"
