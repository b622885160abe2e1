"""Rows of a REST server as our changes, and our fields as the body that it wants."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from connectors.contracts import Change, Write
from connectors.crms.rest import pointers
from connectors.crms.rest.definition import KindSetup, ValueType
from connectors.errors import Rejected
from connectors.timestamps import moment
from connectors.untrusted import Json, as_text, clean, clean_text, fingerprint

# Under this name everybody looks for our key, wherever the server keeps it.
OWN_KEY = "scrm_id"

# Stands in none of our keys.
_KIND_ENDS = "/"
_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")


def id_of(setup: KindSetup, row: Any) -> str:
    """The record's id, '' when the row has none."""
    return as_text(pointers.get(row, setup.id))[:100]


def key_of(setup: KindSetup, row: Any) -> str:
    """Our key in the row, '' where it has none or is of another kind."""
    found = as_text(pointers.get(row, setup.key)) if setup.key else ""
    if not setup.shared:
        return found
    kind, slash, key = found.rpartition(_KIND_ENDS)
    return key if kind == _marked(setup) and (slash or not kind) else ""


def key_there(setup: KindSetup, key: str) -> str:
    """Our key as it stands over there: with its kind where several stand in one list. A contact's is a number alone."""
    marked = _marked(setup) if setup.shared else ""
    return f"{marked}{_KIND_ENDS}{key}" if marked else key


def is_of_kind(setup: KindSetup, row: Any) -> bool:
    """False for a row in a list of several kinds that carries a key of another kind of ours."""
    found = as_text(pointers.get(row, setup.key)) if setup.key and setup.shared else ""
    return not found or bool(key_of(setup, row))


def _marked(setup: KindSetup) -> str:
    return "" if setup.kind == "contact" else setup.kind


def modified_of(setup: KindSetup, row: Any) -> datetime | None:
    """When the row changed, None when it does not say. Times without a zone are the server's; some servers send a time in parts."""
    value = pointers.get(row, setup.modified) if setup.modified else None
    if isinstance(value, dict):
        value = _from_parts(value)
    if isinstance(value, str) and setup.zone != "UTC":
        value = _in_zone(value, ZoneInfo(setup.zone))
    return moment(value) if isinstance(value, str | int | float | datetime) else None


def _in_zone(text: str, zone: ZoneInfo) -> str | datetime:
    """An hour that clocks show twice is the later one: then nothing of it is taken for old."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    return found if found.tzinfo else found.replace(tzinfo=zone, fold=1)


def _from_parts(parts: Json) -> str:
    numbers = [parts.get(name, 0) for name in _PARTS]
    try:
        return datetime(*numbers).replace(tzinfo=UTC).isoformat()  # noqa: DTZ001 - the zone follows
    except (TypeError, ValueError, OverflowError):
        return ""


def change_of(setup: KindSetup, row: Json) -> Change:
    """Fields are the leaves of the row under their pointers, as texts, and our key under its own name; of an order its lines as well."""
    fields: Json = {name: shown(value) for name, value in pointers.leaves(row).items()}
    if setup.kind == "order":
        fields |= {
            name: [{key: shown(value) for key, value in each.items()} for each in rows] for name, rows in pointers.tables(row).items()
        }
    if setup.key:
        fields[OWN_KEY] = key_of(setup, row)
    return Change(setup.kind, id_of(setup, row), version_of(setup, row), modified_of(setup, row), fields)


def shown(value: Any) -> str | list[str]:
    """A value as the text that we compare: true, 12.5, '' for null, lists item by item, what holds more as its JSON's fingerprint."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return [text for text in map(shown, value) if isinstance(text, str)]
    if isinstance(value, dict):
        return fingerprint(value)[:16] if value else ""
    return as_text(value)


def version_of(setup: KindSetup, row: Any) -> str:
    """The time of modification and a fingerprint: two edits within the server's resolution are two versions."""
    at = modified_of(setup, row)
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else ""
    return f"{stamp}#{fingerprint(clean(row))[:16]}"


