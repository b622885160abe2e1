"""How many people a segment has: at once where the database is quick about it, else in the background, a slice of the contacts a step.

Of a rare condition every contact is looked at, however early one would stop counting. One who opens the page is told the number of
last time and its moment meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scrm.campaigns import segments
from scrm.campaigns.models import Segment
from scrm.contacts.models import Contact
from scrm.core import clock, jobs
from scrm.core.bounded import count_within

DRAIN = "segments"
PATIENCE_MS = 300
# Some conditions read what is theirs, such as all events of a kind, once a slice.
SLICE = 200_000
# A number of the background is good for so long.
FRESH = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Size:
    """`people` None: not known yet. `at` None: just now. `more`: counting stopped at `people`. `coming`: it is being counted.

    `percent`: how much of the contacts has been looked at for that; `so_far`: how many were found among those.
    """

    people: int | None
    at: datetime | None = None
    more: bool = False
    coming: bool = False
    percent: int = 0
    so_far: int = 0


def size_of(segment: Segment, most: int) -> Size:
    """Up to `most` when that is quick; else what was counted last, and it is counted anew when that is old. Raises `BrokenSegment`."""
    found = count_within(segments.members(segment).order_by(), most + 1, PATIENCE_MS)
    if found is not None:
        return Size(min(found, most), more=found > most)
    fresh = segment.counted_at is not None and clock.now() - segment.counted_at < FRESH
    if not fresh:
        ask(segment)
    return counted(segment) if fresh else replace(counted(segment), coming=True)


def counted(segment: Segment) -> Size:
    """As the row says: what was counted last, and how far the counting is that goes on. Counts nothing and asks for nothing."""
    if segment.asked_at is None:
        return Size(segment.people, segment.counted_at)
    last = Contact.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    percent = min(99, 100 * segment.looked_to // last) if last else 0
    return Size(segment.people, segment.counted_at, coming=True, percent=percent, so_far=segment.found)


def ask(segment: Segment) -> None:
    """Have it counted in the background; once, however often one asks."""
    Segment.objects.filter(pk=segment.pk, asked_at=None).update(asked_at=clock.now(), looked_to=0, found=0)
    jobs.wake_on_commit(DRAIN)


def forget(segment: Segment) -> None:
    """Its conditions are others now: what was counted, or is being counted, says nothing of them."""
    Segment.objects.filter(pk=segment.pk).update(people=None, counted_at=None, asked_at=None, looked_to=0, found=0)


def count_some() -> int:
    """Look at the next slice of contacts for the segment that has waited longest; 0 when none waits.

    Written only if nobody took the segment further or changed it meanwhile, so that a step that is done twice counts once.
    """
    row = Segment.objects.filter(asked_at__isnull=False).order_by("asked_at", "pk").first()
    if row is None:
        return 0
    mine = Segment.objects.filter(pk=row.pk, asked_at=row.asked_at, looked_to=row.looked_to)
    try:
        members = segments.members(row)
    except segments.BrokenSegment:
        mine.update(asked_at=None)
        return 1
    ahead = Contact.objects.filter(pk__gt=row.looked_to).order_by("pk").values_list("pk", flat=True)
    last = ahead[SLICE - 1 : SLICE].first()
    slice_ = members.filter(pk__gt=row.looked_to)
    found = row.found + (slice_.filter(pk__lte=last) if last is not None else slice_).order_by().count()
    if last is not None:
        mine.update(looked_to=last, found=found)
    else:
        mine.update(people=found, counted_at=clock.now(), asked_at=None, looked_to=0, found=0)
    return 1
