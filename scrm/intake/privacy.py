"""The person in raw bodies, in the ledger's items and in the spool. The ledger's sums stay as they are."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Q

from scrm.contacts.privacy import registry
from scrm.contacts.privacy.digests import digest
from scrm.contacts.privacy.registry import Box, Person
from scrm.contacts.privacy.removing import only_trying, pattern
from scrm.conversations.models import Message
from scrm.core import clock
from scrm.intake import spool
from scrm.intake.cutting import cut, strings
from scrm.intake.ledger import add_to_totals
from scrm.intake.models import COMPRESS_FROM, InboundEvent, InboundItem
from scrm.intake.pipeline import unpack

SCANNED = 500
STATUSES = ("sent", "delivered", "read", "failed", "deleted", "warning")
SHORTEST_ID = 8


def _erase(whom: Person) -> Iterator[int]:
    yield from _erase_known_items(whom)
    wanted = pattern(whom.markers)
    if wanted is None:
        return
    _erase_spool(wanted)
    for first, last in _spans():
        with transaction.atomic():
            changed = sum(_erase_in(body, wanted) for body in _bodies(first, last, wanted, lock=True))
        if changed:
            yield changed
    _erase_spool(wanted)


def _spans() -> Iterator[tuple[int, int]]:
    """Ranges of primary keys over all bodies there are now; newer ones hold nothing from before the erasure that counts."""
    newest = InboundEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    first = InboundEvent.objects.order_by("pk").values_list("pk", flat=True).first() or 1
    for start in range(first, newest + 1, SCANNED):
        yield start, start + SCANNED


def _bodies(first: int, last: int, wanted: re.Pattern[str], *, lock: bool = False) -> list[InboundEvent]:
    rows = InboundEvent.objects.filter(pk__gte=first, pk__lt=last).only("pk", "connection_id", "body", "size", "state")
    found = [row.pk for row in rows if cut(_whole(row), wanted)[1]]
    again = InboundEvent.objects.filter(pk__in=found).order_by("pk")
    return list(again.select_for_update() if lock else again) if found else []


def _whole(row: InboundEvent) -> bytes:
    try:
        return unpack(row)
    except zlib.error:
        return bytes(row.body)


def _erase_in(body: InboundEvent, wanted: re.Pattern[str]) -> int:
    rest, pieces = cut(_whole(body), wanted)
    body.body, body.size = (zlib.compress(rest, 1) if len(rest) >= COMPRESS_FROM else rest), len(rest)
    body.save(update_fields=["body", "size"])
    said = {text for text in strings(pieces) if len(text) >= SHORTEST_ID}
    items = InboundItem.objects.filter(event=body)
    own = [row for row in items if any(text in row.key for text in said) or wanted.search(f"{row.key} {row.reason} {row.data}")]
    if not rest.startswith(b'{"redacted"'):
        return 1 + _blank(own)
    return 1 + _blank(list(items))


def _blank(items: list[InboundItem]) -> int:
    """Keep that an item came and what became of it. A parked one can never be replayed, so it is settled as discarded."""
    for row in items:
        key = f"erased:{digest('item', row.key)}"
        changes: dict[str, Any] = {"key": key, "data": {}, "reason": ""}
        if row.state == InboundItem.State.PARKED:
            changes |= {"state": "processed", "processed_at": clock.now(), "discarded_by": "erasure"}
            add_to_totals(row.connection_id, processed=1)
        InboundItem.objects.filter(pk=row.pk).update(**changes)
    return len(items)


def _erase_known_items(whom: Person) -> Iterator[int]:
    """Items by the ids of the messages they became, whose bodies may have been removed long ago."""
    rows = Message.objects.filter(conversation__identity__in=whom.identities).exclude(external_id="").order_by("pk")
    last = 0
    while chunk := list(rows.filter(pk__gt=last).values_list("pk", "connection_id", "external_id")[:100]):
        last = chunk[-1][0]
        keys = [key for _, _, ident in chunk for key in (f"msg:{ident}", *(f"status:{ident}:{word}" for word in STATUSES))]
        with transaction.atomic():
            owners = {owner for _, owner, _ in chunk}
            # One account's items may be kept under another connection of it.
            own = list(InboundItem.objects.filter(key__in=keys).filter(Q(connection__in=owners) | Q(connection__kind="channel")))
            changed = _blank(own)
        if changed:
            yield changed


def _erase_spool(wanted: re.Pattern[str]) -> None:
    for entry in list(spool._files()):
        path = Path(entry.path)
        try:
            record = json.loads(path.read_bytes())
            body = base64.b64decode(record["body"])
        except (OSError, ValueError, KeyError):
            continue
        rest, pieces = cut(body, wanted)
        if pieces and not only_trying.get():
            _spool_again(path, record, body, rest)


def _spool_again(path: Path, record: dict[str, Any], body: bytes, rest: bytes) -> None:
    """The rest of a body cannot have the platform's signature, so the signature is checked now, on the whole."""
    from scrm.connections.services import by_slug
    from scrm.intake.views import signature_is_right

    connection = by_slug(record["slug"])
    if connection is not None and (record["checked"] or signature_is_right(connection, body, record["headers"])):
        changed = json.dumps({**record, "checked": True, "headers": {}, "body": base64.b64encode(rest).decode()}).encode()
        target = path.with_name(hashlib.sha256(changed).hexdigest() + spool.SUFFIX)
        scratch = path.with_name(f"{target.name}.{os.getpid()}.tmp")
        scratch.touch(mode=0o600)
        scratch.write_bytes(changed)
        scratch.rename(target)
    path.unlink(missing_ok=True)


def _export(whom: Person, box: Box) -> None:
    box.rows("received", _received(whom))


def _received(whom: Person) -> Iterator[dict[str, Any]]:
    """What platforms posted about the person, cut out of bodies that speak of others as well."""
    wanted = pattern(whom.markers)
    if wanted is None:
        return
    for first, last in _spans():
        for body in _bodies(first, last, wanted):
            for piece in cut(_whole(body), wanted)[1]:
                yield {"body": body.pk, "received_at": body.received_at, "piece": piece}


def register() -> None:
    covers = [model._meta.label_lower for model in (InboundEvent, InboundItem)]
    registry.register("received bodies", rank=10, covers=covers, erase=_erase, export=_export)
