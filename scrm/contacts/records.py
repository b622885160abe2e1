"""The fields of a person as they lie in their record: read and written one by one, in the form that JSON holds.

A date is its ISO form, a user their id, an empty field '' or None. `custom.<key>` are the further fields.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from scrm.contacts.fields_rules import ASSUMED, PERSON, Standing, Value, entry_of, is_blank
from scrm.contacts.models import Contact
from scrm.core.security import storable
from scrm.core.zones import check_time_zone

CUSTOM = "custom."
TEXTS = ("name", "company", "language", "country", "time_zone", "priority", "notes", "address", "city", "state", "postal_code")
PERSON_FIELDS = (*TEXTS, "owner", "birthday")
LONGEST_KEY = 60 - len(CUSTOM)
LONGEST_CUSTOM = 2000
_SEARCHED = frozenset({"name", "company"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_COLUMN = {"owner": "owner_id"}
_LENGTHS = {name: Contact._meta.get_field(name).max_length for name in TEXTS}  # type: ignore[union-attr]
_DEFAULTS: dict[str, Value] = {"priority": Contact.Priority.NORMAL.value}


class Unfit(Exception):
    """A value that the field cannot hold; the message says why, in the reader's language."""


def ms(at: datetime) -> int:
    """Whole milliseconds since 1970."""
    return (at - _EPOCH) // _MILLISECOND


def at_of(stamp: int) -> datetime:
    return _EPOCH + stamp * _MILLISECOND


def is_field(name: str) -> bool:
    return name in PERSON_FIELDS or (name.startswith(CUSTOM) and len(CUSTOM) < len(name) <= len(CUSTOM) + LONGEST_KEY)


def column_of(name: str) -> str:
    """The model's field that holds it."""
    return "custom" if name.startswith(CUSTOM) else name


def fields_of(contact: Contact) -> list[str]:
    """All fields that this record has or that something was said of."""
    further = {CUSTOM + key for key in contact.custom or {}} | {name for name in contact.provenance or {} if name.startswith(CUSTOM)}
    return [*PERSON_FIELDS, *sorted(further)]


def value_of(contact: Contact, name: str) -> Value:
    if name.startswith(CUSTOM):
        return (contact.custom or {}).get(name.removeprefix(CUSTOM))
    value = getattr(contact, _COLUMN.get(name, name))
    return value.isoformat() if isinstance(value, date) else value


def put_value(contact: Contact, name: str, value: Value) -> None:
    if name.startswith(CUSTOM):
        rest = {key: said for key, said in (contact.custom or {}).items() if key != name.removeprefix(CUSTOM)}
        contact.custom = rest if value is None else {**rest, name.removeprefix(CUSTOM): value}
    elif name == "birthday":
        contact.birthday = date.fromisoformat(value) if value else None
    elif name == "owner":
        contact.owner_id = value
    else:
        setattr(contact, name, value or "")


def standing_of(contact: Contact, name: str) -> Standing:
    """The field as the record itself has it."""
    return Standing(value_of(contact, name), entry_of((contact.provenance or {}).get(name)), ms(contact.created_at), _DEFAULTS.get(name))


def put_standing(contact: Contact, name: str, standing: Standing) -> None:
    put_value(contact, name, standing.value)
    rest = {field: said for field, said in (contact.provenance or {}).items() if field != name}
    contact.provenance = {**rest, name: standing.entry.as_json()} if standing.entry else rest or None


def note_making(contact: Contact, *, source: str, at: datetime, by: str = "", assumed: Collection[str] = ()) -> None:
    """Say of a new record, before it is written, where all that it holds comes from. `assumed`: fields that nobody stated."""
    values = {name: value_of(contact, name) for name in fields_of(contact)}
    contact.provenance = made_of(values, source=source, at=at, by=by, assumed=assumed)


def made_of(
    values: Mapping[str, Value], *, source: str, at: datetime, by: str = "", assumed: Collection[str] = ()
) -> dict[str, dict[str, Any]] | None:
    """The provenance of a new record that holds these values. As `Entry.as_json` has it; without the objects, for thousands at once."""
    stamp = ms(at)
    said: dict[str, Any] = {"source": source, "at": stamp, "by": by} if by else {"source": source, "at": stamp}
    is_seen = source != PERSON
    found: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if (not value and is_blank(value)) or value == _DEFAULTS.get(name):
            continue
        if name in assumed:
            found[name] = {"source": ASSUMED, "at": stamp}
        else:
            found[name] = {**said, "seen": {source: [value, stamp]}} if is_seen else dict(said)
    return found or None


def cleaned(name: str, value: Any) -> Value:
    """The value in the form that it is stored in. Raises `Unfit` in words."""
    value = storable(value.strip() if isinstance(value, str) else value)
    if name.startswith(CUSTOM):
        return _custom(value)
    if name == "birthday":
        return _birthday(value)
    if name == "owner":
        return _owner(value)
    if is_blank(value):
        return _DEFAULTS.get(name, "")
    text = str(value)
    longest = _LENGTHS[name]
    if longest and len(text) > longest:
        raise Unfit(_("longer than the %(longest)d characters that fit") % {"longest": longest})
    return _chosen(name, text)


def _chosen(name: str, text: str) -> str:
    if name == "priority" and text not in Contact.Priority.values:
        raise Unfit(_("must be one of %(names)s") % {"names": ", ".join(Contact.Priority.values)})
    if name == "time_zone":
        try:
            check_time_zone(text)
        except ValidationError as error:
            raise Unfit(" ".join(error.messages)) from None
    return text.upper() if name == "country" else text


def _custom(value: Any) -> Value:
    if isinstance(value, date):
        return value.isoformat()
    if value is not None and not isinstance(value, str | int | float | bool | list):
        raise Unfit(_("cannot be stored as a field: %(value)s") % {"value": str(value)[:80]})
    if isinstance(value, str) and len(value) > LONGEST_CUSTOM:
        raise Unfit(_("longer than the %(longest)d characters that fit") % {"longest": LONGEST_CUSTOM})
    return None if is_blank(value) else value


def _birthday(value: Any) -> Value:
    if is_blank(value):
        return None
    if isinstance(value, datetime):
        value = value.date()
    try:
        return (value if isinstance(value, date) else date.fromisoformat(str(value))).isoformat()
    except ValueError:
        raise Unfit(_("not a date such as 1990-12-31: %(value)s") % {"value": str(value)[:40]}) from None


def _owner(value: Any) -> Value:
    if is_blank(value):
        return None
    if isinstance(value, int):
        return value
    pk = getattr(value, "pk", None)
    if not isinstance(pk, int):
        raise Unfit(_("not a user: %(value)s") % {"value": str(value)[:40]})
    return pk


def label_of(name: str) -> str:
    """What people call the field."""
    if name.startswith(CUSTOM):
        return name.removeprefix(CUSTOM)
    return capfirst(str(Contact._meta.get_field(name).verbose_name))  # type: ignore[union-attr]


def is_searched(names: Collection[str]) -> bool:
    """Whether people are found by one of these fields."""
    return not _SEARCHED.isdisjoint(names)
