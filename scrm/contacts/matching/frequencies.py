"""How common parts of names and purchases are: counted when all contacts are compared, stored, and looked up for those compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from django.db import transaction

from scrm.contacts.matching import profile, rarity
from scrm.contacts.matching.profile import Profile
from scrm.contacts.matching.rarity import UNCOUNTED, Frequencies
from scrm.contacts.models import MatchFrequency

# A sample of so many tells how common a name is as well as all of them.
SAMPLE = 300_000
_COUNTED, _PEOPLE = "*counted", "*people"
_LONGEST = 200


def recount(bodies: Iterable[tuple[int, str]], people: int) -> Frequencies:
    """Count anew and store what was counted. `bodies`: all prepared contacts, all of them are gone through."""
    found = rarity.count(_sample(bodies, max(1, people // SAMPLE)), people)
    rows = [(part, held) for part, held in sorted(found.counts.items()) if len(part) <= _LONGEST]
    rows += [(_COUNTED, found.contacts), (_PEOPLE, found.people)]
    with transaction.atomic():
        MatchFrequency.objects.all()._raw_delete(using="default")  # type: ignore[attr-defined]
        MatchFrequency.objects.bulk_create([MatchFrequency(part=part, contacts=held) for part, held in rows], batch_size=5_000)
    return found


def _sample(bodies: Iterable[tuple[int, str]], every: int) -> Iterator[Profile]:
    for place, (pk, body) in enumerate(bodies):
        if place % every == 0:
            yield profile.load(pk, body)


def of(profiles: Iterable[Profile]) -> Frequencies:
    """What is known of the parts that these have: whatever they have in common with others is among them."""
    wanted = {part for each in profiles for part in rarity.parts(each)}
    return _read([*sorted(wanted), _COUNTED, _PEOPLE])


def every() -> Frequencies:
    return _frequencies(dict(MatchFrequency.objects.values_list("part", "contacts").iterator(chunk_size=20_000)))


def _read(wanted: Collection[str]) -> Frequencies:
    found: dict[str, int] = {}
    ordered = list(wanted)
    for start in range(0, len(ordered), 5_000):
        found |= dict(MatchFrequency.objects.filter(part__in=ordered[start : start + 5_000]).values_list("part", "contacts"))
    return _frequencies(found)


def _frequencies(found: dict[str, int]) -> Frequencies:
    counted, people = found.pop(_COUNTED, 0), found.pop(_PEOPLE, 0)
    return Frequencies(counted, found, max(people, counted)) if counted else UNCOUNTED
