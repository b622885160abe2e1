"""Associations: of one record, and in batches of up to 100."""

from __future__ import annotations

from .. import associations
from ..gateway import Answer, Exchange
from ..properties import object_type
from ..records import find
from ..schema import ObjectType
from ..wire import Json, invalid, iso, not_found, now
from .batches import inputs_of, run


def put_default(exchange: Exchange, *, kind: str, record_id: str, to_kind: str, to_id: str) -> Answer:
    started = now()
    source, target = find(object_type(kind), record_id), find(object_type(to_kind), to_id)
    specs = associations.associate(source, target, by=exchange.actor)
    return 200, {"status": "COMPLETE", "results": specs, "startedAt": iso(started), "completedAt": iso(now())}


def put_typed(exchange: Exchange, *, kind: str, record_id: str, to_kind: str, to_id: str) -> Answer:
    """The body is a list of {associationCategory, associationTypeId}; this CRM knows the default types only."""
    own, other = object_type(kind), object_type(to_kind)
    _check_types(exchange.body.get("inputs"), own, other)
    source, target = find(own, record_id), find(other, to_id)
    associations.associate(source, target, by=exchange.actor)
    return 201, _created(source.pk, own, target.pk, other)


def _check_types(types: object, own: ObjectType, other: ObjectType) -> None:
    expected = associations.default_type(own, other)
    given = [entry.get("associationTypeId") for entry in types if isinstance(entry, dict)] if isinstance(types, list) else []
    if not given or any(type_id != expected for type_id in given):
        raise invalid(f"associationTypeId must be {expected} between {own.name} and {other.name}")


def _created(from_id: int, own: ObjectType, to_id: int, other: ObjectType) -> Json:
    return {
        "fromObjectTypeId": own.type_id, "fromObjectId": str(from_id),
        "toObjectTypeId": other.type_id, "toObjectId": str(to_id), "labels": [],
    }  # fmt: skip


def list_links(exchange: Exchange, *, kind: str, record_id: str, to_kind: str) -> Answer:
    return 200, {"results": associations.links_json(find(object_type(kind), record_id), object_type(to_kind))}


def remove(exchange: Exchange, *, kind: str, record_id: str, to_kind: str, to_id: str) -> Answer:
    source, target = find(object_type(kind), record_id), find(object_type(to_kind), to_id)
    associations.dissociate(source, target, by=exchange.actor)
    return 204, None


def labels(exchange: Exchange, *, kind: str, to_kind: str) -> Answer:
    type_id = associations.default_type(object_type(kind), object_type(to_kind))
    return 200, {"results": [{"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": None}]}


def _end(row: Json, name: str) -> str:
    end = row.get(name)
    if not isinstance(end, dict) or not end.get("id"):
        raise invalid(f"Invalid input JSON: {name}.id is missing")
    return str(end["id"])


def batch_default(exchange: Exchange, *, kind: str, to_kind: str) -> Answer:
    own, other = object_type(kind), object_type(to_kind)

    def one(row: Json) -> Json:
        source, target = find(own, _end(row, "from")), find(other, _end(row, "to"))
        return associations.associate(source, target, by=exchange.actor)[0]

    return run(exchange, one)


def batch_create(exchange: Exchange, *, kind: str, to_kind: str) -> Answer:
    own, other = object_type(kind), object_type(to_kind)

    def one(row: Json) -> Json:
        _check_types(row.get("types"), own, other)
        source, target = find(own, _end(row, "from")), find(other, _end(row, "to"))
        associations.associate(source, target, by=exchange.actor)
        return _created(source.pk, own, target.pk, other)

    return run(exchange, one, status=201)


def batch_read(exchange: Exchange, *, kind: str, to_kind: str) -> Answer:
    own, other = object_type(kind), object_type(to_kind)

    def one(row: Json) -> Json:
        links = associations.links_json(find(own, str(row.get("id", ""))), other)
        if not links:
            raise not_found(str(row.get("id", "")))
        return {"from": {"id": str(row["id"])}, "to": links}

    return run(exchange, one, reading=True)


def batch_archive(exchange: Exchange, *, kind: str, to_kind: str) -> Answer:
    own, other = object_type(kind), object_type(to_kind)
    for row in inputs_of(exchange):
        targets = row.get("to")
        if not isinstance(targets, list):
            raise invalid("Invalid input JSON: to must be a list")
        source = find(own, _end(row, "from"))
        for target in targets:
            associations.dissociate(source, find(other, _end({"to": target}, "to")), by=exchange.actor)
    return 204, None
