"""Associations: of one record, and in batches of up to 100."""

from __future__ import annotations

from .. import associations
from ..faults import state
from ..gateway import Answer, Exchange
from ..properties import object_type
from ..records import find
from ..schema import LABELS, ObjectType
from ..wire import Json, invalid, iso, not_found, now
from .batches import inputs_of, run

ASSOCIATIONS_A_PAGE = 500


def put_default(exchange: Exchange, *, kind: str, record_id: str, to_kind: str, to_id: str) -> Answer:
    started = now()
    source, target = find(object_type(kind), record_id), find(object_type(to_kind), to_id)
    specs = associations.associate(source, target, by=exchange.actor)
    return 200, {"status": "COMPLETE", "results": specs, "startedAt": iso(started), "completedAt": iso(now())}


def put_typed(exchange: Exchange, *, kind: str, record_id: str, to_kind: str, to_id: str) -> Answer:
    """The body is a list of {associationCategory, associationTypeId}; this CRM knows the default types only."""
    own, other = object_type(kind), object_type(to_kind)
    label = _check_types(exchange.body.get("inputs"), own, other)
    source, target = find(own, record_id), find(other, to_id)
    associations.associate(source, target, by=exchange.actor, label=label)
    return 201, _created(source.pk, own, target.pk, other)


def _check_types(types: object, own: ObjectType, other: ObjectType) -> int:
    """The label among them, 0 for none."""
    expected = associations.default_type(own, other)
    given = [entry.get("associationTypeId") for entry in types if isinstance(entry, dict)] if isinstance(types, list) else []
    known = [number for number, (_, source, target, _) in LABELS.items() if (source, target) == (own.name, other.name)]
    if not given or any(type_id not in {expected, *known} for type_id in given):
        raise invalid(f"associationTypeId must be {expected} between {own.name} and {other.name}")
    return next((int(type_id) for type_id in given if type_id in known), 0)


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
    own, other = object_type(kind), object_type(to_kind)
    found = [{"category": "HUBSPOT_DEFINED", "typeId": associations.default_type(own, other), "label": None}]
    own_labels = [(number, *rest) for number, rest in LABELS.items() if rest[1:3] == (own.name, other.name)]
    return 200, {"results": found + [{"category": each[1], "typeId": each[0], "label": each[4]} for each in own_labels]}


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
        label = _check_types(row.get("types"), own, other)
        source, target = find(own, _end(row, "from")), find(other, _end(row, "to"))
        associations.associate(source, target, by=exchange.actor, label=label)
        return _created(source.pk, own, target.pk, other)

    return run(exchange, one, status=201)


def _place(after: object) -> int:
    if after in (None, ""):
        return 0
    if not isinstance(after, str) or not after.isdecimal():
        raise invalid("Invalid input JSON: after is no position")
    return int(after)


def batch_read(exchange: Exchange, *, kind: str, to_kind: str) -> Answer:
    own, other = object_type(kind), object_type(to_kind)
    page = int(state(exchange.account)["association_page"]) or ASSOCIATIONS_A_PAGE

    def one(row: Json) -> Json:
        links = associations.links_json(find(own, str(row.get("id", ""))), other)
        if not links:
            raise not_found(str(row.get("id", "")))
        start = _place(row.get("after"))
        shown, after = links[start : start + page], start + page
        more = {"paging": {"next": {"after": str(after), "link": f"?after={after}"}}} if after < len(links) else {}
        return {"from": {"id": str(row["id"])}, "to": shown, **more}

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
