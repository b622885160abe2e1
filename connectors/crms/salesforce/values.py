"""Values as Salesforce's JSON wants and gives them, and the version of a record. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from connectors.crms.salesforce.objects import DESCRIPTION_LIMIT
from connectors.timestamps import moment
from connectors.untrusted import Json, as_text, clean_text, fingerprint

CUT = " […]"
# Columns that move although nobody changed the record.
_RESTLESS = frozenset({"LastViewedDate", "LastReferencedDate", "SystemModstamp", "LastModifiedDate", "LastModifiedById"})


def to_theirs(value: Any, kind: str = "") -> Any:
    """A value for a field of Salesforce's type `kind` ('' when unknown). An empty text clears, and to clear is null there."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | int | float):
        return float(value)
    if isinstance(value, list | tuple | set | frozenset):
        parts = [str(to_theirs(item)) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
        return ";".join(parts) or None
    return _text_to_theirs(clean_text(str(value)), kind)


def _text_to_theirs(value: str, kind: str) -> Any:
    if kind == "boolean" and value in {"true", "false"}:
        return value == "true"
    if kind == "date" and "T" in value and (at := moment(value)):
        return at.date().isoformat()
    if kind == "textarea" and len(value) > DESCRIPTION_LIMIT:
        return value[: DESCRIPTION_LIMIT - len(CUT)] + CUT
    return value


def from_theirs(value: Any, kind: str) -> Any:
    """A value as it is read, in the form in which it would be written."""
    if kind == "datetime" and (at := moment(value)):
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if kind == "multipicklist" and isinstance(value, str):
        return value.split(";")
    return value


def version_of(record: Json, writable: Collection[str]) -> str:
    """The time of modification, and a print of what people can write.

    The time alone has whole seconds: an edit in the second of our own write would look like ours.
    """
    content = {name: record.get(name) for name in sorted(writable) if name not in _RESTLESS}
    return f"{as_text(record.get('SystemModstamp'))}~{fingerprint(content)[:16]}"


def content_of(version: str) -> str:
    """The part of a version that only an edit changes."""
    return version.rpartition("~")[2]


def fields_of(record: Json, types: Mapping[str, str]) -> Json:
    return {name: from_theirs(value, types.get(name, "")) for name, value in record.items() if name != "attributes"}
