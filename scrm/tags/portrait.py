"""What is known of a person in figures. Reads only; over all records that were merged into them; a bounded number of rows and statements.

Counts are kept on conversations (`conversations.counting`). Moods, favourite emoji, product questions and days are read from the latest
`SAMPLE` messages that the customer wrote in their latest `CONVERSATIONS` conversations; of somebody who writes more, older ones no longer
tell. Every definition is shown on the page: see `console.people.definitions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Max, Min, Q, Sum

from scrm.commerce import catalogue_store
from scrm.commerce.models import Order
from scrm.contacts.family import family_of
from scrm.contacts.models import Contact
from scrm.conversations.models import Conversation, Message
from scrm.core import clock
from scrm.core.slices import together
from scrm.tags.grades import Grade, Thresholds, activity, days_written, grade_of
from scrm.tags.mood import Mood, Said, mood_of

SAMPLE = 200
CONVERSATIONS = 10


@dataclass(frozen=True, slots=True)
class Talk:
    """`heard`, `said`: messages from and to the customer; `uncounted`: conversations from before there were counts, not in them."""

    conversations: int = 0
    lately: int = 0
    heard: int = 0
    said: int = 0
    uncounted: int = 0
    first_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bought:
    """`values`: (currency, sum of what was not cancelled), the largest number of orders first. `cancelled` is not in `orders`."""

    orders: int = 0
    cancelled: int = 0
    values: tuple[tuple[str, Decimal], ...] = ()
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Portrait:
    talk: Talk
    bought: Bought
    mood: Mood
    grade: Grade
    activity: int
    # Messages of the last days that name a product, and days of the last ninety on which something was written.
    questions: int
    days: int
    heard_at: datetime | None
    sampled: int = field(default=0)


def portrait_of(contact: Contact) -> Portrait:
    """Four statements, five after the catalogue has become old."""
    now = clock.now()
    limits = Thresholds(**settings.GRADES)
    family = family_of(contact)
    said = _sample(family)
    questions = _product_questions(said, now - timedelta(days=limits.high_days))
    days = days_written([message.at for message in said], now)
    heard_at = contact.last_inbound_at
    return Portrait(
        talk=_talk(family, now - timedelta(days=limits.potential_days)),
        bought=_bought(family),
        mood=mood_of(said, now),
        grade=grade_of(questions=questions, heard_at=heard_at, now=now, limits=limits),
        activity=activity(heard_at=heard_at, days=days, now=now),
        questions=questions,
        days=days,
        heard_at=heard_at,
        sampled=len(said),
    )


def _of(family: Sequence[int]) -> Q:
    """The conversations of a person: their addresses all hang on the survivor."""
    return Q(identity__contact__in=family)


def _talk(family: Sequence[int], since: datetime) -> Talk:
    found = Conversation.objects.filter(_of(family)).aggregate(
        conversations=Count("pk"),
        lately=Count("pk", filter=Q(last_inbound_at__gte=since)),
        in_all=Sum("heard"),
        out_all=Sum("said"),
        uncounted=Count("pk", filter=Q(heard=None)),
        first_at=Min("opened_at"),
    )
    return Talk(heard=found.pop("in_all") or 0, said=found.pop("out_all") or 0, **found)


def _bought(family: Sequence[int]) -> Bought:
    rows = Order.objects.filter(contact__in=family).order_by().values("currency")
    kept = ~Q(status=Order.Status.CANCELLED)
    found = list(
        rows.annotate(
            count=Count("pk", filter=kept),
            cancelled=Count("pk", filter=~kept),
            total=Sum("total", filter=kept),
            first=Min("placed_at", filter=kept),
            last=Max("placed_at", filter=kept),
        )
    )
    bought = sorted((row for row in found if row["count"]), key=lambda row: (-row["count"], row["currency"]))
    return Bought(
        orders=sum(row["count"] for row in bought),
        cancelled=sum(row["cancelled"] for row in found),
        values=tuple((row["currency"], row["total"]) for row in bought),
        first_at=min((row["first"] for row in bought), default=None),
        last_at=max((row["last"] for row in bought), default=None),
    )


def _sample(family: Sequence[int]) -> list[Said]:
    """The newest first. Reactions are their emoji; what was withdrawn or changed says nothing."""
    latest = Conversation.objects.filter(_of(family), last_inbound_at__isnull=False).order_by("-last_inbound_at", "-pk")
    wanted = Message.objects.filter(direction=Message.Direction.IN).only("text", "kind", "content", "sent_at").order_by("-sent_at", "-pk")
    slices = [wanted.filter(conversation=pk)[:SAMPLE] for pk in latest.values_list("pk", flat=True)[:CONVERSATIONS]]
    rows = sorted(together(slices), key=lambda row: (row.sent_at, row.pk), reverse=True)[:SAMPLE]
    return [Said(_words(row), row.sent_at) for row in rows]


def _words(row: Message) -> str:
    if row.kind == "reaction":
        return str(row.content.get("emoji") or "")
    return "" if row.kind in ("edit", "revoke", "system") else row.text


def _product_questions(said: Sequence[Said], since: datetime) -> int:
    lately = [message for message in said if message.at >= since and message.text]
    catalogue = catalogue_store.current() if lately else None
    return sum(1 for message in lately if catalogue is not None and catalogue.names_any(message.text))
