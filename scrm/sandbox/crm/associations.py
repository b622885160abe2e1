"""Links between records: one default type per direction, both directions written together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .models import Association, Record
from .properties import object_type
from .records import Actor, atomic, find, log, put
from .schema import ASSOCIATION_TYPES, CONTACTS, DEALS, LABELS, ObjectType
from .wire import Json, invalid


def default_type(source: ObjectType, target: ObjectType) -> int:
    """The id of the default association type; 400 when the two kinds cannot be linked."""
    found = ASSOCIATION_TYPES.get((source.name, target.name))
    if found is None:
        raise invalid(f"No association type exists between {source.name} and {target.name}")
    return found


def kinds_of_type(type_id: int) -> tuple[str, str]:
    for kinds, known in ASSOCIATION_TYPES.items():
        if known == type_id:
            return kinds
    raise invalid(f"associationTypeId {type_id} is not known")


def associate(source: Record, target: Record, *, by: Actor, label: int = 0) -> list[Json]:
    """Link two records, with a label of the account's own if one is given; linking twice is once. Returns the specs of both ways."""
    there = default_type(object_type(source.object_type), object_type(target.object_type))
    back = default_type(object_type(target.object_type), object_type(source.object_type))
    with atomic():
        _, new = Association.objects.get_or_create(from_record=source, to_record=target, type_id=there)
        Association.objects.get_or_create(from_record=target, to_record=source, type_id=back)
        if label:
            category = {"category": LABELS[label][0]}
            Association.objects.get_or_create(from_record=source, to_record=target, type_id=label, defaults=category)
        if new:
            log(source, "associate", by=by, changes={f"association:{target.object_type}": ["", str(target.pk)]})
            _count_people(source, target)
    return [_spec(source, target, there), _spec(target, source, back)]


def _spec(source: Record, target: Record, type_id: int) -> Json:
    return {
        "from": {"id": str(source.pk)},
        "to": {"id": str(target.pk)},
        "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id},
    }


def dissociate(source: Record, target: Record, *, by: Actor) -> None:
    """Remove all links between two records. Twice is once."""
    with atomic():
        gone, _ = Association.objects.filter(from_record=source, to_record=target).delete()
        Association.objects.filter(from_record=target, to_record=source).delete()
        if gone:
            log(source, "dissociate", by=by, changes={f"association:{target.object_type}": [str(target.pk), ""]})
            _count_people(source, target)


def _count_people(*ends: Record) -> None:
    """A deal counts its contacts in a property, so its time moves with them; no other record's does."""
    for deal, other in (ends, ends[::-1]):
        if (deal.object_type, other.object_type) == (DEALS.name, CONTACTS.name):
            number = len({link.to_record_id for link in linked(deal, CONTACTS)})
            put(deal, "num_associated_contacts", str(number))


def associate_new(record: Record, wanted: object, *, by: Actor) -> None:
    """The `associations` of a create call: [{to: {id}, types: [{associationCategory, associationTypeId}]}]."""
    if not wanted:
        return
    if not isinstance(wanted, list):
        raise invalid("Invalid input JSON: associations must be a list")
    for link in wanted:
        target_id, type_ids = _read_link(link)
        for type_id in type_ids:
            source_name, target_name = kinds_of_type(type_id)
            if source_name != record.object_type:
                raise invalid(f"associationTypeId {type_id} does not begin at {record.object_type}")
            associate(record, find(object_type(target_name), target_id), by=by)


def _read_link(link: object) -> tuple[str, list[int]]:
    if not isinstance(link, dict) or not isinstance(link.get("to"), dict) or not isinstance(link.get("types"), list):
        raise invalid("Invalid input JSON: an association needs to and types")
    types = [entry.get("associationTypeId") for entry in link["types"] if isinstance(entry, dict)]
    if not types or not all(isinstance(type_id, int) for type_id in types):
        raise invalid("Invalid input JSON: associationTypeId is missing")
    return str(link["to"].get("id", "")), [int(type_id) for type_id in types if type_id is not None]


def links_json(source: Record, target: ObjectType) -> list[Json]:
    """[{toObjectId, associationTypes: [{category, typeId, label}]}] in the order of the ids."""
    by_target: dict[int, list[Json]] = defaultdict(list)
    for link in linked(source, target):
        label = LABELS[link.type_id][3] if link.type_id in LABELS else None
        by_target[link.to_record_id].append({"category": link.category, "typeId": link.type_id, "label": label})
    return [{"toObjectId": str(target_id), "associationTypes": types} for target_id, types in by_target.items()]


def linked(source: Record, target: ObjectType) -> Iterable[Association]:
    return Association.objects.filter(from_record=source, to_record__object_type=target.name, to_record__archived=False).order_by(
        "to_record_id", "type_id"
    )


def summary_json(source: Record, targets: Iterable[str]) -> Json:
    """The `associations` of a read call: {type: {results: [{id, type}]}}."""
    shown: Json = {}
    for spelling in targets:
        target = object_type(spelling)
        rows = [
            {"id": str(link.to_record_id), "type": f"{source.object_type[:-1]}_to_{target.name[:-1]}"} for link in linked(source, target)
        ]
        if rows:
            shown[target.name] = {"results": rows}
    return shown
