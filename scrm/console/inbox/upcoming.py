"""What is still to go to a customer, when, and what the law will say to it as things stand now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import QuerySet

from scrm.console.inbox import reasons, wording
from scrm.contacts.models import Contact
from scrm.conversations import later
from scrm.conversations.models import Conversation, LaterMessage, Message
from scrm.conversations.policy import Verdict
from scrm.conversations.visibility import visible_to
from scrm.core import clock
from scrm.staff.models import User

MOST = 8
Row = TypeVar("Row", LaterMessage, Message)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One line. `verdict` allow, defer or refuse, predicted for `at`; `later` and `message`: which row it is, 0 for the other kind."""

    at: datetime
    words: str
    who: str
    verdict: str
    forecast: str
    held: str = ""
    replied: bool = False
    later: int = 0
    message: int = 0

    @property
    def icon(self) -> str:
        return "front_hand" if self.held else "schedule_send" if self.later else "hourglass_top"


def scheduled_in(conversation: Conversation) -> list[Upcoming]:
    """What people scheduled here, for the strip above the composer."""
    return _told([(conversation, row) for row in later.undecided(conversation)])


def rows_of(contact: Contact, user: User) -> tuple[QuerySet[LaterMessage], QuerySet[Message]]:
    """What the reader may see of what is to go to the person: scheduled by people; deferred by the law or waiting for its turn."""
    rows = later.with_replies(LaterMessage.objects.filter(conversation__identity__contact=contact, state__in=later.UNDECIDED))
    queued = Message.objects.filter(conversation__identity__contact=contact, state="queued", due_at__gt=clock.now())
    return (
        _with_chats(visible_to(rows, user).order_by("send_at", "pk"))[:MOST],
        _with_chats(visible_to(queued, user).order_by("due_at", "pk"))[:MOST],
    )


def of_rows(found: Sequence[LaterMessage | Message]) -> list[Upcoming]:
    """What `rows_of` asks for, told in the order of going."""
    return sorted(_told([(row.conversation, row) for row in found]), key=lambda each: each.at)[:MOST]


def _with_chats(rows: QuerySet[Row]) -> QuerySet[Row]:
    rows = rows.select_related("author", "conversation__identity__contact", "conversation__connection")
    return rows.defer("conversation__connection__secrets")


def _told(rows: list[tuple[Conversation, LaterMessage | Message]]) -> list[Upcoming]:
    """All of them judged together: it costs the same for many as for one."""
    verdicts = later.predict(rows)
    return [
        _scheduled(row, verdict) if isinstance(row, LaterMessage) else _queued(row, verdict)
        for (_chat, row), verdict in zip(rows, verdicts, strict=True)
    ]


def _scheduled(row: LaterMessage, verdict: Verdict) -> Upcoming:
    return Upcoming(
        at=row.send_at,
        words=_excerpt(row.kind, row.text),
        who=str(row.author or ""),
        verdict=verdict.verdict,
        forecast="" if verdict.allowed else reasons.verdict_words(verdict),
        held=str(LaterMessage.Because(row.because).label) if row.because else "",
        replied=bool(not row.because and row.hold_on_reply and getattr(row, "answered", False)),
        later=row.pk,
    )


def _queued(row: Message, verdict: Verdict) -> Upcoming:
    who = wording.cause(row, "") or str(row.author or "")
    forecast = "" if verdict.allowed else reasons.verdict_words(verdict)
    return Upcoming(row.due_at or row.created_at, _excerpt(row.kind, row.text), who, verdict.verdict, forecast, message=row.pk)


def _excerpt(kind: str, text: str) -> str:
    name = "" if kind == "text" else wording.kind_name(kind)
    return " · ".join(filter(None, [name, " ".join(text.split())[:100]]))
