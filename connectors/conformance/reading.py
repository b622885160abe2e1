"""What must hold of reading webhook bodies: nothing left out, nothing raised, keys that mean one item for ever."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta

from connectors.conformance.damage import GARBAGE, damaged
from connectors.conformance.demands import demand
from connectors.conformance.kit import ChannelKit
from connectors.contracts import Channel, InboundItem, InboundMessage, Notice, StatusUpdate, Unreadable

MAX_KEY = 200
BATCH = 1000
BATCH_SECONDS = 10.0
_SURROGATE = re.compile("[\ud800-\udfff]")
_POISON: tuple[object, ...] = (None, [], {}, 17, "text", [[]], {"id": {"id": 1}}, {"id": []}, True, {"": None})


def check_reading(channel: Channel, bodies: Sequence[bytes], *, mutations: int = 0, seed: int = 1) -> None:
    """Reading never raises and leaves nothing out, of good bodies, of garbage, and of `mutations` damaged copies."""
    for body in [*bodies, *GARBAGE, *damaged(bodies, mutations, seed)]:
        check_body(channel, body)


def check_body(channel: Channel, body: bytes) -> list[InboundItem]:
    """One body: at least one item, `count` agrees, keys are bounded and the same each time, and a database can hold all of it."""
    items = channel.parse(body)
    demand(len(items) >= 1, "a body gives at least one item", body[:500])
    demand(channel.count(body) == len(items), "count agrees with parse", body[:500])
    demand([item.key for item in channel.parse(body)] == [item.key for item in items], "keys are the same each time", body[:500])
    for item in items:
        _check_item(item)
    return items


def check_keys_differ(items: Iterable[InboundItem]) -> None:
    """Different items have different keys: the same key twice must mean the same item."""
    seen: dict[str, InboundItem] = {}
    for item in items:
        known = seen.setdefault(item.key, item)
        demand(_identity(known) == _identity(item), "one key means one item", item.key)


def _identity(item: InboundItem) -> str:
    return json.dumps(item.data if isinstance(item, Notice) else item.raw, sort_keys=True, default=str)


def _check_item(item: InboundItem) -> None:
    demand(0 < len(item.key) <= MAX_KEY, "a key has 1 to 200 characters", item.key)
    plain = asdict(item)
    json.dumps(plain, default=str, allow_nan=False)
    for text in _texts(plain):
        demand("\x00" not in text, "no NUL reaches the product", item.key)
        demand(not _SURROGATE.search(text), "no lone surrogate reaches the product", item.key)
    if isinstance(item, Unreadable):
        demand(bool(item.reason), "what cannot be read has a reason in words", item.key)
    if isinstance(item, InboundMessage):
        demand(item.sent_at.utcoffset() == timedelta(0), "times are aware and in UTC", item.key)
        demand(bool(item.sender) or item.kind == "system", "a message names its sender", item.key)
    if isinstance(item, StatusUpdate):
        demand(item.occurred_at.utcoffset() == timedelta(0), "times are aware and in UTC", item.key)


def _texts(value: object) -> Iterator[str]:
    """Every string and key inside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


# --- rules ----------------------------------------------------------------------------------------------------------


def reads_whatever_comes(kit: ChannelKit) -> None:
    """Good bodies, garbage and damaged copies: never an error, at least one item, the same keys each time."""
    demand(bool(kit.bodies), "a kit shows webhook bodies")
    check_reading(kit.channel(), kit.bodies, mutations=kit.mutations)
    for body in kit.bodies:
        demand(not any(isinstance(item, Unreadable) for item in kit.channel().parse(body)), "a good body is understood", body[:500])


def keys_mean_one_item(kit: ChannelKit) -> None:
    """Different items have different keys, and the same item has the same key whatever else came with it."""
    channel = kit.channel()
    check_keys_differ(item for body in kit.bodies for item in channel.parse(body))
    twice = channel.parse(kit.batch([kit.item(1), kit.item(2), kit.item(1)]))
    demand(len(twice) == 3 and twice[0].key == twice[2].key != twice[1].key, "an item keeps its key", [item.key for item in twice])
    alone = channel.parse(kit.batch([kit.item(2)]))
    demand(alone[0].key == twice[1].key, "a key does not depend on the neighbours", alone[0].key)


def poison_harms_no_neighbour(kit: ChannelKit) -> None:
    """A batch of a thousand with unreadable items in it: every good one is read, every bad one is parked, and in time."""
    channel = kit.channel()
    items: list[object] = [kit.item(number) for number in range(BATCH - len(_POISON))]
    for place, poison in enumerate(_POISON):
        items.insert(place * 97, poison)
    body = kit.batch(items)
    began = time.monotonic()
    read = check_body(channel, body)
    elapsed = time.monotonic() - began
    good = {item.key for item in read if isinstance(item, InboundMessage)}
    demand(len(good) == BATCH - len(_POISON), "every good message of a batch is read", len(good))
    demand(len(read) == BATCH, "every poisoned one is kept", len(read))
    demand(elapsed < BATCH_SECONDS, "a thousand items are read in seconds", elapsed)


RULES = (reads_whatever_comes, keys_mean_one_item, poison_harms_no_neighbour)
