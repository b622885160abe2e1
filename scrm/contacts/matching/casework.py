"""Open pairs grouped into cases: one cluster, one case, kept as clusters change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db import connection
from django.db.models import Q

from scrm.contacts.matching import evidence
from scrm.contacts.matching.clusters import clusters
from scrm.contacts.matching.publishing import in_force
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase
from scrm.core import clock
from scrm.core.rows import among, update_many

Pair = DuplicateCandidate
# So far a cluster is followed from a contact whose pairs changed, and to so many further contacts for each of them.
_STEPS, _MOST = 6, 40
_APART = (Pair.State.APART, Pair.State.LINKED)
_WAITING = (DuplicateCase.State.OPEN, DuplicateCase.State.LATER)


# Of one product, so that nothing else takes it by chance.
_TURN = 0x5C121A


def take_turn() -> None:
    """Whoever changes pairs and cases does so alone until the transaction ends; people are locked before. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])


def regroup(contact_ids: Collection[int]) -> None:
    """Group anew what hangs together with these contacts. Cases keep their number while most of their contacts stay."""
    region = _region(contact_ids)
    # By one of both ids alone: asked for both, a database looks for every first with every second.
    pairs = [pair for pair in Pair.objects.filter(among(Pair, "first", region)) if pair.second_id in region]
    roots = _roots(region)
    apart = _apart(pairs, roots)
    against = {_ordered(p.first_id, p.second_id) for p in pairs if p.score < evidence.ALL_THE_SAME and evidence.contradicts(_codes(p))}
    live = [p for p in pairs if p.state == Pair.State.OPEN and roots[p.first_id] == p.first_id and roots[p.second_id] == p.second_id]
    open_pairs = [p for p in live if _ordered(p.first_id, p.second_id) not in apart]

    def forbidden(a: int, b: int) -> bool:
        return (a, b) in apart or (a, b) in against

    sure = [(p.score, p.first_id, p.second_id) for p in open_pairs if (p.first_id, p.second_id) not in against]
    groups = clusters(sure, forbidden)
    inside = {pk: place for place, members in enumerate(groups) for pk in members}
    # A pair that contradicts itself and was found rather likely all the same is shown alone, never as part of a greater cluster.
    grouped: list[list[Pair]] = [[] for _ in groups]
    for pair in open_pairs:
        place = inside.get(pair.first_id)
        if place is not None and place == inside.get(pair.second_id):
            grouped[place].append(pair)
        else:
            grouped.append([pair])
    _store([group for group in grouped if group], pairs)


def _apart(pairs: Iterable[DuplicateCandidate], roots: Mapping[int, int]) -> set[tuple[int, int]]:
    """People who were kept apart, by survivor: what was said of one record of a person holds for all of them."""
    below = Contact.objects.filter(among(Contact, "merged_into", set(roots.values()))).values_list("pk", "merged_into_id")
    records = {**roots, **{pk: root for pk, root in below if root is not None}}
    told = [(pair.first_id, pair.second_id) for pair in pairs if pair.state in _APART]
    if len(records) > len(roots):
        touching = Q(first_id__in=records.keys()) | Q(second_id__in=records.keys())
        told += list(Pair.objects.filter(touching, state__in=_APART).values_list("first_id", "second_id"))
    return {_ordered(records[one], records[other]) for one, other in told if one in records and other in records}


def apart(contacts: Collection[int]) -> set[tuple[int, int]]:
    """Which of these contacts, none of them merged into another, were kept apart from which, they or records behind them."""
    pairs = Pair.objects.filter(among(Pair, "first", contacts), state__in=_APART)
    return _apart([pair for pair in pairs if pair.second_id in contacts], {pk: pk for pk in contacts})


def _codes(pair: DuplicateCandidate) -> list[str]:
    return [str(line["code"]) for line in pair.evidence]


def _region(contact_ids: Collection[int]) -> set[int]:
    region, edge = set(contact_ids), set(contact_ids)
    for _ in range(_STEPS):
        rows = Pair.objects.filter(Q(among(Pair, "first", edge)) | Q(among(Pair, "second", edge)), state=Pair.State.OPEN)
        near = {pk for pair in rows.values_list("first_id", "second_id") for pk in pair} - region
        if not near or len(region) > _MOST * len(contact_ids):
            break
        region |= near
        edge = near
    return region


def _roots(contact_ids: Collection[int]) -> dict[int, int]:
    rows = Contact.objects.filter(among(Contact, "id", contact_ids)).values_list("pk", "merged_into_id")
    return {pk: root or pk for pk, root in rows}


def _store(groups: Sequence[Sequence[Pair]], pairs: Iterable[Pair]) -> None:
    """Give every group its case: the one that most of its pairs had, or a new one; cases that are left over are gone."""
    held = {pair.case_id for pair in pairs if pair.case_id is not None}
    waiting = DuplicateCase.objects.select_for_update().filter(among(DuplicateCase, "id", held), state__in=_WAITING)
    existing = {row.pk: row for row in waiting} if held else {}
    rules = in_force()
    free, fresh, placed = dict(existing), [], []
    for group in sorted(groups, key=lambda each: -len(each)):
        case = _case_for(group, free)
        if case is None:
            case = DuplicateCase(created_at=clock.now(), state=DuplicateCase.State.OPEN, score=0, size=0)
            fresh.append(case)
        _describe(case, group, rules.settings.merge_from / 100)
        placed.append((case, group))
    DuplicateCase.objects.bulk_create(fresh)
    kept = [case for case, _ in placed if case.pk in existing]
    if kept:
        update_many(DuplicateCase, kept, ["score", "size", "proposal"])
    if free:
        DuplicateCase.objects.filter(pk__in=free).update(state=DuplicateCase.State.GONE, claimed_by=None, claimed_until=None)
    moved = []
    for case, group in placed:
        for pair in group:
            if pair.case_id != case.pk:
                pair.case_id = case.pk
                moved.append(pair)
    # What is open and in no group is of a merged record, or of two people who were kept apart: nobody is asked about it.
    grouped = {pair.pk for _, group in placed for pair in group}
    for pair in pairs:
        if pair.state == Pair.State.OPEN and pair.case_id is not None and pair.pk not in grouped:
            pair.case_id = None
            moved.append(pair)
    if moved:
        update_many(Pair, moved, ["case"])


def _case_for(group: Sequence[Pair], free: dict[int, DuplicateCase]) -> DuplicateCase | None:
    votes: dict[int, int] = {}
    for pair in group:
        if pair.case_id in free:
            votes[pair.case_id] = votes.get(pair.case_id, 0) + 1
    return free.pop(min(votes, key=lambda pk: (-votes[pk], pk))) if votes else None


def _describe(case: DuplicateCase, group: Sequence[Pair], merge_from: float) -> None:
    people = {pk for pair in group for pk in (pair.first_id, pair.second_id)}
    case.score = max(pair.score for pair in group)
    case.size = min(len(people), 32_000)
    case.proposal = "merge" if _proposed(group, people, merge_from) else "review"


def _proposed(group: Sequence[Pair], people: set[int], merge_from: float) -> bool:
    """Every contact hangs on the others by pairs that may be proposed, and no pair inside speaks against it."""
    likely = []
    for pair in group:
        if not evidence.may_propose(_codes(pair)):
            return False
        if pair.score >= merge_from:
            likely.append((pair.score, pair.first_id, pair.second_id))
    joined = clusters(likely, lambda _a, _b: False, chained=True)
    return len(joined) == 1 and joined[0] == people


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
