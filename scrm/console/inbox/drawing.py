"""HTML of what a page holds by the dozen: rows of the list, and the parts that every bubble has.

A template's tag takes some ten microseconds and a bubble would need forty of them; `format_html` escapes the same values in a tenth
of the time. What is rare stays in the templates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from scrm.console.inbox.abilities import Abilities
from scrm.console.inbox.answering import answering_words
from scrm.console.inbox.bubbles import Bubble
from scrm.console.inbox.finding import Found
from scrm.console.templatetags.console import list_time, stamp, tick
from scrm.conversations.models import Conversation, Message
from scrm.core import clock

NOTHING = SafeString("")
BUTTON = (
    '<button type="button" class="ix-icon" data-{}="{}" data-words="{}" aria-label="{}" title="{}">'
    '<span class="material-symbols-outlined">{}</span></button>'
)


def body(bubble: Bubble) -> SafeString:
    """The words, the choices offered, the line with the time and the state, the reactions."""
    words = format_html('<p class="ix-text">{}</p>', bubble.words) if bubble.words else NOTHING
    choices = NOTHING
    if bubble.choices:
        choices = format_html('<ul class="ix-choices">{}</ul>', format_html_join("", "<li>{}</li>", ((each,) for each in bubble.choices)))
    reactions = NOTHING
    if bubble.reactions:
        faces = format_html_join("", "<span>{}</span>", ((each,) for each in bubble.reactions))
        reactions = format_html('<p class="ix-reactions">{}</p>', faces)
    return format_html("{}{}{}{}", words, choices, _foot(bubble), reactions)


def _foot(bubble: Bubble) -> SafeString:
    edited = format_html("<span>{}</span>", _("edited")) if bubble.earlier else NOTHING
    signed = format_html("<span>{}</span>", bubble.signed) if bubble.signed else NOTHING
    state = tick(bubble.message.state) if bubble.ours else NOTHING
    return format_html('<footer>{}{}<time datetime="{}">{}</time>{}</footer>', edited, signed, bubble.stamp, bubble.clock, state)


@dataclass(frozen=True, slots=True)
class Tools:
    """The buttons beside a bubble, with their words in the reader's language."""

    react: str
    reply: str
    why: str
    why_address: str

    @classmethod
    def for_agents(cls, can: Abilities) -> Tools:
        react = _("React") if can.react else ""
        return cls(react, _("Reply to this message"), _("Why did this go, or not?"), reverse("console:why", args=[0]))

    def beside(self, bubble: Bubble) -> SafeString:
        message = bubble.message
        if bubble.notice or message.direction == Message.Direction.NOTE:
            return NOTHING
        answered = bubble.can_be_answered
        react = format_html(BUTTON, "react", message.pk, "", self.react, self.react, "add_reaction") if self.react and answered else NOTHING
        reply = format_html(BUTTON, "reply", message.external_id, bubble.excerpt, self.reply, self.reply, "reply") if answered else NOTHING
        why = NOTHING
        if bubble.ours:
            address = self.why_address.replace("/0/", f"/{message.pk}/")
            why = format_html(
                '<a class="ix-icon" href="{}" aria-label="{}" title="{}"><span class="material-symbols-outlined">gavel</span></a>',
                address,
                self.why,
                self.why,
            )
        return format_html('<span class="ix-on-hover">{}{}{}</span>', react, reply, why)


ROW = (
    '<a class="ix-row{}" id="c{}" data-id="{}" href="{}{}/?{}"><span class="ix-face" aria-hidden="true" data-hue="{}">{}</span>'
    '<span class="ix-who"><b>{}</b><time datetime="{}">{}</time></span><span class="ix-said">{}{}</span><span class="ix-meta">{}</span></a>'
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Draws the rows of one list. `on`: the open conversation. `query`: how a conversation is opened, so that the list stays."""

    root: str
    query: str
    on: int | None
    claims: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, queue: str, search: str, on: Conversation | None, claims: dict[int, str] | None = None) -> Rows:
        given = {"queue": queue, **({"q": search} if search else {})}
        return cls(reverse("console:inbox"), urlencode(given), on.pk if on else None, claims or {})

    def row(self, item: Found) -> SafeString:
        shown = item.conversation
        marks = f"{' unread' if shown.unread_count else ''}{' on' if shown.pk == self.on else ''}"
        return format_html(
            ROW,
            *(marks, shown.pk, shown.pk, self.root, shown.pk, self.query, item.hue, item.letters),
            *(shown.identity.contact, stamp(shown.last_message_at), list_time(shown.last_message_at)),
            *(_said(item), _unread(shown), _answering(self.claims.get(shown.pk, "")) + _meta(item)),
        )


def _said(item: Found) -> SafeString:
    if item.excerpt:
        return format_html('<span class="ix-words">“{}”</span>', item.excerpt)
    shown = item.conversation
    state = tick(shown.last_state) if shown.last_direction == "out" else NOTHING
    return format_html('{}<span class="ix-words">{}</span>', state, shown.last_preview)


def _unread(shown: Conversation) -> SafeString:
    if not shown.unread_count:
        return NOTHING
    return format_html('<span class="ix-badge" aria-label="{} {}">{}</span>', shown.unread_count, _("unread"), shown.unread_count)


def _meta(item: Found) -> SafeString:
    shown = item.conversation
    parts = [format_html("<span>{}</span>", item.channel)]
    if shown.assignee:
        parts.append(format_html("<span>{}</span>", shown.assignee))
    if shown.status == "closed":
        parts.append(format_html("<span>{}</span>", _("Closed")))
    elif shown.status == "snoozed":
        parts.append(format_html("<span>{} {}</span>", _("until"), list_time(shown.snoozed_until)))
    elif shown.waiting_since:
        parts.append(_waits(shown))
    if shown.identity.contact.priority == "high":
        parts.append(format_html('<span class="ix-high">{}</span>', _("High")))
    return format_html("{}" * len(parts), *parts)


def _answering(name: str) -> SafeString:
    if not name:
        return NOTHING
    icon = '<span class="ix-claimed" title="{}"><span class="material-symbols-outlined" aria-hidden="true">edit</span>{}</span>'
    return format_html(icon, answering_words(name), name)


def _waits(shown: Conversation) -> SafeString:
    since = list_time(shown.waiting_since)
    due = shown.due_now
    if due is not None and due < clock.now():
        return format_html(
            '<span class="ix-waits late" title="{} {}"><span class="material-symbols-outlined" aria-hidden="true">alarm</span>{} '
            '<time data-ago="{}">{}</time></span>',
            _("answer was due"),
            list_time(due),
            _("overdue"),
            stamp(due),
            list_time(due),
        )
    return format_html(
        '<span class="ix-waits"><span class="material-symbols-outlined" aria-hidden="true">hourglass_top</span>'
        '<time data-ago="{}" title="{} {}">{}</time></span>',
        stamp(shown.waiting_since),
        _("waiting since"),
        since,
        since,
    )
