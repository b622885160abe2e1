"""Small formats of the console's pages."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.contrib.auth.models import Group
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from scrm.commerce import money as money_words
from scrm.connections import sentences
from scrm.connections.models import ConnectionChange
from scrm.console import advice, channel_page, consent_sources, list_rows
from scrm.console.consent_sources import message_of
from scrm.contacts import repair_words
from scrm.contacts.models import Consent
from scrm.staff.models import User

register = template.Library()

# Icon, title and colour of each state of what we sent.
TICKS: dict[str, tuple[str, str | Promise, str]] = {
    **dict.fromkeys(("queued", "claimed", "sending"), ("schedule", gettext_lazy("To be sent"), "")),
    **dict.fromkeys(("accepted", "sent"), ("check", gettext_lazy("Sent"), "")),
    "delivered": ("done_all", gettext_lazy("Delivered"), ""),
    "read": ("done_all", gettext_lazy("Read"), "blue"),
    **dict.fromkeys(("failed", "expired"), ("error", gettext_lazy("Failed"), "red")),
    "blocked": ("block", gettext_lazy("Blocked by a rule"), "amber"),
    "unknown": ("help", gettext_lazy("Outcome unknown"), "amber"),
    "cancelled": ("cancel", gettext_lazy("Cancelled"), ""),
}


@register.filter
def tick(state: str) -> str:
    """The sign of a state beside a message of ours; drawn once a state and language, because pages hold hundreds of them."""
    return _drawn_tick(state, get_language() or "")


@lru_cache(maxsize=256)
def _drawn_tick(state: str, language: str) -> str:
    if state not in TICKS:
        return ""
    icon, title, colour = TICKS[state]
    return format_html('<span class="material-symbols-outlined tick {}" title="{}">{}</span>', colour, title, icon)


@register.filter
def heading(title: Any) -> str:
    """A part of the way to a page. Names of things begin with a capital; names that people gave, of files and users, stay as they are."""
    if not isinstance(title, Promise):
        return str(title)
    # Django's groups are our roles, and stand with the staff in the menu.
    theirs, ours = Group._meta, User._meta
    others = {str(theirs.verbose_name_plural): _("roles"), str(theirs.app_config.verbose_name): str(ours.app_config.verbose_name)}
    return capfirst(others.get(str(title), str(title)))


@register.filter(name="repair_words")
def repair_reason(stored: str) -> str:
    """Why a number could not be read, in the reader's language."""
    return repair_words.reason(stored)


@register.filter(name="consent_source")
def consent_source_name(source: str) -> str:
    return consent_sources.source_name(source)


@register.filter
def proof_message(row: Consent) -> int:
    """The message in which a consent was given or taken back; 0 when it was not a message."""
    return message_of(row)


@register.filter
def money(amount: Decimal, currency: str) -> str:
    return money_words.written(currency, amount)


@register.filter
def worded(text: str) -> str:
    """A sentence that background work stored, in the reader's language."""
    return sentences.worded(text)


@register.filter
def changed(change: ConnectionChange, side: str) -> str:
    """What stood `before` or `after` a change of a connection, in words."""
    return channel_page.value_name(change.kind, getattr(change, side))


@register.filter
def stamp(at: datetime | None) -> str:
    """A time as scripts read it. Many times faster than the date filter's formats."""
    return at.isoformat(timespec="seconds") if at else ""


@register.filter
def list_time(at: datetime | None) -> str:
    """The clock for today, the day and month for this year, else the date."""
    if at is None:
        return ""
    local, today = timezone.localtime(at), timezone.localdate()
    if local.date() == today:
        return f"{local:%H:%M}"
    return date_format(local, "MONTH_DAY_FORMAT" if local.year == today.year else "SHORT_DATE_FORMAT")


@register.filter
def day_name(day: date) -> str:
    """Today, yesterday, or the weekday with its date."""
    today = timezone.localdate()
    if day == today:
        return _("Today")
    if (today - day).days == 1:
        return _("Yesterday")
    return f"{date_format(day, 'MONTH_DAY_FORMAT' if day.year == today.year else 'DATE_FORMAT')} ({date_format(day, 'D')})"


@register.filter
def moment(at: datetime) -> str:
    """Weekday, day, month and clock in the reader's order, for times within a few days or weeks."""
    local = timezone.localtime(at)
    return f"{date_format(local, 'MONTH_DAY_FORMAT')} ({date_format(local, 'D')}) {date_format(local, 'H:i')}"


@register.filter
def web_link(url: Any) -> str:
    """The address when it leads to the web, else nothing: a `javascript:` link of a stranger must not become one of ours."""
    text = str(url or "").strip()
    return text if urlsplit(text).scheme in {"http", "https"} else ""


@register.filter
def initials(name: str) -> str:
    """One or two letters for a round badge; the family name's character for Chinese and Japanese names."""
    words = [word for word in str(name).split() if word[0].isalnum()]
    if not words:
        return "#"
    return words[0][0] if ord(words[0][0]) > 0x2E80 else "".join(word[0] for word in words[:2]).upper()


@register.simple_tag
def older_rows(changes: Any) -> str:
    """A link to the rows after those that a capped list counts, along the field that the list runs backwards by."""
    field, rows = getattr(changes.model_admin, "older_by", ""), list(changes.result_list)
    if not field or not rows:
        return ""
    value = getattr(rows[-1], field)
    mark = value.isoformat() if isinstance(value, datetime) else value
    return str(changes.get_query_string({f"{field}__lt": mark}, ["p"]))


@register.simple_tag
def page_follows(changes: Any) -> bool:
    """Whether there is a next page; of a list that was not counted, whether this page is full."""
    pages = changes.paginator
    return bool(changes.page_num < pages.num_pages and (pages.known or len(changes.result_list) == pages.per_page))


@register.simple_tag(takes_context=True)
def drawn_here(context: Any, changes: Any) -> bool:
    """True when `list_rows` can draw this list; the theme draws the others."""
    return list_rows.can_draw(changes, context.get("actions_row"))


@register.simple_tag
def empty_words(changes: Any) -> tuple[str, str, bool]:
    """Heading and advice for a list without rows, and whether there is a search or a filter to reset."""
    asked = {name: value[-1] if isinstance(value, list) else value for name, value in changes.get_filters_params().items()}
    query = str(changes.query or "")
    return (*advice.of_list(changes.opts.label_lower, asked, query), bool(asked or query))


@register.simple_tag
def list_head(changes: Any) -> str:
    return list_rows.head(changes)


@register.simple_tag
def list_body(changes: Any) -> str:
    return format_html_join("", "{}", ((row,) for row in list_rows.rows(changes)))
