"""The inbox's queues: which conversations each shows, in which order, and how many, cheaply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from django.core.exceptions import EmptyResultSet
from django.db import connections, router
from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from scrm.conversations.models import Conversation
from scrm.conversations.querysets import ConversationQuerySet
from scrm.conversations.visibility import listed_for
from scrm.core import clock
from scrm.staff.models import User

# Beyond it a counter says '99+': nobody acts on the difference, and counting on would read the whole table.
COUNTED = 99
PAGE = 40
# What a row of the list shows. The rest, a connection's encrypted credentials above all, is not read forty times a page.
SHOWN = (
    "status", "unread_count", "waiting_since", "due_at", "due_for", "snoozed_until", "last_message_at", "last_preview",
    "last_direction", "last_state",
    "identity__contact__name", "identity__contact__priority", "connection__label", "assignee__display_name", "assignee__first_name",
    "assignee__last_name", "assignee__username",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Queue:
    """`select` narrows all conversations to the queue for a person; `by` is the field it is sorted by, newest first or `oldest_first`."""

    slug: str
    label: str | Promise
    icon: str
    select: Callable[[ConversationQuerySet, User], ConversationQuerySet]
    by: str = "last_message_at"
    oldest_first: bool = False
    counted: bool = True

    @property
    def empty(self) -> str:
        """What to say, and what to do, when nothing is in it."""
        return str(EMPTY.get(self.slug, EMPTY["open"]))

    def ordered(self, user: User) -> ConversationQuerySet:
        rows = self.select(_seen(Conversation.objects.all(), user), user)
        direction = "" if self.oldest_first else "-"
        return rows.order_by(f"{direction}{self.by}", f"{direction}id")


EMPTY: dict[str, str | Promise] = {
    "open": _("Nothing is open. A new conversation appears here by itself as soon as a customer writes."),
    "mine": _("Nothing is yours now. Take one from “Unassigned” or “Waiting longest”: open it and press a."),
    "unassigned": _("Every open conversation has somebody. Well done."),
    "waiting": _("Nobody waits for an answer. Well done."),
    "overdue": _("No answer is overdue. Well done."),
    "unread": _("All is read. Well done."),
    "snoozed": _("Nothing is snoozed. What has to wait can be put away for an hour or until tomorrow: menu ⋮ of a conversation."),
    "low": _("No conversation has low priority. Automation lowers it for people whose messages need no answer; a macro can, too."),
    "closed": _("Nothing was closed yet. When all is said, press e."),
}

QUEUES = {
    queue.slug: queue
    for queue in (
        Queue("open", _("All open"), "inbox", lambda rows, _user: rows.open()),
        Queue("mine", _("Mine"), "person", lambda rows, user: rows.mine(user)),
        Queue("unassigned", _("Unassigned"), "person_off", lambda rows, _user: rows.unassigned()),
        Queue(
            "waiting",
            _("Waiting longest"),
            "hourglass_top",
            lambda rows, _user: rows.open().filter(waiting_since__isnull=False),
            by="waiting_since",
            oldest_first=True,
        ),
        Queue(
            "overdue",
            _("Overdue"),
            "alarm",
            lambda rows, _user: rows.overdue(clock.now()).order_by(),
            by="due_at",
            oldest_first=True,
        ),
        Queue("unread", _("Unread"), "mark_chat_unread", lambda rows, _user: rows.unread()),
        Queue("snoozed", _("Snoozed"), "snooze", lambda rows, _user: rows.filter(status="snoozed"), by="snoozed_until", oldest_first=True),
        # Few rows among many have no index of their own: listed, not counted.
        Queue("low", _("Low priority"), "low_priority", lambda rows, _user: rows.open().filter(low_priority=True), counted=False),
        Queue("closed", _("Closed"), "check_circle", lambda rows, _user: rows.filter(status="closed"), counted=False),
    )
}


def _seen(rows: ConversationQuerySet, user: User) -> ConversationQuerySet:
    return cast(ConversationQuerySet, listed_for(rows, user))


def queue_named(slug: str) -> Queue:
    return QUEUES.get(slug, QUEUES["open"])


def counts(user: User) -> dict[str, int]:
    """Conversations in each counted queue, at most `COUNTED` + 1, in one statement that stops at that many rows."""
    return counts_and_changes(user)[0]


def counts_and_changes(user: User) -> tuple[dict[str, int], str]:
    """As `counts`, and `newest_changes` in the same statement."""
    alias = router.db_for_read(Conversation)
    quote = connections[alias].ops.quote_name
    counted = [queue for queue in QUEUES.values() if queue.counted]
    rows = _seen(Conversation.objects.using(alias), user)
    newest, of_newest = _newest_changes(alias)
    parts, params = [newest], list(of_newest)
    for queue in counted:
        inner = queue.select(rows, user).order_by().values("pk")[: COUNTED + 1]
        try:
            sql, values = inner.query.get_compiler(using=alias).as_sql()
        except EmptyResultSet:  # of somebody who sees nothing
            parts.append("0")
            continue
        parts.append(f"(SELECT COUNT(*) FROM ({sql}) AS {quote(queue.slug)})")  # noqa: S608
        params.extend(values)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", params)
        mark, *row = cursor.fetchone()
    return {queue.slug: int(number) for queue, number in zip(counted, row, strict=True)}, str(mark)


def shown_count(number: int) -> str:
    return f"{COUNTED}+" if number > COUNTED else str(number)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a queue; `older` is the cursor of the next one, or empty."""

    rows: list[Conversation]
    older: str = ""


