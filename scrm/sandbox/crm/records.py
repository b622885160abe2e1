"""Every write to a record, through the API or by hand, goes through here; each leaves a row in the log of writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, router, transaction
from django.db.models import Q

from .models import Association, Record, UniqueValue, Write
from .properties import clean, definitions, normalise_unique, unique_names
from .schema import DEALS, LINE_ITEMS, PIPELINES, PRODUCTS, TAKEN_FROM_PRODUCT, TICKETS, ObjectType, Property
from .wire import ApiError, Json, invalid, iso, not_found, now

UNIQUE_ID = "scrm_id"
PREVIEW_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Actor:
    """Who writes: an app through the API (INTEGRATION) or a person on the page (CRM_UI)."""

    name: str
    source: str
    correlation_id: str = ""
    trace_id: str = ""


def atomic() -> transaction.Atomic:
    """A transaction, or a savepoint within one, on the sandbox's database."""
    return transaction.atomic(using=router.db_for_write(Record))


def find(kind: ObjectType, record_id: str, *, id_property: str = "", archived: bool = False) -> Record:
    """A record by id or by the value of a unique property. The id of a merged record leads to its survivor. 404 otherwise."""
    found = _by_unique(kind, id_property, record_id) if id_property and id_property != "hs_object_id" else _by_id(kind, record_id)
    if found is None or found.archived != archived:
        raise not_found(record_id)
    return found


def _by_id(kind: ObjectType, record_id: str) -> Record | None:
    if not (record_id.isascii() and record_id.isdigit() and len(record_id) < 19):
        return None
    found = Record.objects.filter(object_type=kind.name, pk=int(record_id)).first()
    while found is not None and found.merged_into is not None:
        found = found.merged_into
    return found


def _by_unique(kind: ObjectType, name: str, value: str) -> Record | None:
    known = definitions(kind).get(name)
    if known is None or not known.unique:
        raise invalid(f"Property '{name}' of {kind.name} is not a unique identifier property")
    row = UniqueValue.objects.filter(object_type=kind.name, name=name, value=normalise_unique(value)).select_related("record").first()
    return row.record if row else None


def create(kind: ObjectType, values: object, *, by: Actor) -> Record:
    """A new record. 400 for wrong or missing properties, 409 when a unique value is taken."""
    known = definitions(kind)
    cleaned = {name: value for name, value in clean(known, values).items() if value}
    missing = [name for name in kind.required if name not in cleaned]
    if missing:
        raise invalid(f"Error creating {kind.name}. Some required properties were not set.", context={"properties": missing})
    if kind is LINE_ITEMS:
        cleaned = {**_of_product(cleaned.get("hs_product_id", "")), **cleaned}
    _complete(kind, cleaned)
    moment = now()
    with atomic():
        record = Record.objects.create(object_type=kind.name, properties=cleaned, created_at=moment, updated_at=moment)
        _claim(record, known, cleaned)
        log(record, "create", by=by, changes={name: ["", value] for name, value in cleaned.items()})
    return record


def update(record: Record, values: object, *, kind: ObjectType, by: Actor) -> Record:
    """Change properties; what is not named stays, an empty string clears. Without a difference the times stay as they are."""
    known = definitions(kind)
    cleaned = clean(known, values)
    changes = {
        name: [record.properties.get(name, ""), value] for name, value in cleaned.items() if record.properties.get(name, "") != value
    }
    with atomic():
        if changes:
            merged = {**record.properties, **{name: value for name, (_, value) in changes.items()}}
            record.properties = {name: value for name, value in merged.items() if value}
            _complete(kind, record.properties)
            _touch(record)
            _claim(record, known, {name: value for name, (_, value) in changes.items()})
        log(record, "update", by=by, changes=changes)
    return record


def upsert(kind: ObjectType, key: str, id_property: str, values: object, *, by: Actor) -> tuple[Record, bool]:
    """(record, whether it is new), found by the value of a unique property, which a new record then carries."""
    if not isinstance(values, dict):
        raise invalid("Invalid input JSON: properties must be an object")
    if not key:
        raise invalid(f"The value of {id_property} must not be empty")
    found = _by_unique(kind, id_property, key)
    if found is not None:
        return update(found, values, kind=kind, by=by), False
    return create(kind, {id_property: key, **values}, by=by), True


def put(record: Record, name: str, value: str) -> None:
    """A value that the CRM works out by itself."""
    record.properties = {**record.properties, name: value}
    _touch(record)


def archive(record: Record, *, by: Actor) -> None:
    """Put a record into the bin. Its unique values become free. Twice is once."""
    if record.archived:
        return
    with atomic():
        record.archived, record.archived_at = True, now()
        record.save(update_fields=["archived", "archived_at"])
        record.unique_values.all().delete()
        Association.objects.filter(Q(from_record=record) | Q(to_record=record)).delete()
        log(record, "archive", by=by)


def erase(record: Record, *, by: Actor) -> None:
    """Remove a record and the values in its log for good; that it was erased stays on record."""
    with atomic():
        Write.objects.filter(object_type=record.object_type, record_id=record.pk).update(changes={}, scrm_id="")
        Write.objects.create(
            at=now(), actor=by.name, source=by.source, action="erase", object_type=record.object_type,
            record_id=record.pk, correlation_id=by.correlation_id,
        )  # fmt: skip
        record.delete()


