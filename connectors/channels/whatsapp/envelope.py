"""Taking a webhook body apart: entry, change, value, and then one `Part` for each item that will come out.

`parse` and `count` share this walk, so they cannot disagree. The shape of `value` decides, not the name of the field:
Meta's own samples put the field's name inside the value, leave it out, or give the wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from connectors.untrusted import Json, as_list, as_object, as_text

PartKind = Literal["message", "echo", "history", "status", "notice", "unreadable"]

# Lists that hold one event per element; every other part of a value stays together as one notice.
_ITEM_LISTS: dict[str, tuple[PartKind, str]] = {
    "messages": ("message", "message"),
    "message_echoes": ("echo", "echo"),
    "statuses": ("status", "status"),
    "errors": ("notice", "errors"),
    "user_preferences": ("notice", "user_preferences"),
    "state_sync": ("notice", "smb_app_state_sync"),
}
_ENVELOPE_KEYS = frozenset({"messaging_product", "metadata", "contacts", "object", "field", "history", *_ITEM_LISTS})


@dataclass(frozen=True, slots=True)
class Origin:
    """What the items of one change have in common. `cards` are the contacts by number and by user id, filled when cleaned."""

    account_id: str = ""
    business_id: str = ""
    display_number: str = ""
    field_name: str = ""
    contacts: tuple[Json, ...] = ()
    time: Any = None
    cards: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """One item to be read. `label` is the notice's kind or the reason why nothing can be read; `thread` the chat of a history."""

    kind: PartKind
    item: Any
    origin: Origin = field(default_factory=Origin)
    label: str = ""
    thread: Any = None


def walk(payload: Any) -> Iterator[Part]:
    """Every item of a parsed body, at least one."""
    found = False
    for part in _envelopes(payload):
        found = True
        yield part
    if not found:
        yield Part("notice", payload, label="empty")


def _envelopes(payload: Any) -> Iterator[Part]:
    if isinstance(payload, list) and payload and all(isinstance(each, dict) for each in payload):
        for each in payload:
            yield from _envelope(each)
    elif isinstance(payload, dict):
        yield from _envelope(payload)
    else:
        yield Part("unreadable", payload, label="the body is JSON, but not an object")


def _envelope(payload: Json) -> Iterator[Part]:
    if "entry" in payload:
        entries = payload["entry"]
        if not isinstance(entries, list | dict):
            yield Part("unreadable", payload, label="'entry' is not a list")
        for entry in as_list(entries):
            yield from _entry(entry)
    elif "changes" in payload or "value" in payload:
        yield from _entry(payload if "changes" in payload else {"changes": [payload]})
    elif set(payload) - {"object"}:
        yield Part("unreadable", payload, label="the body has no 'entry'")


def _entry(entry: Any) -> Iterator[Part]:
    if not isinstance(entry, dict):
        yield Part("unreadable", entry, label="an element of 'entry' is not an object")
        return
    origin = Origin(account_id=as_text(entry.get("id")), business_id=as_text(entry.get("id")), time=entry.get("time"))
    changes = entry.get("changes")
    if not as_list(changes):
        yield Part(
            "notice", entry, origin, label="empty" if changes in (None, []) and not set(entry) - {"id", "time", "changes"} else "unknown"
        )
    for change in as_list(changes):
        yield from _change(change, origin)


def _change(change: Any, entry: Origin) -> Iterator[Part]:
    value = change.get("value") if isinstance(change, dict) else None
    if not isinstance(value, dict):
        yield Part("unreadable", change, entry, label="a change has no 'value' object")
        return
    origin = _origin(change, value, entry)
    parts = 0
    for part in _value(value, origin):
        parts += 1
        yield part
    if not parts:
        yield Part("notice", change, origin, label=origin.field_name or "empty")


def _origin(change: Json, value: Json, entry: Origin) -> Origin:
    metadata = as_object(value.get("metadata"))
    return Origin(
        account_id=as_text(metadata.get("phone_number_id")) or entry.account_id,
        business_id=entry.business_id,
        display_number="".join(filter(str.isdigit, as_text(metadata.get("display_phone_number")))),
        field_name=as_text(change.get("field")) or as_text(value.get("field")),
        contacts=tuple(each for each in as_list(value.get("contacts")) if isinstance(each, dict)),
        time=entry.time,
    )


def _value(value: Json, origin: Origin) -> Iterator[Part]:
    for key, (kind, label) in _ITEM_LISTS.items():
        if key not in value:
            continue
        items = value[key]
        if not isinstance(items, list | dict):
            yield Part("unreadable", items, origin, label=f"'{key}' is not a list")
        for item in as_list(items):
            yield Part(kind, item, origin, label=label)
    yield from _histories(value, origin)
    if set(value) - _ENVELOPE_KEYS:
        rest = {key: item for key, item in value.items() if key not in _ITEM_LISTS and key != "history"}
        yield Part("notice", rest, origin, label=origin.field_name or "unknown")


def _histories(value: Json, origin: Origin) -> Iterator[Part]:
    """Each chunk of old chats gives its messages and one notice with the chunk's progress."""
    chunks = value.get("history")
    if chunks is not None and not isinstance(chunks, list | dict):
        yield Part("unreadable", chunks, origin, label="'history' is not a list")
    for chunk in as_list(chunks):
        threads = as_list(chunk.get("threads")) if isinstance(chunk, dict) else []
        head = {key: item for key, item in chunk.items() if key != "threads"} if isinstance(chunk, dict) else {"history": chunk}
        yield Part("notice", {**head, "thread_count": len(threads)}, origin, label="history")
        for thread in threads:
            if not isinstance(thread, dict):
                yield Part("unreadable", thread, origin, label="a thread of a history is not an object")
                continue
            for message in as_list(thread.get("messages")):
                yield Part("history", message, origin, label="message", thread=thread)
