"""Who is in a segment, and how many they are, at this moment."""

from __future__ import annotations

from scrm.campaigns.models import Segment
from scrm.contacts import conditions
from scrm.contacts.condition_faults import worded
from scrm.contacts.models import Contact
from scrm.contacts.querysets import ContactQuerySet
from scrm.core import clock


class BrokenSegment(Exception):
    """The segment's conditions cannot be used; the text says why in words."""


def members(segment: Segment) -> ContactQuerySet:
    """Current contacts (no merged duplicates) for whom the conditions hold now. Raises `BrokenSegment`."""
    errors = conditions.check(segment.conditions)
    if errors:
        raise BrokenSegment(" ".join(worded(errors)))
    try:
        return Contact.objects.current().filter(conditions.to_q(segment.conditions, clock.now()))
    except conditions.NotForSets as problem:
        raise BrokenSegment(" ".join(worded(problem.args))) from problem


def size(segment: Segment) -> int:
    return members(segment).count()
