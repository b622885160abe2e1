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
    "0-1": "contact",
    "0-3": "deal",
    "0-5": "case",
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
    kind = _KINDS.get(subject) or _KINDS.get(as_text(event.get("objectTypeId")))
    if kind is None:
        return []
    merged: list[Any] = event["mergedObjectIds"] if isinstance(event.get("mergedObjectIds"), list) else []
    ids = [event.get("objectId"), event.get("primaryObjectId"), event.get("newObjectId"), *merged]
    return [Hint(kind, each, name) for each in map(as_text, ids) if each]
