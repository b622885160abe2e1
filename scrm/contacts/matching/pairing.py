"""Who is to be compared with whom, of all contacts at once: one pass over the stored keys in their order. Reads, and writes nothing.

Pairs are packed into numbers and kept by the step that compares them: some 8 bytes a pair, so a million contacts take some 100 MB.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from django.db import connection

from scrm.contacts.matching.keys import LARGEST, Kind, kind_of
from scrm.contacts.models import MatchKey

_SIZE_BITS = 6
_PLACE_BITS = 26
_PLACE = (1 << _PLACE_BITS) - 1
_ADDRESSES = frozenset({Kind.PHONE, Kind.EMAIL})
_CHUNK = 50_000


class Pairs:
    """`ids`: all contacts, ascending; those from `start` on are to be compared with what comes after them, `step` at a time."""

    def __init__(self, ids: Sequence[int], start: int, step: int) -> None:
        self.ids, self.start, self.step = ids, start, step
        self._place = {pk: place for place, pk in enumerate(ids)}
        self._steps = [array("Q") for _ in range(-(-(len(ids) - start) // step))]

    def gather(self) -> Pairs:
        for key, members in _blocks():
            kind = kind_of(key)
            if len(members) > LARGEST[kind]:
                continue
            places = sorted(place for place in map(self._place.get, members) if place is not None)
            self._add(places, len(members) if kind is Kind.NAME else 0, both_ways=kind in _ADDRESSES)
        self._place.clear()
        return self

    def _add(self, places: Sequence[int], size: int, *, both_ways: bool) -> None:
        steps, start, step = self._steps, self.start, self.step
        for index, high in enumerate(places):
            if high < start:
                continue
            for low in places[:index]:
                if low >= start:
                    steps[(low - start) // step].append((low << _PLACE_BITS | high) << _SIZE_BITS | size)
                if both_ways:
                    steps[(high - start) // step].append((high << _PLACE_BITS | low) << _SIZE_BITS | size)

    def ids_of_step(self, number: int) -> Sequence[int]:
        return self.ids[self.start + number * self.step : self.start + (number + 1) * self.step]

    def of_step(self, number: int) -> list[tuple[int, int, int]]:
        """(id, partner, contacts with the same whole name), each pair once; the fewest that have the name count, 0: names differ."""
        ids = self.ids
        found: list[tuple[int, int, int]] = []
        last, size = -1, 0
        for packed in sorted(self._steps[number]):
            pair = packed >> _SIZE_BITS
            held = packed & ((1 << _SIZE_BITS) - 1)
            if pair == last:
                # In order, so that a 0 comes first and then the smallest name.
                if not size and held:
                    size = held
                    found[-1] = (found[-1][0], found[-1][1], size)
                continue
            last, size = pair, held
            found.append((ids[pair >> _PLACE_BITS], ids[pair & _PLACE], held))
        self._steps[number] = array("Q")
        return found


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
