"""A conversation's messages as a person reads them: days, bubbles, states, quotes, reactions, files, and why a send went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import capfirst

from scrm.automation.models import Rule
from scrm.connections.models import Connection
from scrm.console.inbox import wording
from scrm.conversations.models import Attachment, Conversation, Decision, Message

PAGE = 50
INLINE_IMAGES = frozenset({"image", "sticker"})

TICKS = {
    Message.State.QUEUED: "clock",
    Message.State.CLAIMED: "clock",
    Message.State.SENDING: "clock",
    Message.State.ACCEPTED: "one",
    Message.State.SENT: "one",
    Message.State.DELIVERED: "two",
    Message.State.READ: "read",
    Message.State.FAILED: "failed",
    Message.State.EXPIRED: "failed",
    Message.State.BLOCKED: "blocked",
    Message.State.UNKNOWN: "unknown",
    Message.State.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that another one answers; `anchor` is its id when we have it."""

    text: str
    ours: bool
    anchor: int | None = None


@dataclass(frozen=True, slots=True)
class File:
    """Something to show or to download. `state` is stored, waiting or failed; `shape` image, video, audio, or document."""

    url: str
    shape: str
    name: str
    state: str
    size: int | None = None
    error: str = ""
    attachment: int | None = None

    @property
    def shape_name(self) -> str:
        return capfirst(wording.kind_name(self.shape))


@dataclass(slots=True)
class Bubble:
    """One message with what its picture needs. `day` is set on the first message of a day."""

    message: Message
    tick: str = ""
    day: date | None = None
    joined: bool = False
    cause: str = ""
    problem: str = ""
    advice: str = ""
    until: datetime | None = None
    quote: Quote | None = None
    reactions: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    map_url: str = ""
    choices: list[str] = field(default_factory=list)

    @property
    def ours(self) -> bool:
        return self.message.direction == Message.Direction.OUT

    @property
    def caption(self) -> str:
        """The words to show; a document's name is on its file already."""
        text = self.message.text or str(self.message.content.get("caption", ""))
        return "" if any(file.name == text for file in self.files) else text

    @property
    def unsupported(self) -> str:
        """What the platform calls the thing that we cannot show, or empty."""
        if self.message.kind != "unsupported":
            return ""
        return str(self.message.content.get("platform_type") or "unknown")

    @property
    def referral(self) -> dict[str, Any]:
        found = self.message.content.get("referral")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Thread:
    """One page, oldest first; `older` is the cursor of the page before it, or empty."""

    bubbles: list[Bubble]
    older: str = ""


def thread_of(conversation: Conversation, *, before: str = "") -> Thread:
    """The newest messages, or those before the cursor of a former page."""
    rows = conversation.messages.select_related("author").order_by("-sent_at", "-id")
    place = _place(before)
    if place is not None:
        at, pk = place
        rows = rows.filter(Q(sent_at__lte=at) & (Q(sent_at__lt=at) | Q(id__lt=pk)))
    found = list(rows[: PAGE + 1])
    older = f"{found[PAGE - 1].sent_at.isoformat()}~{found[PAGE - 1].pk}" if len(found) > PAGE else ""
    return Thread(_bubbles(conversation.connection, found[:PAGE][::-1]), older)


def _place(cursor: str) -> tuple[datetime, int] | None:
    at, _, pk = cursor.partition("~")
    try:
        moment = parse_datetime(at)
    except ValueError:
        return None
    return (moment, int(pk[:18])) if moment is not None and moment.tzinfo and pk.isdecimal() else None


def _bubbles(connection: Connection, messages: Sequence[Message]) -> list[Bubble]:
    reactions, hidden = _reactions(messages)
    bubbles = [_bubble(connection, message) for message in messages if message.pk not in hidden]
    for bubble in bubbles:
        bubble.reactions = reactions.get(bubble.message.external_id, []) if bubble.message.external_id else []
    _add_quotes(connection, bubbles)
    _add_files(bubbles)
    _add_causes(bubbles)
    _add_decisions(bubbles)
    _add_days(bubbles)
    return bubbles


def _bubble(connection: Connection, message: Message) -> Bubble:
    bubble = Bubble(message, map_url=_map_url(message), choices=_choices(message))
    if message.direction == Message.Direction.OUT:
        bubble.tick = TICKS.get(Message.State(message.state), "") if message.state in Message.State.values else ""
    if bubble.tick == "failed":
        bubble.problem, bubble.advice = wording.failure(connection, message)
    return bubble


def _reactions(messages: Iterable[Message]) -> tuple[dict[str, list[str]], set[int]]:
    """Emoji by the message they stand on, the last of each side, and the rows that need no bubble of their own."""
    messages = list(messages)
    present = {message.external_id for message in messages if message.external_id}
    last: dict[str, dict[str, str]] = {}
    hidden: set[int] = set()
    for message in messages:
        target = str(message.content.get("message_id", "")) if message.kind == "reaction" else ""
        if target in present and target:
            last.setdefault(target, {})[message.direction] = str(message.content.get("emoji", ""))
            hidden.add(message.pk)
    return {target: [emoji for emoji in sides.values() if emoji] for target, sides in last.items()}, hidden


