"""Small formats of the console's pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def list_time(at: datetime | None) -> str:
    """The clock for today, the day and month for this year, else the date."""
    if at is None:
        return ""
    local, today = timezone.localtime(at), timezone.localdate()
    if local.date() == today:
        return date_format(local, "H:i")
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
