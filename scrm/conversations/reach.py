"""How many people were spoken to first within a moving day: the platform's messaging limit, held exactly under any concurrency.

A portfolio's numbers share one row. Counts stand in buckets of six minutes; a bucket counts until all of it is more than 24 hours
ago, so what is held is never above the limit and at most six minutes late in freeing a place. A person counts once, at the time of
the newest message that spoke first; whoever adds to a row holds its lock until the transaction ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scrm.connections.models import Connection
from scrm.conversations.models import Reach
from scrm.core import clock
from scrm.core.rows import insert_new

BUCKET = timedelta(minutes=6)
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Reached:
    """People counted now, and when the oldest of them leaves the count."""

    people: int = 0
    frees_at: datetime | None = None


def portfolio_key(connection: Connection) -> str:
    """The row of the platform's limit: the portfolio's, or the number's own when none is known."""
    return f"portfolio:{connection.portfolio}" if connection.portfolio else number_key(connection)


def number_key(connection: Connection) -> str:
    """The row of a number's warm-up plan."""
    return f"number:{connection.pk}"


def bucket_of(at: datetime) -> int:
    return int(at.timestamp() // BUCKET.total_seconds())


def _kept(buckets: dict[str, int], now: datetime) -> Counter[int]:
    """The buckets that still reach into the last 24 hours."""
    oldest = bucket_of(now - DAY)
    return Counter({int(name): count for name, count in buckets.items() if int(name) >= oldest and count > 0})


def _reached(buckets: Counter[int]) -> Reached:
    if not buckets:
        return Reached()
    ends = datetime.fromtimestamp((min(buckets) + 1) * BUCKET.total_seconds(), tz=UTC)
    return Reached(sum(buckets.values()), ends + DAY)


def read(keys: Collection[str], now: datetime) -> dict[str, Reached]:
    """How full these rows are. A row that is not there is empty."""
    return {key: reached(counts, now) for key, counts in buckets(keys).items()}


def buckets(keys: Collection[str]) -> dict[str, dict[str, int]]:
    """The counts as they are stored, to be asked how full they are at several moments."""
    return dict(Reach.objects.filter(key__in=keys).values_list("key", "buckets"))


def reached(counts: dict[str, int], now: datetime) -> Reached:
    return _reached(_kept(counts, now))


def change(key: str, cap: int, moves: Counter[int], now: datetime) -> bool:
    """Add and take away counts by bucket; False, and nothing changed, when that would go over the cap. Locks the row."""
    row = Reach.objects.select_for_update().filter(key=key).first()
    if row is None:
        insert_new(Reach, [Reach(key=key, cap=cap, changed_at=now)], key="key")
        row = Reach.objects.select_for_update().get(key=key)
    kept = _kept(row.buckets, now)
    before = sum(kept.values())
    kept.update(moves)
    kept = +kept
    after = sum(kept.values())
    if after > cap and after > before:
        return False
    stored = {str(name): count for name, count in sorted(kept.items())}
    Reach.objects.filter(pk=row.pk).update(buckets=stored, cap=cap, changed_at=now)
    return True


def give_back(key: str, at: datetime) -> None:
    """One person fewer: the message of `at` is proven not to have gone."""
    row = Reach.objects.select_for_update().filter(key=key).first()
    if row is None:
        return
    counts = Counter({int(name): count for name, count in row.buckets.items()})
    counts[bucket_of(at)] -= 1
    stored = {str(name): count for name, count in sorted(counts.items()) if count > 0}
    Reach.objects.filter(pk=row.pk).update(buckets=stored, changed_at=clock.now())
