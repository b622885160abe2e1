"""One message as its bubble: plain values, made ready in Python, because a page holds fifty of them and a template's tags are slow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.template.defaultfilters import linebreaksbr, urlizetrunc
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from scrm.connections.models import Connection
from scrm.connections.sentences import plain
from scrm.console.inbox import shapes, wording
from scrm.conversations import template_bubble
from scrm.conversations.models import Attachment, Message

LINK_LENGTH = 60
FILE_KINDS = frozenset({"image", "video", "audio", "document", "sticker"})
INLINE_IMAGES = frozenset({"image", "sticker"})
AUTOMATIC = frozenset({Message.Source.RULE, Message.Source.CAMPAIGN})

# By the stored code: members of an enumeration have hashes of their own.
TICKS = {
    "queued": "clock",
    "claimed": "clock",
    "sending": "clock",
    "accepted": "one",
    "sent": "one",
    "delivered": "two",
    "read": "read",
    "failed": "failed",
    "expired": "failed",
    "blocked": "blocked",
    "unknown": "unknown",
    "cancelled": "cancelled",
}
TROUBLED = frozenset({"failed", "unknown", "blocked"})


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that another one answers; `anchor` is its id when we have it."""

    text: str
    ours: bool
    anchor: int | None = None


@dataclass(frozen=True, slots=True)
class File:
    """Something to show or to download. `state` is stored, waiting or failed; `shape` image, sticker, video, audio, or document."""

    url: str
    shape: str
    name: str
    state: str
    size: int | None = None
    error: str = ""
    attachment: int | None = None
    next_at: datetime | None = None

    @property
    def shape_name(self) -> str:
        return capfirst(wording.kind_name(self.shape))


@dataclass(slots=True)
class Bubble:
    """One message with what its picture needs. `day` is set on the first message of a day; `words`, `body`, `tools` are escaped HTML."""

    message: Message
    at: datetime
    tick: str = ""
    day: date | None = None
    joined: bool = False
    cause: str = ""
    icon: str = "smart_toy"
    kind: str = ""
    words: str = ""
    notice: str = ""
    marks: list[tuple[str, str]] = field(default_factory=list)
    problem: str = ""
    advice: str = ""
    small_print: str = ""
    why: list[str] = field(default_factory=list)
    until: datetime | None = None
    again: Message | None = None
    quote: Quote | None = None
    reactions: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)
    withdrawn: bool = False
    files: list[File] = field(default_factory=list)
    missing: str = ""
    place: shapes.Place | None = None
    cards: list[shapes.Card] = field(default_factory=list)
    template: template_bubble.Bubble | None = None
    order: shapes.Order | None = None
    answers: list[tuple[str, str]] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    referral: shapes.Referral | None = None
    unsupported: str = ""
    body: str = ""
    tools: str = ""

    @property
    def ours(self) -> bool:
        return self.message.direction == Message.Direction.OUT

    @property
    def css(self) -> str:
        classes = ["ix-m", self.message.direction]
        if self.joined:
            classes.append("joined")
        if self.message.source in AUTOMATIC:
            classes.append("auto")
        return " ".join(classes)

    @property
    def clock(self) -> str:
        return f"{self.at:%H:%M}"

    @property
    def stamp(self) -> str:
        return self.at.isoformat(timespec="seconds")

    @property
    def signed(self) -> str:
        """The agent's name below what they wrote."""
        return str(self.message.author) if self.ours and self.message.author and not self.cause else ""

    @property
    def troubled(self) -> bool:
        return self.tick in TROUBLED or bool(self.until)

    @property
    def plain(self) -> bool:
        """Words, and nothing that needs more than words."""
        return not (self.cause or self.quote or self.files or self.kind or self.marks or self.special)

    @property
    def special(self) -> bool:
        return bool(
            self.place or self.cards or self.order or self.answers or self.choices or self.referral
            or self.unsupported or self.missing or self.withdrawn or self.earlier
        )  # fmt: skip

    def name_what_is_left(self) -> None:
        """A message of which nothing can be shown, a sticker of a platform's own for example, is at least called what it is."""
        if not (self.words or self.files or self.kind or self.special or self.notice):
            self.kind = capfirst(wording.kind_name(self.message.kind))

    @property
    def excerpt(self) -> str:
        """What a quote of this message says."""
        return " ".join(self.message.text.split())[:80] or wording.kind_name(self.message.kind)

    @property
    def can_be_answered(self) -> bool:
        return bool(self.message.external_id) and not self.withdrawn


def bubble_of(connection: Connection, message: Message) -> Bubble:
    """The bubble without what needs a query of its own; see `thread.py`."""
    bubble = Bubble(message, timezone.localtime(message.sent_at))
    if message.direction == Message.Direction.OUT:
        bubble.tick = TICKS.get(message.state, "")
        _explain(bubble, connection)
    elif message.direction == Message.Direction.NOTE:
        bubble.icon, bubble.cause = "sticky_note_2", " · ".join(filter(None, [_("Note"), str(message.author or "")]))
    bubble.marks = _marks(message)
    bubble.withdrawn = bool(message.content.get("withdrawn"))
    if message.kind == "system":
        bubble.notice = message.text or _("Notice of the platform")
    elif message.kind == "reaction":
        emoji = shapes.text_of(message.content.get("emoji"))
        bubble.notice = _("reacted with %(emoji)s") % {"emoji": emoji} if emoji else _("took a reaction back")
    elif message.kind == "revoke" or bubble.withdrawn:
        _withdraw(bubble)
    else:
        _fill(bubble, message)
    return bubble


