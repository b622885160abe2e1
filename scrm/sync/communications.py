"""One day of one conversation as a record of communication: its transcript, and the person it belongs to.

The key is `<conversation>:<date>`, the date being the one on the wall where the channel's account lives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from scrm.connections.models import Connection
from scrm.conversations.models import Conversation, Message
from scrm.sync.models import Kind
from scrm.sync.sources import Ref, Source, stamp
from scrm.sync.transcripts import Line, escaped, plain

SOURCES = ("body", "body_html", "first_message_at", "last_message_at", "messages", "channel", "date")

# What went out or may be believed to have gone out; notes among colleagues never leave the house.
_SAID = ("received", "accepted", "sent", "delivered", "read")
_SENDERS = {"rule": "Automatic reply", "campaign": "Campaign", "api": "Partner", "phone_app": "Phone app"}


def load(connection: Connection, keys: Sequence[str], wanted: frozenset[str]) -> dict[str, Source]:
    """The days that hold at least one message; without any field wanted, only what each hangs on."""
    days = {key: day for key in keys if (day := _parsed(key))}
    rows = Conversation.objects.filter(pk__in={pk for pk, _ in days.values()}).select_related("identity__contact", "connection")
    conversations = {row.pk: row for row in rows}
    known = {key: (conversations[pk], day) for key, (pk, day) in days.items() if pk in conversations}
    if not wanted:
        return {key: Source({}, *_hangs_on(row)) for key, (row, _) in known.items()}
    messages = _messages(known.values())
    return {key: _source(row, messages[row.pk, day], day, wanted) for key, (row, day) in known.items() if messages[row.pk, day]}


def _parsed(key: str) -> tuple[int, date] | None:
    number, _, day = key.partition(":")
    try:
        return int(number), date.fromisoformat(day)
    except ValueError:
        return None


def _bounds(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Midnight to midnight on that wall, in UTC."""
    zone = ZoneInfo(time_zone or "UTC")
    return tuple(datetime.combine(each, time.min, zone).astimezone(UTC) for each in (day, day + timedelta(days=1)))  # type: ignore[return-value]


def _messages(days: Iterable[tuple[Conversation, date]]) -> Mapping[tuple[int, date], list[Message]]:
    """One query for each day and time zone: live traffic is all of one or two days."""
    spans: dict[tuple[datetime, datetime, date], list[int]] = defaultdict(list)
    for row, day in days:
        spans[(*_bounds(day, row.connection.time_zone), day)].append(row.pk)
    found: dict[tuple[int, date], list[Message]] = defaultdict(list)
    for (start, end, day), ids in spans.items():
        rows = Message.objects.filter(conversation_id__in=ids, sent_at__gte=start, sent_at__lt=end, state__in=_SAID)
        for message in rows.exclude(direction="note").select_related("author").prefetch_related("attachments").order_by("sent_at", "id"):
            found[message.conversation_id, day].append(message)
    return found


def _source(row: Conversation, messages: Sequence[Message], day: date, wanted: frozenset[str]) -> Source:
    lines = [_line(message, row) for message in messages]
    values = {
        "first_message_at": stamp(messages[0].sent_at),
        "last_message_at": stamp(messages[-1].sent_at),
        "messages": str(len(messages)),
        "channel": row.connection.label,
        "date": day.isoformat(),
    }
    if "body" in wanted:
        values["body"] = plain(lines, row.connection.time_zone)
    if "body_html" in wanted:
        values["body_html"] = escaped(lines, row.connection.time_zone)
    return Source(values, *_hangs_on(row))


def _hangs_on(row: Conversation) -> tuple[tuple[Ref, ...], tuple[Ref, ...]]:
    person = row.identity.contact.merged_into_id or row.identity.contact_id
    return (Ref(Kind.CONTACT, str(person)),), tuple(Ref(kind, f"conversation:{row.pk}") for kind in (Kind.DEAL, Kind.CASE))


def _line(message: Message, row: Conversation) -> Line:
    files = tuple(attachment.filename or attachment.mime_type or attachment.kind for attachment in message.attachments.all())
    return Line(at=message.sent_at, who=_who(message, row), kind=message.kind, text=message.text, files=files)


def _who(message: Message, row: Conversation) -> str:
    if message.direction == Message.Direction.IN:
        return row.identity.contact.name or str(row.identity)
    if message.author is not None:
        return message.author.get_full_name() or message.author.get_username()
    return _SENDERS.get(message.source, row.connection.label)
