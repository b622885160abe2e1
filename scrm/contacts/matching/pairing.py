"""Who is to be compared with whom, of all contacts at once: one pass over the stored keys in their order. Reads, and writes nothing.

Pairs are packed into numbers and kept by the step that compares them: some 8 bytes a pair, so a million contacts take some 100 MB.
Of a pair the lower contact stands first; where both share an address, it is there the other way round as well, because who else has the
address is seen from each of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from django.db import connection

from scrm.contacts.matching.keys import LARGEST, Kind, kind_of
from scrm.contacts.matching.packing import packed
from scrm.contacts.models import MatchKey

_ADDRESSES = frozenset({Kind.PHONE, Kind.EMAIL})
_CHUNK = 50_000


class Pairs:
    """`ids`: all contacts, ascending; those from the place `start` on are to be compared with what comes after them, `step` at a time."""

    def __init__(self, ids: Sequence[int], start: int, step: int) -> None:
        self.ids, self.start, self.step = ids, start, step
        self._steps = [array("Q") for _ in range(-(-(len(ids) - start) // step))]

    def gather(self) -> Pairs:
        place_of = {pk: place for place, pk in enumerate(self.ids)}
        for key, members in _blocks():
            kind = kind_of(key)
            if len(members) > LARGEST[kind]:
                continue
            places = sorted(place for place in map(place_of.get, members) if place is not None)
            self._add(places, len(members) if kind is Kind.NAME else 0, both_ways=kind in _ADDRESSES)
        return self

    def _add(self, places: Sequence[int], size: int, *, both_ways: bool) -> None:
        steps, start, step = self._steps, self.start, self.step
        for index, high in enumerate(places):
            if high < start:
                continue
            for low in places[:index]:
                if low >= start:
                    steps[(low - start) // step].append(packed(low, high, size))
                if both_ways:
                    steps[(high - start) // step].append(packed(high, low, size))

    def at(self, place: int) -> tuple[int, array[int]]:
        """The pairs of the step that this place is in, and the first place after it."""
        number = (place - self.start) // self.step
        return min(self.start + (number + 1) * self.step, len(self.ids)), self._steps[number]


def _blocks() -> Iterator[tuple[int, list[int]]]:
    """Every key that two contacts or more have, with those contacts."""
    table = MatchKey._meta.db_table
    largest = max(LARGEST.values())
    if connection.vendor == "postgresql":
        grouped = f"SELECT key, array_agg(contact_id) FROM {table} GROUP BY key HAVING count(*) BETWEEN 2 AND {largest}"  # noqa: S608
        with connection.chunked_cursor() as cursor:
            cursor.execute(grouped)
            while rows := cursor.fetchmany(_CHUNK):
                yield from rows
        return
    grouped = f"SELECT key, group_concat(contact_id) FROM {table} GROUP BY key HAVING count(*) BETWEEN 2 AND {largest}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(grouped)
        while rows := cursor.fetchmany(_CHUNK):
            for key, members in rows:
                yield key, [int(each) for each in str(members).split(",")]
