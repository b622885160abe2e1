"""HubSpot's fields as it describes them, and those that we add."""

from __future__ import annotations

from typing import Any

from connectors.contracts import FieldInfo, ObjectType
from connectors.crms.hubspot.items import DESCRIBED
from connectors.crms.hubspot.records import KEY_PROPERTY
from connectors.crms.hubspot.wire import OBJECT_TYPES, OPTIONAL, Wire, refusal
from connectors.errors import Misconfigured
from connectors.untrusted import Json, as_list, as_object, as_text

LAST_MESSAGE_PROPERTY = "scrm_last_message_at"
PRIORITY_PROPERTY = "scrm_priority"

_LABELS = {
    "contact": "Contacts",
    "communication": "Communications",
    "deal": "Deals",
    "case": "Tickets",
    "order": "Orders",
    "product": "Products",
}

# Used only where the account lists no property whose group could be shared.
_FALLBACK_GROUPS = {
    "contact": "contactinformation",
    "communication": "communicationinformation",
    "deal": "dealinformation",
    "case": "ticketinformation",
    "order": "orderinformation",
    "product": "productinformation",
}


def read_properties(wire: Wire, kind: str) -> list[Json]:
    """All properties of a kind, as described."""
    return [each for each in as_list(wire.call("GET", wire.properties(kind)).get("results")) if isinstance(each, dict)]


def _reached(wire: Wire, kind: str) -> list[Json] | None:
    """As `read_properties`; None for an optional kind that the token may not see."""
    try:
        return read_properties(wire, kind)
    except Misconfigured:
        if kind in OPTIONAL:
            return None
        raise


def describe_types(wire: Wire) -> list[ObjectType]:
    """The kinds that the token may see. Orders with their lines, which are records of their own."""
    found = {kind: _reached(wire, kind) for kind in OBJECT_TYPES}
    further = {"order": (DESCRIBED,)}
    return [
        ObjectType(kind, _LABELS[kind], (*map(field_info, rows), *further.get(kind, ())))
        for kind, rows in found.items()
        if rows is not None
    ]


def field_info(given: Json) -> FieldInfo:
    modification = as_object(given.get("modificationMetadata"))
    return FieldInfo(
        name=as_text(given.get("name")),
        label=as_text(given.get("label")) or as_text(given.get("name")),
        type=as_text(given.get("type")),
        choices=tuple(as_text(option.get("value")) for option in map(as_object, as_list(given.get("options")))),
        writable=modification.get("readOnlyValue") is not True and given.get("calculated") is not True,
        unique=given.get("hasUniqueValue") is True,
    )


def add_own_properties(wire: Wire) -> None:
    """Create what is missing of our properties; finding them there is success too, so this may be repeated and may race itself.

    Of an optional kind whose properties the token may read and not write, writes are refused until somebody makes ours there.
    """
    for kind in OBJECT_TYPES:
        present = _reached(wire, kind)
        if present is None:
            continue
        try:
            _ensure(wire, kind, present, _key_property())
        except Misconfigured:
            if kind in OPTIONAL:
                continue
            raise
        if kind == "contact":
            _ensure(wire, kind, present, _last_message_property())
            _ensure(wire, kind, present, _priority_property())
        _confirm_unique(wire, kind)


def _ensure(wire: Wire, kind: str, present: list[Json], wanted: Json) -> None:
    if any(each.get("name") == wanted["name"] for each in present):
        return
    reply = wire.send("POST", wire.properties(kind), {**wanted, "groupName": _group(kind, present)})
    if not reply.ok and reply.status != 409:  # 409: another worker was first
        raise refusal(reply)


def _group(kind: str, present: list[Json]) -> str:
    groups = [as_text(each.get("groupName")) for each in present]
    fallback = _FALLBACK_GROUPS[kind]
    return fallback if fallback in groups else next(filter(None, groups), fallback)


def _confirm_unique(wire: Wire, kind: str) -> None:
    for each in read_properties(wire, kind):
        if each.get("name") == KEY_PROPERTY and each.get("hasUniqueValue") is False:
            raise Misconfigured(
                f"HubSpot's property {KEY_PROPERTY} of {OBJECT_TYPES[kind]} exists but is not unique; delete it there and test again"
            )


def _key_property() -> dict[str, Any]:
    return {
        "name": KEY_PROPERTY,
        "label": "Social CRM ID",
        "description": "Identifies this record in the social CRM. Do not change it.",
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": True,
    }


def _last_message_property() -> dict[str, Any]:
    return {
        "name": LAST_MESSAGE_PROPERTY,
        "label": "Last message",
        "description": "When the last message was exchanged with this person.",
        "type": "datetime",
        "fieldType": "date",
    }


def _priority_property() -> dict[str, Any]:
    return {
        "name": PRIORITY_PROPERTY,
        "label": "Chat priority",
        "description": "high, normal or low; low for whoever was not read for a day.",
        "type": "string",
        "fieldType": "text",
    }