def listed(rows: ConversationQuerySet) -> ConversationQuerySet:
    """With what a row of the list shows, and nothing more."""
    return rows.select_related("identity__contact", "connection", "assignee").only(*SHOWN)


def page_of(queue: Queue, user: User, *, after: str = "", size: int = PAGE) -> Page:
    """The conversations that follow the cursor `after` (as a former page gave it). A cursor that makes no sense starts again."""
    rows = listed(queue.ordered(user))
    place = _place(after)
    if place is not None:
        rows = rows.filter(_beyond(queue, *place))
    found = list(rows[: size + 1])
    older = _cursor(queue, found[size - 1]) if len(found) > size else ""
    return Page(found[:size], older)


def _beyond(queue: Queue, at: datetime, pk: int) -> Q:
    # The outer bound lets the index start at the place; the inner one breaks ties.
    if queue.oldest_first:
        return Q(**{f"{queue.by}__gte": at}) & (Q(**{f"{queue.by}__gt": at}) | Q(id__gt=pk))
    return Q(**{f"{queue.by}__lte": at}) & (Q(**{f"{queue.by}__lt": at}) | Q(id__lt=pk))


def _cursor(queue: Queue, row: Conversation) -> str:
    at: datetime = getattr(row, queue.by)
    return f"{at.isoformat()}~{row.pk}"


def _place(cursor: str) -> tuple[datetime, int] | None:
    at, _, pk = cursor.partition("~")
    try:
        moment = parse_datetime(at)
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None or not pk.isdecimal():
        return None
    return moment, int(pk[:18])


def newest_changes() -> str:
    """A mark that changes whenever any conversation does: the versions of the fifty latest changed ones, read from an index.

    Their sum is part of it because transactions commit out of order: a late commit with an earlier time still moves the sum.
    """
    alias = router.db_for_read(Conversation)
    part, params = _newest_changes(alias)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT {part}", params)
        return str(cursor.fetchone()[0])


@cache
def _newest_changes(alias: str) -> tuple[str, tuple[Any, ...]]:
    """One column of a SELECT, and its parameters; always the same, so it is built once."""
    latest = Conversation.objects.using(alias).order_by("-changed_at").values("pk", "version", "changed_at")[:50]
    sql, params = latest.query.get_compiler(using=alias).as_sql()
    texts = " || '.' || ".join(f"CAST({each} AS text)" for each in ("MAX(changed_at)", "SUM(version)", "SUM(pk)"))
    return f"(SELECT {texts} FROM ({sql}) AS latest)", params  # noqa: S608
