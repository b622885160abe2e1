"""A person's events page by page: by kind, by period, by words; over all records merged into them, each from its own place in the index.

A cursor is "<microseconds since 1970>.<event id>": events older than it come next, whatever arrives meanwhile. A search looks through at
most `SEARCHED` events a page and says how far back it has looked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from scrm.console import timeline
from scrm.contacts.models import NO_MESSAGE, Event
from scrm.core.folding import fold
from scrm.core.slices import together
from scrm.staff.models import User

PAGE = 50
SEARCHED = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _kinds(*kinds: str) -> Q:
    return Q(kind__in=kinds)


def _story(area: str) -> Q:
    return NO_MESSAGE & Q(kind__startswith=f"{area}.")


GROUPS: dict[str, tuple[str | Promise, Q]] = {
    "": (_("Everything"), Q()),
    "messages": (_("Messages"), _kinds("message.received", "message.echoed", "message.queued")),
    "problems": (
        _("Not delivered"),
        _kinds("message.failed", "message.expired", "message.blocked", "message.unknown", "message.cancelled"),
    ),
    "delivery": (_("Delivery"), _kinds("message.accepted", "message.sent", "message.delivered", "message.read")),
    "story": (_("All but messages"), NO_MESSAGE),
    "conversations": (_("Conversations"), _story("conversation")),
    "orders": (_("Orders"), _story("order")),
    "tags": (_("Tags"), _story("tag")),
    "consent": (_("Consent"), _story("consent")),
    "contact": (_("Contact and merges"), _story("contact")),
    "addresses": (_("Addresses"), NO_MESSAGE & (Q(kind__startswith="identity.") | Q(kind__startswith="account."))),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`since`, `until`: whole days in the reader's time zone, both included."""

    group: str = ""
    since: date | None = None
    until: date | None = None
    words: str = ""
    before: tuple[datetime, int] | None = None

    @property
    def narrowed(self) -> bool:
        return bool(self.group or self.since or self.until or self.words)


@dataclass(frozen=True, slots=True)
class Page:
    """`older`: the cursor of what comes next, empty at the end; `looked_back_to`: of a search that stopped before the end."""

    rows: list[timeline.Happening]
    older: str = ""
    looked_back_to: datetime | None = None


def page_of(family: Sequence[int], wanted: Wanted, reader: User) -> Page:
    """About nine statements, whatever the number of events."""
    if wanted.words:
        return _searched(family, wanted, reader)
    events = _newest(family, wanted, PAGE + 1)
    shown = events[:PAGE]
    return Page(timeline.told(shown, reader), cursor_of(shown[-1]) if len(events) > PAGE else "")


def _searched(family: Sequence[int], wanted: Wanted, reader: User) -> Page:
    events = _newest(family, wanted, SEARCHED + 1)
    looked = events[:SEARCHED]
    needle = fold(wanted.words)
    known = timeline.told(looked, reader, longest=None)
    hits = [(event, row) for event, row in zip(looked, known, strict=True) if needle in fold(f"{row.title} {row.detail} {row.cause}")]
    rows = [row for _event, row in hits[:PAGE]]
    if len(hits) > PAGE:
        return Page(rows, cursor_of(hits[PAGE - 1][0]))
    more = len(events) > SEARCHED
    return Page(rows, cursor_of(looked[-1]) if more else "", looked[-1].occurred_at if more else None)


def _newest(family: Sequence[int], wanted: Wanted, limit: int) -> list[Event]:
    rows = _narrowed(Event.objects.all(), wanted).order_by("-occurred_at", "-pk")
    found: list[Event] = together([rows.filter(contact=pk)[:limit] for pk in family])
    return sorted(found, key=lambda row: (row.occurred_at, row.pk), reverse=True)[:limit]


def _narrowed(rows: QuerySet[Event], wanted: Wanted) -> QuerySet[Event]:
    rows = rows.filter(GROUPS[wanted.group][1])
    if wanted.since:
        rows = rows.filter(occurred_at__gte=_midnight(wanted.since))
    if wanted.until:
        rows = rows.filter(occurred_at__lt=_midnight(wanted.until + timedelta(days=1)))
    if wanted.before:
        at, pk = wanted.before
        rows = rows.filter(Q(occurred_at__lt=at) | Q(occurred_at=at, pk__lt=pk), occurred_at__lte=at)
    return rows


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def cursor_of(event: Event) -> str:
    return f"{(event.occurred_at - _EPOCH) // timedelta(microseconds=1)}.{event.pk}"


def cursor_from(text: str) -> tuple[datetime, int] | None:
    """None for what is no cursor: the newest events are shown."""
    stamp, _dot, pk = text.partition(".")
    if not (stamp.isdecimal() and pk.isdecimal() and len(stamp) <= 16 and len(pk) <= 18):
        return None
    return _EPOCH + timedelta(microseconds=int(stamp)), int(pk)
