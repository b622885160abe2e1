"""A message's way in, from the stored bytes to the finished conversation. The story of the product in one file.

    claim bodies -> parse -> keep each item's key once -> who is it -> write it down -> tag it -> tell the others -> done

Everything a batch does is one transaction: the items' keys, their effects and the bodies' new state commit together, so a worker
may die anywhere and nothing happens twice or not at all. When one item of a batch cannot be processed, the batch is undone and
taken item by item, each in its own savepoint; the bad one is parked with its reason and its neighbours go on.
"""

from __future__ import annotations

import logging
import os
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import F, Q

from connectors.contracts import Address, InboundItem, InboundMessage, Notice, StatusUpdate, Unreadable
from scrm.connections.models import Connection
from scrm.connections.services import channel_of, signing_fields
from scrm.contacts.models import Identity
from scrm.contacts.privacy.digests import erased
from scrm.contacts.services import MATCHED_KINDS, Sender, before_or_after, change_address, lock_owners, resolve_many
from scrm.conversations.inbound import Arrival, record_inbound
from scrm.conversations.models import Message
from scrm.conversations.statuses import apply_statuses, join_orphans, people_told_of
from scrm.core import clock
from scrm.core.crashpoints import crash_here
from scrm.core.leases import lease_now
from scrm.core.logs import trail
from scrm.core.rows import insert_new, update_many
from scrm.core.security import storable
from scrm.intake.ledger import add_to_totals
from scrm.intake.models import COMPRESS_FROM, InboundEvent
from scrm.intake.models import InboundItem as ItemRow
from scrm.intake.notices import apply_notice
from scrm.tags.services import tag_messages

logger = logging.getLogger(__name__)

BODIES = 200
# A step that takes so many has likely left some.
MANY_BODIES = 100
ITEMS = 300
LEASE = timedelta(seconds=90)
MAX_ATTEMPTS = 3


class Refused(Exception):
    """The item is understood but cannot be processed as things stand; it is parked with this text."""


@dataclass(frozen=True, slots=True)
class Work:
    """One item on its way: what it says, the body it came in, the account it belongs to."""

    item: InboundItem
    body_id: int | None
    received_at: datetime
    connection: Connection


def drain() -> int:
    """Claim some bodies and process them; the drain step of the pipeline. Returns how many bodies were finished."""
    bodies = claim(BODIES)
    if not bodies:
        return 0
    crash_here("intake.claimed")
    fresh = [body for body in bodies if body.attempts <= 1]
    # A body that was claimed before and not finished may have taken its worker down: it goes alone.
    for batch in _batches(fresh) + [[body] for body in bodies if body.attempts > 1]:
        process(batch)
    return len(bodies)