def same_version(one: str, other: str) -> bool:
    """Whether two versions can be the same state: a list may show fewer fields than an item, so the time decides where there is one."""
    (at, print_), (other_at, other_print) = (each.partition("#")[::2] for each in (one, other))
    return at == other_at if at and other_at else print_ == other_print


# --- bodies ---------------------------------------------------------------------------------------------------------


def fields_of(setup: KindSetup, write: Write) -> dict[str, Any]:
    """What the record shall hold, by pointer, in the types that the set-up names. Raises `Rejected` for a value that does not fit."""
    wanted = {_as_pointer(name): typed(setup, name, value) for name, value in write.fields.items()}
    for link in write.links:
        if link.kind in setup.links:
            wanted[_as_pointer(setup.links[link.kind])] = typed(setup, setup.links[link.kind], link.id)
    if setup.key:
        wanted[_as_pointer(setup.key)] = typed(setup, setup.key, key_there(setup, write.key))
    return wanted


def _as_pointer(name: str) -> str:
    try:
        return pointers.pointer(pointers.tokens(name))
    except pointers.BadPointer as error:
        raise Rejected(f"The field mapping is no pointer: {error}") from None


def typed(setup: KindSetup, name: str, value: Any) -> Any:
    kind: ValueType = setup.types.get(name) or setup.types.get(_as_pointer(name)) or ("list" if isinstance(value, list | tuple) else "text")
    try:
        return _typed(kind, value)
    except (ValueError, InvalidOperation, OverflowError):
        raise Rejected(f"{name}: {text_of(value)[:60]!r} is no {kind}") from None


def _typed(kind: ValueType, value: Any) -> Any:
    if kind == "list":
        return [text_of(each) for each in value] if isinstance(value, list | tuple | set) else [text_of(value)] if text_of(value) else []
    text = text_of(value)
    if kind in {"text", "joined"}:
        return text
    if text == "":
        return None
    if kind == "boolean":
        if text.lower() not in {"true", "false", "1", "0", "yes", "no"}:
            raise ValueError(text)
        return text.lower() in {"true", "1", "yes"}
    number = Decimal(text)
    if not number.is_finite() or (kind == "integer" and number != number.to_integral_value()):
        raise ValueError(text)
    return int(number) if kind == "integer" or number == number.to_integral_value() else float(number)


def text_of(value: Any) -> str:
    """One value as text; several are joined by a semicolon."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple | set | frozenset):
        return ";".join(map(text_of, value))
    return clean_text(str(value))


def holds(record: Any, wanted: dict[str, Any]) -> list[str]:
    """The pointers at which a record does not hold what was wanted. 12.50 and 12.5 are one number."""
    return [name for name, value in wanted.items() if not _same(pointers.get(record, name), value)]


def _same(found: Any, wanted: Any) -> bool:
    if found is pointers.MISSING:
        return wanted in ("", None, [])
    one, other = shown(found), shown(wanted)
    if one == other or isinstance(one, list) or isinstance(other, list):
        return one == other
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def new_body(setup: KindSetup, wanted: dict[str, Any]) -> Any:
    """The body that makes the record."""
    body: Any = {}
    for name, value in {**setup.constants, **wanted}.items():
        body = _put(body, name, copy.deepcopy(value))
    return wrapped(setup, body)


def changed_body(setup: KindSetup, wanted: dict[str, Any], record: Any) -> Any:
    """The body that changes the record: all of it when an update replaces it, else the members that the fields lie in, complete."""
    whole = copy.deepcopy(record) if isinstance(record, dict) else {}
    for name, value in wanted.items():
        whole = _put(whole, name, value)
    if setup.whole:
        return wrapped(setup, whole)
    members = {pointers.tokens(name)[0] for name in wanted if pointers.tokens(name)}
    return wrapped(setup, {name: whole[name] for name in whole if name in members})


def _put(body: Any, name: str, value: Any) -> Any:
    try:
        return pointers.put(body, name, value)
    except pointers.BadPointer as error:
        raise Rejected(f"A field does not fit into the record: {error}") from None


def wrapped(setup: KindSetup, body: Any) -> Any:
    return pointers.put({}, setup.body_at, body) if setup.body_at else body
