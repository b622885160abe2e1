"""Records as HubSpot words them, and values as it wants them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from connectors.contracts import Change
from connectors.timestamps import moment
from connectors.untrusted import Json, as_object, as_text, clean_text

KEY_PROPERTY = "scrm_id"
MODIFIED = {
    "contact": "lastmodifieddate",
    "communication": "hs_lastmodifieddate",
    "deal": "hs_lastmodifieddate",
    "case": "hs_lastmodifieddate",
    "order": "hs_lastmodifieddate",
    "product": "hs_lastmodifieddate",
    "line_item": "hs_lastmodifieddate",
}


def text_of(value: Any) -> str:
    """A value as HubSpot's string: '' clears, datetimes are ISO 8601 with milliseconds in UTC, several choices are joined by ';'."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple | set | frozenset):
        parts = [text_of(item) for item in value]
        return ";".join(sorted(parts) if isinstance(value, set | frozenset) else parts)
    return clean_text(str(value))


def change_of(kind: str, record: Json) -> Change:
    """A record as read. The version is its time of modification, to the millisecond."""
    properties = as_object(record.get("properties"))
    stamp = as_text(properties.get(MODIFIED[kind])) or as_text(record.get("updatedAt"))
    return Change(kind, as_text(record.get("id")), version_of(record), moment(stamp), properties)


def version_of(record: Json) -> str:
    return as_text(record.get("updatedAt"))