def _withdraw(bubble: Bubble) -> None:
    bubble.withdrawn = True
    bubble.unsupported = (
        _("Withdrawn by our side.") if bubble.message.direction == Message.Direction.OUT else _("Withdrawn by the customer.")
    )


def _explain(bubble: Bubble, connection: Connection) -> None:
    """A failure in words and what to do; also of a send that is tried again later."""
    message = bubble.message
    tried = message.attempts or message.error_code in wording.WAITS_FOR_CONNECTION
    if bubble.tick == "failed" or (bubble.tick == "clock" and message.error_code and tried):
        bubble.problem, bubble.advice = wording.failure(connection, message)
        bubble.until = message.due_at if bubble.tick == "clock" else None


def _marks(message: Message) -> list[tuple[str, str]]:
    """Small signs under a bubble: where it came from when that was not the ordinary way."""
    content = message.content
    marks = []
    if content.get("standby"):
        marks.append(("support_agent", _("held by the platform's agent")))
    if content.get("history"):
        marks.append(("history", _("from the phone's history")))
    if content.get("group_id") or content.get("room_id"):
        marks.append(("groups", _("in a group")))
    if content.get("frequently_forwarded"):
        marks.append(("forward", _("forwarded many times")))
    elif content.get("forwarded"):
        marks.append(("forward", _("forwarded")))
    if product := shapes.product_of(content):
        marks.append(("shopping_bag", _("about %(product)s") % {"product": product}))
    return marks


def _fill(bubble: Bubble, message: Message) -> None:
    content = message.content
    bubble.earlier = shapes.earlier_of(content)
    bubble.referral = shapes.referral_of(content.get("referral"))
    bubble.kind = _kind(message)
    words = message.text or shapes.text_of(content.get("caption") or content.get("altText") or content.get("alt_text"))
    if message.kind == "location":
        bubble.place = shapes.place_of(content)
        words = "" if bubble.place else words
    elif message.kind == "contacts":
        bubble.cards = shapes.cards_of(content)
        words = "" if bubble.cards else words
    elif message.kind == "order":
        bubble.order = shapes.order_of(content)
        words = "" if bubble.order else words
    elif message.kind == "interactive":
        _fill_interactive(bubble, content)
    elif message.kind == "template":
        bubble.choices = shapes.products_of(content)
    elif message.kind == "unsupported" and not words:
        bubble.unsupported = _unsupported(content)
    elif message.kind == "sticker" and not words:
        words = ", ".join(filter(None, map(shapes.text_of, content["keywords"][:5]))) if isinstance(content.get("keywords"), list) else ""
    bubble.words = shown(words)


def _fill_interactive(bubble: Bubble, content: dict[str, Any]) -> None:
    if bubble.ours:
        bubble.choices = shapes.choices_of(content)
    else:
        bubble.answers = shapes.answers_of(content)
        description = shapes.text_of(content.get("description"))
        bubble.answers += [("", description)] if description else []


def _unsupported(content: dict[str, Any]) -> str:
    """What the platform calls the thing that we cannot show."""
    kind = shapes.text_of(content.get("platform_type")) or shapes.text_of(content.get("type")) or _("unknown")
    sentence = _("Something that cannot be shown here (%(kind)s). Please ask the customer for it in another form.") % {"kind": kind}
    return " ".join(filter(None, [sentence, shapes.errors_of(content)]))


def _kind(message: Message) -> str:
    """A line above the words for what is more than words."""
    if message.kind == "template":
        return " ".join(filter(None, [_("Template"), shapes.text_of(message.content.get("name"))]))
    if message.kind == "button" or (message.kind == "interactive" and message.direction == Message.Direction.IN):
        return _("Filled a form") if isinstance(message.content.get("response"), dict) else _("Answer")
    if message.kind == "edit":
        return _("Changed to")
    if message.kind in {"text", "interactive", "location", "unsupported", *FILE_KINDS}:
        return ""
    return capfirst(wording.kind_name(message.kind))


def shown(text: str) -> str:
    """A customer's words as HTML: escaped, web addresses as links, lines as lines. Nothing without '.', ':' or '@' can hold an address."""
    if not text:
        return ""
    linked = urlizetrunc(text, LINK_LENGTH) if "." in text or ":" in text or "@" in text else text
    return linebreaksbr(linked)


def received(row: Attachment, url: str) -> File:
    waiting = row.state == Attachment.State.WAITING
    return File(
        url,
        shape(row.kind),
        row.filename,
        row.state,
        row.size,
        plain(row.last_error),
        row.pk,
        row.due_at if waiting and row.attempts else None,
    )


def shape(kind: str) -> str:
    return kind if kind in {"image", "sticker", "audio", "video"} else "document"


def missing_file(message: Message) -> str:
    """Why there is nothing to fetch although the message is a file; empty for others."""
    elsewhere = message.kind == "sticker" or message.content.get("external")
    if message.kind not in FILE_KINDS or message.direction != Message.Direction.IN or elsewhere:
        return ""
    reason = shapes.errors_of(message.content)
    return " ".join(filter(None, [_("The platform did not hand this file over."), reason]))
