"""Deletions that the CRM's list no longer holds: every linked record is asked for by its id, a page at a time.

A CRM forgets what was deleted after some days. A feed of removals that stood still for longer, or whose adapter says so with the key
`full_comparison` in its position, is caught up with before it is read on. How far that is stands in the position as well, so it goes on
after any crash. Removals are told as the feed would have told them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta

from connectors.contracts import Change, Crm, Json, Page, Removal
from scrm.core import clock
from scrm.sync.inlet import Inlet
from scrm.sync.models import ExternalRecord, SyncCursor

logger = logging.getLogger(__name__)

CHUNK = 100
ASKED = "full_comparison"
_COMPARED = "$compared"
# A list that reaches back so many days is not trusted to the hour.
_MARGIN = timedelta(hours=6)


def is_due(crm: Crm, row: SyncCursor) -> bool:
    """Of a feed of removals: whether the next page is one of the comparison."""
    if _COMPARED in row.cursor:
        return True
    if row.signpost is not None:
        return False
    days = crm.capabilities.feed_days
    stood_still = row.finished_at is not None and days is not None and row.finished_at < clock.now() - timedelta(days=days) + _MARGIN
    return stood_still or bool(row.cursor.get(ASKED))


def next_page(inlet: Inlet, crm: Crm, row: SyncCursor) -> Page:
    """The removals among the next `CHUNK` linked records. After the last the feed itself goes on. Raises the connector's errors."""
    after = int(row.cursor.get(_COMPARED, 0))
    if not after:
        logger.info("connection %s: all linked %s are compared by id", inlet.connection.slug, inlet.kind)
    records = ExternalRecord.objects.filter(connection=inlet.connection, kind=inlet.kind, removed_at=None, pk__gt=after)
    known = list(records.order_by("pk").values_list("pk", "external_id")[:CHUNK])
    if not known:
        return Page((), _own(row.cursor), True)
    gone = _gone(crm, inlet.kind, [external_id for _, external_id in known])
    return Page(gone, {**row.cursor, _COMPARED: known[-1][0]}, True)


def _own(cursor: Json) -> Json:
    return {name: value for name, value in cursor.items() if name not in {_COMPARED, ASKED}}


def _gone(crm: Crm, kind: str, ids: Collection[str]) -> tuple[Removal, ...]:
    found = _ids(crm.read(kind, list(ids)))
    missing = [each for each in ids if each not in found]
    # Some CRMs answer for a merged record with its survivor, under the survivor's id: asked for alone, it is plain which.
    moved = found - set(ids)
    return tuple(Removal(kind, each, _survivor(crm, kind, each) if moved else "") for each in missing)


def _survivor(crm: Crm, kind: str, record_id: str) -> str:
    return next(iter(_ids(crm.read(kind, [record_id])) - {record_id}), "")


def _ids(changes: Collection[Change]) -> set[str]:
    return {change.id for change in changes}
