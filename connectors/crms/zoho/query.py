"""COQL, Zoho's query language. Strings stand in single quotes, and a quote within is doubled."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from connectors.errors import Rejected
from connectors.untrusted import clean_text

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def name(text: str) -> str:
    """The API name of a module or field. Raises `Rejected` for anything else: it would be read as part of the query."""
    if not _NAME.fullmatch(text):
        raise Rejected(f"{text[:100]!r} is no API name of Zoho's")
    return text


def literal(value: str) -> str:
    """The value as a string of a query; control characters, which no query can hold, become spaces."""
    return "'" + _CONTROL.sub(" ", clean_text(value)).replace("'", "''") + "'"


def stamp(moment: datetime) -> str:
    """A time as Zoho compares it: whole seconds with an offset."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()


def changed(module: str, since: datetime | None, until: datetime, last: str, limit: int) -> str:
    """Ids and times of what changed in the closed window [since, until], in the order of the ids, after `last`. Criteria go in pairs."""
    upper = f"Modified_Time <= {literal(stamp(until))}"
    window = f"(Modified_Time >= {literal(stamp(since))} and {upper})" if since else upper
    where = f"({window} and id > {literal(last or '0')})"
    return f"select id, Modified_Time from {name(module)} where {where} order by id asc limit {limit}"  # noqa: S608 - not SQL; escaped
