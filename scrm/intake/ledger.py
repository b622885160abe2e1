"""The sum that must hold for every connection: received = processed + duplicate + parked + waiting.

And the ways to put parked items right.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, F, QuerySet, Sum

from scrm.connections.models import Connection
from scrm.core import clock
from scrm.core.rows import insert_new
from scrm.intake import spool
from scrm.intake.models import InboundEvent, InboundItem, LedgerTotal

SHARDS = 8


@dataclass(frozen=True, slots=True)
class Sums:
    """Items of one connection. `waiting` counts bodies that have not been opened yet; `spooled` bodies still outside the database."""

    connection_slug: str
    label: str
    received: int
    processed: int
    duplicate: int
    parked: int
    waiting: int
    spooled: int

    @property
    def balanced(self) -> bool:
        return self.received == self.processed + self.duplicate + self.parked + self.waiting

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "balanced": self.balanced}


def add_to_totals(connection_id: int, *, received: int = 0, processed: int = 0, duplicate: int = 0, shard: int = 0) -> None:
    """Count what became final; in the transaction that makes it so."""
    row = {"connection_id": connection_id, "day": clock.now().date(), "shard": shard % SHARDS}
    added = {"received": F("received") + received, "processed": F("processed") + processed, "duplicate": F("duplicate") + duplicate}
    if not LedgerTotal.objects.filter(**row).update(**added):
        insert_new(LedgerTotal, [LedgerTotal(**row)], key="shard")
        LedgerTotal.objects.filter(**row).update(**added)


def sums() -> list[Sums]:
    """One line a connection, read in one transaction so that the line adds up while work goes on."""
    with transaction.atomic():
        _one_snapshot()
        totals = {
            r["connection_id"]: r
            for r in LedgerTotal.objects.values("connection_id").annotate(r=Sum("received"), p=Sum("processed"), d=Sum("duplicate"))
        }
        parked = dict(InboundItem.objects.filter(state="parked").values_list("connection_id").annotate(n=Count("id")))
        waiting = dict(InboundEvent.objects.exclude(state="done").values_list("connection_id").annotate(n=Count("id")))
        connections = list(Connection.objects.order_by("kind", "slug"))
    spooled = spool.by_connection()
    return [_line(c, dict(totals.get(c.pk, {})), parked.get(c.pk, 0), waiting.get(c.pk, 0), spooled.get(c.slug, 0)) for c in connections]


def _one_snapshot() -> None:
    """On PostgreSQL each statement sees its own moment unless asked otherwise; SQLite's transaction is one moment anyway."""
    from django.db import connection

    if connection.vendor == "postgresql" and len(connection.savepoint_ids) == 0:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _line(connection: Connection, total: dict[str, Any], parked: int, waiting: int, spooled: int) -> Sums:
    received = (total.get("r") or 0) + waiting
    return Sums(connection.slug, connection.label, received, total.get("p") or 0, total.get("d") or 0, parked, waiting, spooled)


def replay(items: Iterable[InboundItem], *, by: str) -> int:
    """Try parked items again, each from its stored body and through the same keys. Returns how many are processed now."""
    from scrm.intake.pipeline import replay_item

    done = 0
    for row in items:
        if row.state != InboundItem.State.PARKED:
            continue
        reason = replay_item(row)
        if reason:
            InboundItem.objects.filter(pk=row.pk, state="parked").update(reason=reason[:500], attempts=F("attempts") + 1)
        else:
            done += 1
    return done


def replay_reason(reason: str, *, by: str) -> int:
    """All items parked for this reason."""
    return replay(InboundItem.objects.filter(state="parked", reason=reason).select_related("event").iterator(chunk_size=200), by=by)


def discard(items: QuerySet[InboundItem], *, by: str, note: str) -> int:
    """A person settles parked items without effect. They count as processed, with who and why."""
    done = 0
    for row in items.filter(state="parked"):
        with transaction.atomic():
            won = InboundItem.objects.filter(pk=row.pk, state="parked").update(
                state="processed", processed_at=clock.now(), discarded_by=by, reason=f"discarded: {note} (was: {row.reason})"[:500]
            )
            if won:
                add_to_totals(row.connection_id, processed=1)
                done += 1
    return done
