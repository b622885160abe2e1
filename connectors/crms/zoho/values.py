"""Values as Zoho wants them by the type of the field, and records as it words them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.contracts import Change
from connectors.timestamps import moment
from connectors.untrusted import Json, as_text, clean_text

TAGS = "Tag"
MODIFIED = "Modified_Time"

_REAL = frozenset({"double", "currency", "decimal", "percent"})
_WHOLE = frozenset({"integer", "bigint", "long"})
_OTHERS = frozenset({"lookup", "ownerlookup", "userlookup"})
_SEVERAL = frozenset({"multiselectpicklist"})


def to_wire(value: Any, data_type: str) -> Any:
    """The value for a field of this type; null clears. What does not fit the type goes as it is, and Zoho says why it refuses it."""
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value)):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        parts = [_text(each) for each in (sorted(map(_text, value)) if isinstance(value, set | frozenset) else value)]
        return parts if data_type in _SEVERAL else ";".join(parts) or None
    if data_type in _SEVERAL:
        return [part.strip() for part in _text(value).split(";") if part.strip()]
    if value is None or value == "":
        return None
    return _single(value, data_type)


def _single(value: Any, data_type: str) -> Any:
    text = _text(value)
    if data_type in _REAL:
        return _number(text)
    if data_type in _WHOLE:
        return int(text) if text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 19 else text
    if data_type == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if data_type == "datetime":
        found = moment(text)
        return stamped(found) if found else text
    if data_type == "date":
        return text[:10]
    return {"id": text} if data_type in _OTHERS else text


def _number(text: str) -> float | str:
    try:
        number = float(Decimal(text))
    except (InvalidOperation, OverflowError):
        return text
    return number if math.isfinite(number) else text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return stamped(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else clean_text(str(value))


def stamped(when: datetime) -> str:
    """Whole seconds with an offset: Zoho knows no milliseconds."""
    return when.astimezone(UTC).replace(microsecond=0).isoformat()


def version_of(stamp: Any) -> str:
    """The time of modification in UTC, so that one moment is one version whatever offset the user's zone has. '' when unreadable."""
    found = moment(stamp) if isinstance(stamp, str) else None
    return stamped(found) if found else ""


def change_of(kind: str, record: Json, types: dict[str, str]) -> Change:
    """A record as read. Lookups become the other's id, tags their names, times UTC with milliseconds; empty fields are None."""
    fields = {name: _from_wire(name, value, types.get(name, "")) for name, value in record.items() if not name.startswith("$")}
    return Change(kind, as_text(record.get("id")), version_of(record.get(MODIFIED)), moment(version_of(record.get(MODIFIED))), fields)


def _from_wire(name: str, value: Any, data_type: str) -> Any:
    if name == TAGS:
        return tag_names(value)
    if isinstance(value, dict) and "id" in value:
        return as_text(value["id"])
    if isinstance(value, str) and (data_type == "datetime" or name in {MODIFIED, "Created_Time"}):
        found = moment(value)
        return found.isoformat(timespec="milliseconds").replace("+00:00", "Z") if found else value
    return value


def tag_names(value: Any) -> list[str]:
    """The names of tags, given as Zoho words them, as a list of names, or as one text."""
    if isinstance(value, str):
        given: list[Any] = value.split(";")
    else:
        given = [each.get("name") if isinstance(each, dict) else each for each in value] if isinstance(value, list | tuple) else []
    return list(dict.fromkeys(text.strip() for text in map(as_text, given) if text.strip()))
