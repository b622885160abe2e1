"""Prepared contacts and their ties, put once where several processes read them. Pure, no database.

They lie in files without names, mapped into the memory of each process: read as fast as memory, held once by the machine, and gone with
the last process that has them open, whatever ends it. A contact's place is its position among the ids.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing import reduction
from typing import Any

from scrm.contacts.matching import profile
from scrm.contacts.matching.collective import Tie
from scrm.contacts.matching.profile import Profile


class File:
    """Written by one process, then read by this one and by those that it starts with it."""

    def __init__(self) -> None:
        self._file: Any = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as anybody reads it
        self._whole: memoryview | None = None

    def write(self, data: Any) -> None:
        self._file.write(data)

    def written(self) -> None:
        """What was written so far can be read by all."""
        self._file.flush()

    def whole(self) -> memoryview:
        """All bytes, once everything is written."""
        if self._whole is None:
            size = os.fstat(self._file.fileno()).st_size
            self._whole = memoryview(mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ) if size else b"")
        return self._whole

    def __getstate__(self) -> Any:
        # A process that is being started inherits the open file.
        return reduction.DupFd(self._file.fileno())

    def __setstate__(self, given: Any) -> None:
        self._file, self._whole = os.fdopen(given.detach(), "rb"), None


class Column:
    """Numbers of one kind, see `array`."""

    def __init__(self, kind: str) -> None:
        self._kind, self._file = kind, File()
        self._values: memoryview | None = None

    def fill(self, values: array[Any]) -> None:
        self._file.write(values)
        self._file.written()

    def values(self) -> memoryview:
        if self._values is None:
            self._values = self._file.whole().cast(self._kind)  # type: ignore[call-overload]
        return self._values

    def __getstate__(self) -> Any:
        return self._kind, self._file

    def __setstate__(self, given: Any) -> None:
        (self._kind, self._file), self._values = given, None


class Shelf:
    """`ids`: all contacts, ascending. Bodies are put in first; the ties once all are known."""

    def __init__(self, ids: array[int]) -> None:
        self._ids, self._starts, self._bodies = Column("q"), Column("Q"), File()
        self._tie_starts, self._tied, self._odds, self._sure = Column("Q"), Column("q"), Column("d"), File()
        self._ids.fill(ids)

    def ids(self) -> Sequence[int]:
        return self._ids.values()  # type: ignore[return-value]

    def place_of(self, pk: int) -> int | None:
        ids = self.ids()
        place = bisect_left(ids, pk)
        return place if place < len(ids) and ids[place] == pk else None

    def put_bodies(self, rows: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """Keep the prepared contacts, given by ascending id; hands each on."""
        starts, at, rest = array("Q", [0]), 0, iter(self.ids())
        awaited = next(rest, None)
        for pk, body in rows:
            while awaited is not None and awaited < pk:
                starts.append(at)
                awaited = next(rest, None)
            if awaited == pk:
                data = body.encode()
                self._bodies.write(data)
                at += len(data)
                starts.append(at)
                awaited = next(rest, None)
            yield pk, body
        self._bodies.written()
        starts.extend([at] * (len(self.ids()) + 1 - len(starts)))
        self._starts.fill(starts)

    def body(self, place: int) -> bytes:
        """Empty: there is none."""
        starts = self._starts.values()
        return bytes(self._bodies.whole()[starts[place] : starts[place + 1]])

    def profile(self, place: int) -> Profile | None:
        body = self.body(place)
        return profile.load(self.ids()[place], body.decode()) if body else None

    def changed(self, rows: Iterable[tuple[int, str]]) -> set[int]:
        """Of contacts as they are now, by ascending id, those that are not as they were put in, new ones and lost ones."""
        found: set[int] = set()
        ids, place = self.ids(), 0
        for pk, body in rows:
            while place < len(ids) and ids[place] < pk:
                if self.body(place):
                    found.add(ids[place])
                place += 1
            if place < len(ids) and ids[place] == pk:
                if self.body(place) != body.encode():
                    found.add(pk)
                place += 1
            else:
                found.add(pk)
        found.update(ids[each] for each in range(place, len(ids)) if self.body(each))
        return found

    def put_ties(self, rows: Iterable[tuple[int, int, float, bool]]) -> None:
        """Each tie from both sides, by ascending id of the first."""
        ids, place = self.ids(), 0
        starts, tied, odds, sure = array("Q", [0]), array("q"), array("d"), bytearray()
        for pk, other, value, certain in rows:
            while place < len(ids) and ids[place] < pk:
                place += 1
                starts.append(len(tied))
            if place < len(ids) and ids[place] == pk:
                tied.append(other)
                odds.append(value)
                sure.append(certain)
        starts.extend([len(tied)] * (len(ids) + 1 - len(starts)))
        self._tie_starts.fill(starts)
        self._tied.fill(tied)
        self._odds.fill(odds)
        self._sure.write(sure)
        self._sure.written()

    def ties_at(self, place: int) -> dict[int, Tie]:
        starts = self._tie_starts.values()
        begin, end = starts[place], starts[place + 1]
        if begin == end:
            return {}
        sure = map(bool, self._sure.whole()[begin:end])
        return dict(zip(self._tied.values()[begin:end], zip(self._odds.values()[begin:end], sure, strict=True), strict=True))


class Ties(Mapping[int, Mapping[int, Tie]]):
    """The ties on a shelf by contact, as judging looks them up; what was looked up is kept."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._known: dict[int, dict[int, Tie]] = {}

    def __getitem__(self, pk: int) -> dict[int, Tie]:
        found = self._known.get(pk)
        if found is None:
            place = self._shelf.place_of(pk)
            found = self._known[pk] = {} if place is None else self._shelf.ties_at(place)
        if not found:
            raise KeyError(pk)
        return found

    def __iter__(self) -> Iterator[int]:
        return (pk for place, pk in enumerate(self._shelf.ids()) if self._shelf.ties_at(place))

    def __len__(self) -> int:
        return sum(1 for _ in self)