def merge(primary: Record, other: Record, *, kind: ObjectType, by: Actor) -> Record:
    """Join two records into a third with a new id; the primary's values win, its blanks are filled from the other.

    The old ids stay readable as the survivor and are listed in its hs_merged_object_ids. It cannot be undone.
    """
    if primary.pk == other.pk:
        raise invalid("A record cannot be merged with itself")
    moment = now()
    values = {**other.properties, **primary.properties}
    ids = [*_merged_ids(primary), *_merged_ids(other), str(primary.pk), str(other.pk)]
    values["hs_merged_object_ids"] = ";".join(dict.fromkeys(ids))
    with atomic():
        created_at = min(primary.created_at, other.created_at)
        survivor = Record.objects.create(object_type=kind.name, properties=values, created_at=created_at, updated_at=moment)
        for loser in (primary, other):
            _hand_over(loser, survivor)
        _claim(survivor, definitions(kind), values)
        log(survivor, "merge", by=by, changes={"hs_merged_object_ids": ["", values["hs_merged_object_ids"]]})
    return survivor


def _merged_ids(record: Record) -> list[str]:
    return [part for part in record.properties.get("hs_merged_object_ids", "").split(";") if part]


def _hand_over(loser: Record, survivor: Record) -> None:
    """The loser leaves the lists; its links go to the survivor, those that the survivor has already are dropped."""
    for link in Association.objects.filter(from_record=loser).exclude(to_record=survivor):
        Association.objects.get_or_create(
            from_record=survivor, to_record_id=link.to_record_id, type_id=link.type_id, defaults={"category": link.category}
        )
    for link in Association.objects.filter(to_record=loser).exclude(from_record=survivor):
        Association.objects.get_or_create(
            from_record_id=link.from_record_id, to_record=survivor, type_id=link.type_id, defaults={"category": link.category}
        )
    Association.objects.filter(Q(from_record=loser) | Q(to_record=loser)).delete()
    loser.unique_values.all().delete()
    loser.archived, loser.archived_at, loser.merged_into = True, survivor.updated_at, survivor
    loser.save(update_fields=["archived", "archived_at", "merged_into"])


def _touch(record: Record) -> None:
    """Save with a later modification time than before, also when two changes fall into one millisecond."""
    record.updated_at = max(now(), record.updated_at + timedelta(milliseconds=1))
    record.save(update_fields=["properties", "updated_at"])


def _claim(record: Record, known: Mapping[str, Property], values: Mapping[str, str]) -> None:
    """Hold the unique values among `values`; 409 when another live record has one."""
    for name in unique_names(known):
        if name not in values:
            continue
        record.unique_values.filter(name=name).delete()
        if values[name]:
            _claim_one(record, name, normalise_unique(values[name]))


def _claim_one(record: Record, name: str, value: str) -> None:
    try:
        with atomic():
            UniqueValue.objects.create(object_type=record.object_type, name=name, value=value, record=record)
    except IntegrityError as error:
        taken = UniqueValue.objects.get(object_type=record.object_type, name=name, value=value)
        raise _conflict(record.object_type, name, taken.record_id) from error


def _conflict(object_type: str, name: str, existing_id: int) -> ApiError:
    singular = object_type[:-1].capitalize()
    return ApiError(
        409, "CONFLICT", f"{singular} already exists. Existing ID: {existing_id}",
        context={"propertyName": [name], "existingObjectId": [str(existing_id)]},
    )  # fmt: skip


def _of_product(product_id: str) -> dict[str, str]:
    """{} without a product. 404 for one that is not there."""
    values = find(PRODUCTS, product_id).properties if product_id else {}
    return {name: values[name] for name in TAKEN_FROM_PRODUCT if name in values}


def _complete(kind: ObjectType, values: dict[str, str]) -> None:
    """The values that the CRM sets by itself: pipeline, first stage, preview of a text."""
    if kind is DEALS:
        values.setdefault("pipeline", PIPELINES["deals"][0])
        values.setdefault("dealstage", PIPELINES["deals"][2][0].id)
    if kind is TICKETS:
        values.setdefault("hs_pipeline", PIPELINES["tickets"][0])
    if "hs_communication_body" in values:
        values["hs_body_preview"] = values["hs_communication_body"][:PREVIEW_CHARACTERS]


def log(record: Record, action: str, *, by: Actor, changes: Mapping[str, list[str]] | None = None) -> None:
    Write.objects.create(
        at=now(), actor=by.name, source=by.source, action=action, object_type=record.object_type, record_id=record.pk,
        scrm_id=record.properties.get(UNIQUE_ID, ""), trace_id=by.trace_id, correlation_id=by.correlation_id, changes=dict(changes or {}),
    )  # fmt: skip


def write_json(row: Write) -> Json:
    """One line of the log of writes, as `/control/log` shows it."""
    return {
        "id": row.pk, "at": iso(row.at), "actor": row.actor, "source": row.source, "action": row.action,
        "object_type": row.object_type, "object_id": str(row.record_id), "scrm_id": row.scrm_id,
        "trace_id": row.trace_id, "correlation_id": row.correlation_id, "changes": row.changes,
    }  # fmt: skip