def _batches(bodies: Sequence[InboundEvent]) -> list[list[InboundEvent]]:
    """Bodies together up to about `ITEMS` items; a kilobyte holds one."""
    batches: list[list[InboundEvent]] = []
    size = ITEMS
    for body in bodies:
        if size >= ITEMS:
            batches.append([])
            size = 0
        batches[-1].append(body)
        size += max(1, body.size // 1000)
    return batches


def claim(limit: int) -> list[InboundEvent]:
    """Take waiting bodies, oldest first, and count the attempt before the work. Expired claims are taken over.

    Of those that were not finished before only one: an attempt counts against a body, so it must not be one at which its worker was
    killed before it came to this body.
    """
    open_ = InboundEvent.objects.filter(Q(state="waiting") | Q(state="claimed", lease_until__lte=lease_now())).order_by("id")
    if not open_.exists():
        return []
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            open_ = open_.select_for_update(skip_locked=True)
        timed = open_.annotate(read_at=lease_now())
        rows: list[Any] = list(timed[:limit])
        again = [row for row in rows if row.attempts]
        if len(again) > 1:
            rows = [*again[:1], *timed.filter(attempts=0)[: limit - 1]]
        for row in rows:
            row.attempts, row.fence, row.lease_until, row.state = row.attempts + 1, row.fence + 1, row.read_at + LEASE, "claimed"
        update_many(InboundEvent, rows, ["attempts", "fence", "lease_until", "state"])
    return rows


def process(bodies: Sequence[InboundEvent]) -> None:
    """Parse and apply a batch of claimed bodies."""
    connections = {row.pk: row for row in Connection.objects.filter(pk__in={body.connection_id for body in bodies})}
    work: list[Work] = []
    for body in bodies:
        work += _open(body, connections[body.connection_id])
    for attempt in range(3):
        try:
            with transaction.atomic():
                _apply_all(bodies, work)
            return
        except Overtaken:
            logger.warning("a lease ran out and another worker has the batch; what this one did is undone")
            return
        except OperationalError as error:
            # A deadlock or a dropped connection undid everything; the same batch may simply be taken again.
            logger.warning("batch of %s bodies undone by the database (%s): %s", len(bodies), attempt + 1, trail(error))
        except Exception as error:
            logger.info("a batch of %s items did not go through; taking them one by one: %s", len(work), trail(error))
            break
    else:
        return
    for body in bodies:
        _singly(body, [each for each in work if each.body_id == body.pk])


def _open(body: InboundEvent, connection_: Connection) -> list[Work]:
    items: list[InboundItem]
    if body.attempts > MAX_ATTEMPTS:
        items = [Unreadable(_name_of_all(body), "", f"processing broke off {body.attempts - 1} times", None)]
    else:
        try:
            items = _items(body, connection_)
        except Exception as error:
            # A reader must never raise; if one does, its body is parked and its neighbours go on.
            logger.error("body %s cannot be opened: %s", body.pk, trail(error))
            items = [Unreadable(_name_of_all(body), "", f"cannot be opened: {type(error).__name__}: {error}", None)]
    return [Work(item, body.pk, body.received_at, _owner(item, connection_)) for item in items]


def _name_of_all(body: InboundEvent) -> str:
    """The key under which a body is parked as a whole, before anything in it was told apart."""
    return f"body:{body.pk}"


def _items(body: InboundEvent, connection_: Connection) -> list[InboundItem]:
    return list(channel_of(connection_).parse(unpack(body))) if connection_.kind == "channel" else [_crm_notice(body)]


def _owner(item: InboundItem, posted_to: Connection) -> Connection:
    """A platform may send for all numbers of an account to one address: the number's own connection gets it, if it shares the secret."""
    if not item.account_id or item.account_id == posted_to.account_id or isinstance(item, Notice):
        return posted_to
    ours = _signing(posted_to)
    if not ours:  # a platform without secrets that several numbers share
        return posted_to
    for other in Connection.objects.filter(account_id=item.account_id, adapter=posted_to.adapter):
        if _signing(other) == ours:
            return other
    return posted_to


def _signing(number: Connection) -> dict[str, str]:
    """The secrets by which a body is known to be the platform's."""
    secrets = number.secrets or {}
    return {name: secrets[name] for name in signing_fields(number.adapter) if secrets.get(name)}


def _crm_notice(body: InboundEvent) -> Notice:
    return Notice(key=f"crm:{body.pk}", account_id="", kind="crm_hint", occurred_at=body.received_at, data={})


def unpack(body: InboundEvent) -> bytes:
    """The bytes as posted. Bodies below `COMPRESS_FROM` are stored as they came, whatever they begin with."""
    packed = bytes(body.body)
    return packed if len(packed) == body.size and body.size < COMPRESS_FROM else zlib.decompress(packed)


def _row(work: Work, state: str = "processed", reason: str = "") -> ItemRow:
    kind, details = _summary(work.item)
    now = clock.now()
    return ItemRow(
        connection=work.connection,
        event_id=work.body_id,
        key=work.item.key[:220],
        kind=kind[:40],
        state=state,
        reason=reason[:500],
        data=details,
        received_at=work.received_at,
        processed_at=now if state == "processed" else None,
    )


def _summary(item: InboundItem) -> tuple[str, dict[str, Any]]:
    """What the ledger's list shows of an item. Notices are small and kept whole; messages stand in the thread."""
    if isinstance(item, InboundMessage):
        return f"message.{item.kind}", {"id": item.external_id}
    if isinstance(item, StatusUpdate):
        return f"status.{item.status}", {"id": item.external_id}
    if isinstance(item, Notice):
        return item.kind, storable(item.data)
    return "unreadable", {}


def _apply_all(bodies: Sequence[InboundEvent], work: Sequence[Work]) -> None:
    """The whole batch at once. Raises when any item does, and then nothing of it has happened."""
    keyed = {(each.connection.pk, each.item.key[:220]): each for each in work if not isinstance(each.item, Unreadable)}
    rows = [(key, _row(keyed[key])) for key in sorted(keyed)]
    new: dict[int, set[str]] = {}
    for connection_id in sorted({owner for (owner, _), _ in rows}):
        new[connection_id] = insert_new(ItemRow, [row for (owner, _), row in rows if owner == connection_id], key="key")
    first: list[Work] = []
    for each in work:
        if each.item.key[:220] in new.get(each.connection.pk, ()):
            new[each.connection.pk].discard(each.item.key[:220])
            first.append(each)
    apply(first)
    parked = _park([(each, each.item.reason) for each in work if isinstance(each.item, Unreadable)])
    crash_here("intake.applied")
    _finish(bodies, work, processed=first, parked=parked)


def apply(works: Sequence[Work]) -> None:
    """The effects of items that are here for the first time: messages of all numbers together, then statuses, then notices."""
    for each in works:
        _belongs(each)
    works = _without_erased(works)
    messages, followers = _followers_last([each for each in works if isinstance(each.item, InboundMessage)])
    identities = resolve_many([_sender(each) for each in messages]) if messages else []
    statuses: dict[Connection, list[StatusUpdate]] = {}
    for each in works:
        if isinstance(each.item, StatusUpdate):
            statuses.setdefault(each.connection, []).append(each.item)
    _lock_everybody(identities, statuses)
    if messages:
        _apply_messages(messages, identities)
    if followers:
        _apply_messages(followers, resolve_many([_sender(each) for each in followers]))
    for owner, updates in statuses.items():
        apply_statuses(owner, updates)
    for each in works:
        if isinstance(each.item, Notice):
            apply_notice(each.connection, each.item, at=each.received_at)


def _without_erased(works: Sequence[Work]) -> Sequence[Work]:
    """Leave out what a person said before they were erased: a copy of an old body, which counts as processed and changes nothing."""
    told = [(each, *_said_of(each.item)) for each in works]
    gone = erased(address for _, _, addresses in told for address in addresses)
    if not gone:
        return works
    return [each for each, at, addresses in told if not any(at <= gone[address].erased_at for address in addresses if address in gone)]


def _said_of(item: InboundItem) -> tuple[datetime, list[tuple[str, str]]]:
    """When it was said, by or to whom."""
    if isinstance(item, InboundMessage):
        return item.sent_at, [(address.kind, address.value) for address in item.sender]
    if isinstance(item, StatusUpdate):
        return item.occurred_at, [(address.kind, address.value) for address in item.recipient]
    return clock.now(), []


def _followers_last(messages: Sequence[Work]) -> tuple[list[Work], list[Work]]:
    """The messages, and apart from them those written from an address that a change in the same batch only makes known.

    A body may hold a person's words from their new user id before it says whose id that is.
    """
    announced = {part["value"] for each in messages if _is_change(each.item) for part in each.item.content["new"]}  # type: ignore[union-attr]
    followers = [
        each
        for each in messages
        if announced and not _is_change(each.item) and any(address.value in announced for address in each.item.sender)  # type: ignore[union-attr]
    ]
    return [each for each in messages if each not in followers] if followers else list(messages), followers


def _lock_everybody(identities: Sequence[Identity], statuses: dict[Connection, list[StatusUpdate]]) -> None:
    """All people of the batch at once and in one order: two workers that lock in two steps each may wait for each other for ever."""
    people: set[int] = set()
    for owner, updates in statuses.items():
        people |= people_told_of(owner, updates)
    if people or identities:
        lock_owners(identities, also=people)


def _belongs(work: Work) -> None:
    """What belongs to a number that is not connected is kept, not mixed into another's conversations."""
    stated = work.item.account_id
    if stated and work.connection.account_id and stated != work.connection.account_id and not isinstance(work.item, Notice):
        raise Refused(f"for the number with id {stated}, which is not connected with this secret: connect it, then replay")


def _apply_messages(works: Sequence[Work], identities: Sequence[Identity]) -> None:
    changed = [(each, identity) for each, identity in zip(works, identities, strict=True) if _is_change(each.item)]
    for each, identity in changed:
        change_address(identity, _new_addresses(each.item), at=each.item.sent_at)  # type: ignore[union-attr, arg-type]
    spoken = [(each, identity) for each, identity in zip(works, identities, strict=True) if not _is_change(each.item)]
    _record_messages([each for each, _ in spoken], [identity for _, identity in spoken])


def _new_addresses(item: InboundMessage) -> list[Address]:
    return [Address(*(storable(part[name]) for name in ("kind", "value", "scope"))) for part in item.content.get("new", ())]


def _is_change(item: InboundItem) -> bool:
    """A changed number or user id is no message: nothing of it is shown in the thread."""
    return isinstance(item, InboundMessage) and item.kind == "system" and bool(item.content.get("new"))


def _record_messages(works: Sequence[Work], identities: Sequence[Identity]) -> None:
    arrivals = [Arrival(each.item, identity, each.connection, each.received_at) for each, identity in zip(works, identities, strict=True)]  # type: ignore[arg-type]
    messages = record_inbound(arrivals)
    tag_messages([m for m in messages if m.direction == "in" and m.text and not m.content.get("history")], at=clock.now())
    echoed: dict[Connection, list[str]] = {}
    for message in messages:
        if message.direction == "out" and message.external_id:
            echoed.setdefault(message.connection, []).append(message.external_id)
    for owner, external_ids in echoed.items():
        join_orphans(owner, external_ids)


def _sender(work: Work) -> Sender:
    item = work.item
    assert isinstance(item, InboundMessage)
    given: Sequence[Address] = [storable_address(address) for address in item.sender]
    if _is_change(item):
        given = before_or_after(given, _new_addresses(item))
    addresses = tuple(sorted(given, key=lambda address: address.kind != "whatsapp"))
    if not any(address.kind in MATCHED_KINDS for address in addresses):
        raise Refused("states no sender that can be answered")
    number = work.connection
    name = storable(item.profile_name)
    return Sender(addresses, name, number.country, number.language, at=item.sent_at, source=f"channel:{number.slug}")


def storable_address(address: Address) -> Address:
    return Address(address.kind, storable(address.value), address.scope)


def _park(items: Sequence[tuple[Work, str]]) -> list[Work]:
    """Keep items that could not be processed, once each. Returns those that are new."""
    rows = {each.item.key[:220]: (each, _row(each, "parked", reason)) for each, reason in items}
    parked: list[Work] = []
    for key in sorted(rows):
        each, row = rows[key]
        if insert_new(ItemRow, [row], key="key"):
            parked.append(each)
    return parked


def _finish(bodies: Sequence[InboundEvent], work: Sequence[Work], *, processed: Sequence[Work], parked: Sequence[Work]) -> None:
    """Close the bodies, unless somebody else has taken one over meanwhile, and add up what became final."""
    settled = Counter(each.body_id for each in [*processed, *parked])
    found = Counter(each.body_id for each in work)
    for body in bodies:
        body.state, body.lease_until = "done", None
        body.item_count = found[body.pk]
        body.duplicate_count = body.item_count - settled[body.pk]
    fences = dict(
        InboundEvent.objects.select_for_update().filter(pk__in=[body.pk for body in bodies]).order_by("pk").values_list("pk", "fence")
    )
    if any(fences.get(body.pk) != body.fence for body in bodies):
        raise Overtaken
    update_many(InboundEvent, bodies, ["state", "lease_until", "item_count", "duplicate_count"])
    _count(work, processed, parked)


def _count(work: Sequence[Work], processed: Sequence[Work], parked: Sequence[Work]) -> None:
    received = Counter(each.connection.pk for each in work)
    done = Counter(each.connection.pk for each in processed)
    kept = Counter(each.connection.pk for each in parked)
    for pk in sorted(received):
        add_to_totals(pk, received=received[pk], processed=done[pk], duplicate=received[pk] - done[pk] - kept[pk], shard=os.getpid())


class Overtaken(Exception):
    """The lease ran out and another worker has the body; what this one did is undone."""


def _singly(body: InboundEvent, work: Sequence[Work]) -> None:
    """One body, each item in its own savepoint."""
    try:
        with transaction.atomic():
            processed, parked = _one_by_one(work)
            _finish([body], work, processed=processed, parked=parked)
    except (OperationalError, Overtaken) as error:
        logger.warning("body %s undone; it is taken again when its lease is over: %s", body.pk, trail(error))


def _one_by_one(work: Sequence[Work]) -> tuple[list[Work], list[Work]]:
    """Each item in its own savepoint; those that went through, and those that are newly parked."""
    processed: list[Work] = []
    parked: list[Work] = []
    seen: set[str] = set()
    for each in work:
        if each.item.key in seen:
            continue
        seen.add(each.item.key)
        reason = each.item.reason if isinstance(each.item, Unreadable) else _try(each, processed)
        if reason:
            parked += _park([(each, reason)])
    return processed, parked


def _try(work: Work, processed: list[Work]) -> str:
    """Apply one item in a savepoint; the reason it must be parked, or ""."""
    try:
        with transaction.atomic():
            if insert_new(ItemRow, [_row(work)], key="key"):
                apply([work])
                processed.append(work)
            return ""
    except OperationalError:
        raise
    except Refused as refusal:
        return str(refusal)
    except Exception as error:
        logger.warning("an item of body %s is parked: %s", work.body_id, trail(error))
        return _told_already(work) or f"{type(error).__name__}: {error}"


def _told_already(work: Work) -> str:
    """Platforms give each message an id of its own; where two share one, the first stands and the other is kept with this reason."""
    item = work.item
    if not isinstance(item, InboundMessage) or not item.external_id:
        return ""
    if not Message.objects.filter(connection=work.connection, external_id=item.external_id[:200]).exists():
        return ""
    return f"another message is stored under this one's id, {item.external_id[:100]}"


def replay_item(row: ItemRow) -> str:
    """Try a parked item again from its stored body. Returns the reason it stays parked, or ""."""
    event = row.event
    if event is None:
        return "its body is no longer kept"
    owner = Connection.objects.get(pk=row.connection_id)
    try:
        items = _items(event, owner)
        item = next((item for item in items if item.key[:220] == row.key), None)
        if row.key == _name_of_all(event) and (item is None or not isinstance(item, Unreadable)):
            return _replay_body(row, event, items, owner)
        if item is None or isinstance(item, Unreadable):
            return item.reason if isinstance(item, Unreadable) else "its body reads differently now"
        with transaction.atomic():
            if _settled(row):
                apply([Work(item, event.pk, row.received_at, owner)])
                add_to_totals(owner.pk, processed=1, shard=os.getpid())
        return ""
    except Refused as refusal:
        return str(refusal)
    except Exception as error:
        logger.warning("replay of item %s failed: %s", row.pk, trail(error))
        return f"{type(error).__name__}: {error}"[:500]


def _settled(row: ItemRow) -> bool:
    """Mark a parked row as processed, for this transaction to make it true; False when somebody else has done so."""
    open_ = ItemRow.objects.filter(pk=row.pk, state="parked")
    return bool(open_.update(state="processed", processed_at=clock.now(), attempts=F("attempts") + 1))


def _replay_body(row: ItemRow, event: InboundEvent, items: Sequence[InboundItem], posted_to: Connection) -> str:
    """Take in a body that was parked as a whole. Its row stands for the body from now on; what is in it is counted by itself."""
    with transaction.atomic():
        if not _settled(row):
            return ""
        work = [Work(item, event.pk, row.received_at, _owner(item, posted_to)) for item in items]
        processed, parked = _one_by_one(work)
        InboundEvent.objects.filter(pk=event.pk).update(
            item_count=F("item_count") + len(work), duplicate_count=F("duplicate_count") + len(work) - len(processed) - len(parked)
        )
        _count(work, processed, parked)
        add_to_totals(posted_to.pk, processed=1, shard=os.getpid())
    return ""
