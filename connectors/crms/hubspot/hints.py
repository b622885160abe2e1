"""HubSpot's webhooks, read as hints: which records to read again. Up to 100 events a call, repeated and in any order."""

from __future__ import annotations

from typing import Any

from connectors.contracts import Hint
from connectors.untrusted import Json, NotJson, as_list, as_object, as_text, clean, loads

# Subscriptions name the object in words, newer ones by its type id.
_KINDS = {
    "contact": "contact",
    "deal": "deal",
    "communication": "communication",
    "ticket": "case",
    "order": "order",
    "product": "product",
    "0-1": "contact",
    "0-3": "deal",
    "0-5": "case",
    "0-7": "product",
    "0-123": "order",
    "0-18": "communication",
}


def read_hints(body: bytes) -> list[Hint]:
    """The records that the events name, each once. Events about other objects and unreadable ones give nothing: polling sees them."""
    try:
        events = as_list(clean(loads(body)))
    except NotJson:
        return []
    found = [hint for event in map(as_object, events) for hint in _hints_of(event)]
    return list(dict.fromkeys(found))


def _hints_of(event: Json) -> list[Hint]:
    subject, _, name = as_text(event.get("subscriptionType")).partition(".")
    if name == "associationChange":
        return _associated(event, name)
    kind = _KINDS.get(subject) or _KINDS.get(as_text(event.get("objectTypeId")))
    if kind is None:
        return []
    merged: list[Any] = event["mergedObjectIds"] if isinstance(event.get("mergedObjectIds"), list) else []
    ids = [event.get("objectId"), event.get("primaryObjectId"), event.get("newObjectId"), *merged]
    return [Hint(kind, each, name) for each in map(as_text, ids) if each]


def _associated(event: Json, name: str) -> list[Hint]:
    """Both ends of an association: `associationType` is DEAL_TO_CONTACT and the like, in newer events the ends' type ids stand beside."""
    one, _, other = as_text(event.get("associationType")).lower().partition("_to_")
    ends = (
        (one or as_text(event.get("fromObjectTypeId")), event.get("fromObjectId")),
        (other or as_text(event.get("toObjectTypeId")), event.get("toObjectId")),
    )
    return [Hint(_KINDS[what], each, name) for what, given in ends if what in _KINDS and (each := as_text(given))]