def _add_quotes(connection: Connection, bubbles: Sequence[Bubble]) -> None:
    wanted = {bubble.message.reply_to for bubble in bubbles if bubble.message.reply_to}
    if not wanted:
        return
    rows = Message.objects.filter(connection=connection, external_id__in=wanted).only("pk", "external_id", "text", "direction", "kind")
    known = {row.external_id: row for row in rows}
    for bubble in bubbles:
        row = known.get(bubble.message.reply_to)
        if row is not None:
            bubble.quote = Quote((row.text or wording.kind_name(row.kind))[:140], row.direction == Message.Direction.OUT, row.pk)
        elif bubble.message.reply_to:
            bubble.quote = Quote(str(wording.UNKNOWN_QUOTE), ours=False)


def _add_files(bubbles: Sequence[Bubble]) -> None:
    by_message: dict[int, list[Attachment]] = {}
    for row in Attachment.objects.filter(message__in=[bubble.message.pk for bubble in bubbles]).order_by("pk"):
        by_message.setdefault(row.message_id, []).append(row)
    for bubble in bubbles:
        message = bubble.message
        bubble.files = [_received(row) for row in by_message.get(message.pk, [])]
        if not bubble.files and message.direction == Message.Direction.OUT and message.content.get("file"):
            url = reverse("console:message-file", args=[message.pk])
            bubble.files = [File(url, _shape(message.kind), str(message.content.get("filename") or ""), Attachment.State.STORED)]


def _received(row: Attachment) -> File:
    url = reverse("console:attachment", args=[row.pk]) if row.state == Attachment.State.STORED else ""
    return File(url, _shape(row.kind), row.filename, row.state, row.size, row.last_error, row.pk)


def _shape(kind: str) -> str:
    if kind in INLINE_IMAGES:
        return "image"
    return kind if kind in {"audio", "video"} else "document"


def _add_causes(bubbles: Sequence[Bubble]) -> None:
    """Who spoke, when it was no agent: the rule by its name, a campaign, a partner, the phone app."""
    numbers = {number for bubble in bubbles if (number := _rule_number(bubble.message.cause)) is not None}
    names = dict(Rule.objects.filter(pk__in=numbers).values_list("pk", "name")) if numbers else {}
    for bubble in bubbles:
        if bubble.ours:
            number = _rule_number(bubble.message.cause)
            bubble.cause = wording.cause(bubble.message, names.get(number, "") if number is not None else "")


def _rule_number(cause: str) -> int | None:
    kind, _, rest = cause.partition(":")
    number = rest.split(":")[0].split("@")[0]
    return int(number) if kind == "rule" and number.isdecimal() else None


def _add_decisions(bubbles: Sequence[Bubble]) -> None:
    """What the law said about messages that it holds back."""
    held = {bubble.message.pk: bubble for bubble in bubbles if bubble.tick in {"blocked", "clock"}}
    if not held:
        return
    for decision in Decision.objects.filter(message__in=list(held)).order_by("decided_at", "pk"):
        bubble = held[decision.message_id or 0]
        if decision.verdict != Decision.Verdict.ALLOW:
            bubble.problem, bubble.advice, bubble.until = wording.rule_sentence(decision.rule), "", decision.until


def _add_days(bubbles: Sequence[Bubble]) -> None:
    """A separator where the viewer's date changes; bubbles of one side within two minutes stand close together."""
    before: Bubble | None = None
    for bubble in bubbles:
        day = timezone.localtime(bubble.message.sent_at).date()
        if before is None or timezone.localtime(before.message.sent_at).date() != day:
            bubble.day = day
        elif _same_voice(before.message, bubble.message):
            bubble.joined = (bubble.message.sent_at - before.message.sent_at).total_seconds() < 120
        before = bubble


def _same_voice(one: Message, other: Message) -> bool:
    return (one.direction, one.source, one.author_id) == (other.direction, other.source, other.author_id)


def _map_url(message: Message) -> str:
    if message.kind != "location":
        return ""
    try:
        latitude, longitude = float(message.content["latitude"]), float(message.content["longitude"])
    except (KeyError, TypeError, ValueError):
        return ""
    return f"https://www.openstreetmap.org/?mlat={latitude:.6f}&mlon={longitude:.6f}#map=17/{latitude:.6f}/{longitude:.6f}"


def _choices(message: Message) -> list[str]:
    """The titles of the buttons or list rows that we offered."""
    if message.kind != "interactive" or message.direction != Message.Direction.OUT:
        return []
    buttons = [str(each.get("title", "")) for each in message.content.get("buttons") or [] if isinstance(each, dict)]
    sections = [each for each in message.content.get("sections") or [] if isinstance(each, dict)]
    rows = [str(row.get("title", "")) for section in sections for row in section.get("rows") or [] if isinstance(row, dict)]
    label = [str(message.content["label"])] if message.content.get("label") else []
    return [title for title in [*buttons, *rows, *label] if title]
