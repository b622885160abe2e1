"""Reads of conversations and messages that several screens share."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Q

from scrm.conversations.filling import SAID, FilledIterable

if TYPE_CHECKING:
    from scrm.contacts.models import Contact
    from scrm.conversations.models import Conversation, Message  # noqa: F401 - named in strings
    from scrm.staff.models import User

SHOWN_WITH = ("identity__contact", "connection", "assignee")


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def open(self) -> ConversationQuerySet:
        return self.filter(status="open")

    def mine(self, user: User) -> ConversationQuerySet:
        return self.open().filter(assignee=user)

    def unassigned(self) -> ConversationQuerySet:
        return self.open().filter(assignee=None)

    def waiting(self) -> ConversationQuerySet:
        """Customers whom no person has answered, longest first."""
        return self.open().filter(waiting_since__isnull=False).order_by("waiting_since", "id")

    def unplanned(self) -> ConversationQuerySet:
        """Waiting ones for whose present wait nobody has worked out yet who answers until when."""
        return self.waiting().filter(Q(due_for=None) | Q(due_for__lt=F("waiting_since")))

    def owed(self) -> ConversationQuerySet:
        """Waiting ones with a time until which the answer is due, the most urgent first."""
        return self.open().filter(due_for__gte=F("waiting_since")).order_by("due_at", "id")

    def overdue(self, now: datetime) -> ConversationQuerySet:
        return self.owed().filter(due_at__lt=now)

    def unread(self) -> ConversationQuerySet:
        return self.open().filter(unread_count__gt=0)

    def of_contact(self, contact: Contact) -> ConversationQuerySet:
        return self.filter(identity__contact=contact)

    def for_list(self) -> ConversationQuerySet:
        return self.select_related(*SHOWN_WITH).order_by("-last_message_at", "-id")


class MessageQuerySet(models.QuerySet["Message"]):
    """Instances come with their text, wherever it lies.

    Of an old message the columns `text` and `content` are empty: filter by them never, ask values of them never.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._iterable_class: Any = FilledIterable

    def only(self, *fields: str) -> MessageQuerySet:  # type: ignore[override]
        """As of any queryset; who asks for what was said needs to know where it is."""
        return super().only(*fields, *(() if set(SAID).isdisjoint(fields) else ("block",)))

    def of_contact(self, contact: Contact) -> MessageQuerySet:
        return self.filter(conversation__identity__contact=contact)

    def to_send(self) -> MessageQuerySet:
        return self.filter(state__in=["queued", "claimed", "sending"])

    def for_review(self) -> MessageQuerySet:
        """Sends that ended badly or are not known to have ended: a person decides."""
        return self.filter(state__in=["failed", "blocked", "unknown"])

    def search(self, text: str) -> MessageQuerySet:
        """Words in any script; Chinese and Japanese from one character on."""
        from scrm.conversations.search import message_index

        return message_index.filter(self, text)
