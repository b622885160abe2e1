"""Contacts and ties as several processes read them: each at its place, whatever is missing between them."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from scrm.contacts.matching import packing
from scrm.contacts.matching.profile import Facts, dump, prepare
from scrm.contacts.matching.shelf import Shelf, Ties

IDS = st.sets(st.integers(1, 12))


def body(pk: int, name: str = "陳大文") -> tuple[int, str]:
    return pk, dump(prepare(Facts(pk, name)))


def shelf(ids: set[int], bodies: set[int]) -> Shelf:
    made = Shelf(array("q", sorted(ids)))
    rows = [body(pk) for pk in sorted(bodies)]
    assert list(made.put_bodies(rows)) == rows
    return made


class Bodies:
    @given(IDS, IDS)
    def test_stand_at_the_places_of_those_who_are_compared(self, ids: set[int], prepared: set[int]) -> None:
        made = shelf(ids, prepared)
        for place, pk in enumerate(sorted(ids)):
            profile = made.profile(place)
            assert made.place_of(pk) == place
            assert (profile and profile.pk) == (pk if pk in prepared else None)
        assert made.place_of(13) is None

    @given(IDS, IDS, IDS, IDS)
    def test_those_that_came_went_or_changed_are_told(self, ids: set[int], before: set[int], after: set[int], other: set[int]) -> None:
        made = shelf(ids, before)
        now = [body(pk, "林怡君" if pk in other else "陳大文") for pk in sorted(after)]
        assert made.changed(now) == ((before & ids) ^ after) | (after & other)


class TiesOnAShelf:
    @given(IDS, st.dictionaries(st.tuples(st.integers(1, 12), st.integers(1, 12)), st.tuples(st.floats(-5, 12), st.booleans())))
    def test_are_found_by_contact(self, ids: set[int], given_ties: dict[tuple[int, int], tuple[float, bool]]) -> None:
        made = shelf(ids, ids)
        made.put_ties((one, other, *tie) for (one, other), tie in sorted(given_ties.items()))
        ties = Ties(made)
        for pk in range(1, 13):
            own = {other: tie for (one, other), tie in given_ties.items() if one == pk} if pk in ids else {}
            assert ties.get(pk, {}) == own
        assert set(ties) == {one for one, _ in given_ties} & ids and len(ties) == len(set(ties))


class Packing:
    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 40))))
    def test_gives_each_pair_once_with_the_rarest_name_that_both_have(self, pairs: list[tuple[int, int, int]]) -> None:
        told: dict[tuple[int, int], int] = {}
        for one, other, size in pairs:
            before = told.get((one, other), 0)
            told[one, other] = min(filter(None, (before, size)), default=0)
        found = list(packing.unpacked(array("Q", [packing.packed(*pair) for pair in pairs])))
        assert found == [(*pair, size) for pair, size in sorted(told.items())]
